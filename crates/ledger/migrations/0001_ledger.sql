-- The privacy ledger and its log. Every table but `tree` is append-only.

-- Leaves of the Merkle log. `header` is canonical JSON; `body_hash` is salted, see the audit crate.
CREATE TABLE entries (
    entry_index INTEGER PRIMARY KEY NOT NULL CHECK (entry_index >= 0),
    kind        TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    header      TEXT    NOT NULL,
    body_hash   BLOB    NOT NULL CHECK (length(body_hash) = 32),
    leaf_hash   BLOB    NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;

-- Bodies apart from their entries, so that a later version can erase one without touching the log.
CREATE TABLE bodies (
    entry_index INTEGER PRIMARY KEY NOT NULL REFERENCES entries (entry_index),
    salt        BLOB    NOT NULL CHECK (length(salt) = 32),
    body        BLOB    NOT NULL
) STRICT;

-- Size of the log and roots of its complete subtrees: derived from `entries`, replaced by each append.
CREATE TABLE tree (
    id       INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    size     INTEGER NOT NULL CHECK (size >= 0),
    frontier BLOB    NOT NULL
) STRICT;
INSERT INTO tree (id, size, frontier) VALUES (1, 0, x'');

-- The account: its lifetime cap in nano-rho, fixed by its first charge.
CREATE TABLE account (
    id          INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    lifetime    INTEGER NOT NULL CHECK (lifetime >= 0),
    entry_index INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index)
) STRICT;

-- Debits in nano-rho. Request ids are kept for ever, longer than any expiry.
CREATE TABLE charges (
    request_id   TEXT    PRIMARY KEY NOT NULL,
    request_hash BLOB    NOT NULL CHECK (length(request_hash) = 32),
    query_hash   BLOB    NOT NULL CHECK (length(query_hash) = 32),
    dataset      TEXT    NOT NULL,
    edition      INTEGER NOT NULL,
    study        TEXT    NOT NULL,
    purpose      TEXT    NOT NULL,
    policy_hash  TEXT    NOT NULL,
    year         INTEGER NOT NULL,
    rho          INTEGER NOT NULL CHECK (rho >= 0),
    entry_index  INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index)
) STRICT;
CREATE INDEX charges_by_dataset ON charges (dataset);
CREATE INDEX charges_by_study ON charges (study);
CREATE INDEX charges_by_purpose ON charges (purpose);
CREATE INDEX charges_by_year ON charges (year);

-- The noisy result of a charge, for every later request of the same question on the same edition.
CREATE TABLE noise (
    query_hash BLOB    NOT NULL CHECK (length(query_hash) = 32),
    dataset    TEXT    NOT NULL,
    edition    INTEGER NOT NULL,
    request_id TEXT    NOT NULL UNIQUE REFERENCES charges (request_id),
    body       BLOB    NOT NULL,
    PRIMARY KEY (query_hash, dataset, edition)
) STRICT;

-- Requests answered from stored noise, without a charge.
CREATE TABLE reuses (
    request_id       TEXT    PRIMARY KEY NOT NULL,
    request_hash     BLOB    NOT NULL CHECK (length(request_hash) = 32),
    noise_request_id TEXT    NOT NULL REFERENCES noise (request_id),
    study            TEXT    NOT NULL,
    purpose          TEXT    NOT NULL,
    policy_hash      TEXT    NOT NULL,
    entry_index      INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index)
) STRICT;

-- The sealed answer of a request, exactly as it is sent.
CREATE TABLE answers (
    request_id  TEXT    PRIMARY KEY NOT NULL,
    sealed      BLOB    NOT NULL,
    answer_hash BLOB    NOT NULL CHECK (length(answer_hash) = 32),
    noise_hash  BLOB    NOT NULL CHECK (length(noise_hash) = 32),
    allowed_by  INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index),
    entry_index INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index)
) STRICT;

-- Refusals; one that repeats itself for the same request is kept once.
CREATE TABLE refusals (
    request_id   TEXT    NOT NULL,
    request_hash BLOB    NOT NULL CHECK (length(request_hash) = 32),
    rule         TEXT    NOT NULL,
    field        TEXT    NOT NULL,
    code         TEXT    NOT NULL,
    entry_index  INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index),
    PRIMARY KEY (request_id, request_hash, rule, field, code)
) STRICT;

-- What counterparts confirmed: checkpoint and one cosignature of it, as text.
CREATE TABLE cosignatures (
    size        INTEGER NOT NULL CHECK (size >= 0),
    witness     TEXT    NOT NULL,
    checkpoint  TEXT    NOT NULL,
    cosignature TEXT    NOT NULL,
    PRIMARY KEY (size, witness)
) STRICT;

CREATE TRIGGER entries_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries is append-only'); END;
CREATE TRIGGER entries_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries is append-only'); END;
CREATE TRIGGER bodies_update BEFORE UPDATE ON bodies BEGIN SELECT RAISE(ABORT, 'bodies is append-only'); END;
CREATE TRIGGER bodies_delete BEFORE DELETE ON bodies BEGIN SELECT RAISE(ABORT, 'bodies is append-only'); END;
CREATE TRIGGER tree_delete BEFORE DELETE ON tree BEGIN SELECT RAISE(ABORT, 'the tree only grows'); END;
CREATE TRIGGER tree_shrink BEFORE UPDATE ON tree WHEN NEW.size <= OLD.size BEGIN SELECT RAISE(ABORT, 'the tree only grows'); END;
CREATE TRIGGER account_update BEFORE UPDATE ON account BEGIN SELECT RAISE(ABORT, 'account is append-only'); END;
CREATE TRIGGER account_delete BEFORE DELETE ON account BEGIN SELECT RAISE(ABORT, 'account is append-only'); END;
CREATE TRIGGER charges_update BEFORE UPDATE ON charges BEGIN SELECT RAISE(ABORT, 'charges is append-only'); END;
CREATE TRIGGER charges_delete BEFORE DELETE ON charges BEGIN SELECT RAISE(ABORT, 'charges is append-only'); END;
CREATE TRIGGER noise_update BEFORE UPDATE ON noise BEGIN SELECT RAISE(ABORT, 'noise is append-only'); END;
CREATE TRIGGER noise_delete BEFORE DELETE ON noise BEGIN SELECT RAISE(ABORT, 'noise is append-only'); END;
CREATE TRIGGER reuses_update BEFORE UPDATE ON reuses BEGIN SELECT RAISE(ABORT, 'reuses is append-only'); END;
CREATE TRIGGER reuses_delete BEFORE DELETE ON reuses BEGIN SELECT RAISE(ABORT, 'reuses is append-only'); END;
CREATE TRIGGER answers_update BEFORE UPDATE ON answers BEGIN SELECT RAISE(ABORT, 'answers is append-only'); END;
CREATE TRIGGER answers_delete BEFORE DELETE ON answers BEGIN SELECT RAISE(ABORT, 'answers is append-only'); END;
CREATE TRIGGER refusals_update BEFORE UPDATE ON refusals BEGIN SELECT RAISE(ABORT, 'refusals is append-only'); END;
CREATE TRIGGER refusals_delete BEFORE DELETE ON refusals BEGIN SELECT RAISE(ABORT, 'refusals is append-only'); END;
CREATE TRIGGER cosignatures_update BEFORE UPDATE ON cosignatures BEGIN SELECT RAISE(ABORT, 'cosignatures is append-only'); END;
CREATE TRIGGER cosignatures_delete BEFORE DELETE ON cosignatures BEGIN SELECT RAISE(ABORT, 'cosignatures is append-only'); END;
