-- Policies in force, requests as policies decided them, and persons' words on those that were left to a person.

-- Every policy that came into force, latest last. The first is trusted as installed and names no signer, as is one that a
-- restored node goes on with; every other was signed. The document, or the signed act that holds it, is the entry's body.
CREATE TABLE policies (
    policy_hash TEXT    NOT NULL,
    replaces    TEXT    NOT NULL,
    act_id      TEXT    NOT NULL,
    act_hash    TEXT    NOT NULL,
    signers     TEXT    NOT NULL,
    entry_index INTEGER PRIMARY KEY NOT NULL REFERENCES entries (entry_index)
) STRICT;
CREATE UNIQUE INDEX policies_by_act ON policies (act_id) WHERE act_id <> '';

-- Verified requests as their requesters signed them, with the policy's decision; node only. It lets a policy be tried on what
-- was asked, and holds what waits for a person. No part of the log: a row counts only where its bytes have its hash.
CREATE TABLE requests (
    request_id   TEXT    NOT NULL,
    request_hash BLOB    NOT NULL CHECK (length(request_hash) = 32),
    envelope     BLOB    NOT NULL,
    study        BLOB    NOT NULL,
    decided      TEXT    NOT NULL CHECK (decided IN ('allowed', 'manual', 'denied')),
    rule         TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (request_id, request_hash)
) STRICT;
CREATE INDEX requests_by_time ON requests (at);

-- What a person said of a request; one word for each.
CREATE TABLE approvals (
    act_id       TEXT    PRIMARY KEY NOT NULL,
    act_hash     BLOB    NOT NULL CHECK (length(act_hash) = 32),
    signer       TEXT    NOT NULL,
    request_id   TEXT    NOT NULL,
    request_hash TEXT    NOT NULL,
    word         TEXT    NOT NULL CHECK (word IN ('approved', 'refused')),
    policy_hash  TEXT    NOT NULL,
    entry_index  INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index),
    UNIQUE (request_id, request_hash)
) STRICT;

CREATE TRIGGER policies_update BEFORE UPDATE ON policies BEGIN SELECT RAISE(ABORT, 'policies is append-only'); END;
CREATE TRIGGER policies_delete BEFORE DELETE ON policies BEGIN SELECT RAISE(ABORT, 'policies is append-only'); END;
CREATE TRIGGER approvals_update BEFORE UPDATE ON approvals BEGIN SELECT RAISE(ABORT, 'approvals is append-only'); END;
CREATE TRIGGER approvals_delete BEFORE DELETE ON approvals BEGIN SELECT RAISE(ABORT, 'approvals is append-only'); END;
