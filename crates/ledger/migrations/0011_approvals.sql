-- A word counts under the policy it was said under: a request may be decided again once another policy is in force.
CREATE TABLE approvals_by_policy (
    act_id       TEXT    PRIMARY KEY NOT NULL,
    act_hash     BLOB    NOT NULL CHECK (length(act_hash) = 32),
    signer       TEXT    NOT NULL,
    request_id   TEXT    NOT NULL,
    request_hash TEXT    NOT NULL,
    word         TEXT    NOT NULL CHECK (word IN ('approved', 'refused')),
    policy_hash  TEXT    NOT NULL,
    entry_index  INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index),
    UNIQUE (request_id, request_hash, policy_hash)
) STRICT;

INSERT INTO approvals_by_policy
SELECT act_id, act_hash, signer, request_id, request_hash, word, policy_hash, entry_index FROM approvals;

DROP TABLE approvals;
ALTER TABLE approvals_by_policy RENAME TO approvals;

CREATE TRIGGER approvals_update BEFORE UPDATE ON approvals BEGIN SELECT RAISE(ABORT, 'approvals is append-only'); END;
CREATE TRIGGER approvals_delete BEFORE DELETE ON approvals BEGIN SELECT RAISE(ABORT, 'approvals is append-only'); END;
