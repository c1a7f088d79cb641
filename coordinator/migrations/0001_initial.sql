-- The coordinator's database, version 1. Times are Unix seconds; hashes are lower-case hexadecimal unless a BLOB.

-- Organisations that were invited or joined. Keys are Ed25519, in hex.
CREATE TABLE organisations (
    id            TEXT    PRIMARY KEY NOT NULL,
    name          TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('invited', 'active', 'revoked')),
    node_key      TEXT,
    requester_key TEXT,
    dpo_key       TEXT,
    policy_hash   TEXT,
    joined_at     INTEGER,
    last_seen     INTEGER
) STRICT;

CREATE TABLE join_tokens (
    token_hash   TEXT    PRIMARY KEY NOT NULL,
    organisation TEXT    NOT NULL REFERENCES organisations (id),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    used_at      INTEGER
) STRICT;

-- 'issued' is a renewed certificate that has not been shown yet; its first use supersedes the older ones.
CREATE TABLE certificates (
    serial       TEXT    PRIMARY KEY NOT NULL,
    organisation TEXT    NOT NULL REFERENCES organisations (id),
    state        TEXT    NOT NULL CHECK (state IN ('issued', 'active', 'superseded', 'revoked')),
    fingerprint  TEXT    NOT NULL,
    not_before   INTEGER NOT NULL,
    not_after    INTEGER NOT NULL,
    issued_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX certificates_by_organisation ON certificates (organisation, state);

-- What each node last said it serves.
CREATE TABLE datasets (
    organisation TEXT    NOT NULL REFERENCES organisations (id),
    dataset      TEXT    NOT NULL,
    edition      INTEGER NOT NULL CHECK (edition >= 0),
    finest_level TEXT    NOT NULL,
    seen_at      INTEGER NOT NULL,
    PRIMARY KEY (organisation, dataset)
) STRICT;

-- Heads of nodes' logs that were cosigned here, with the key the log had. Append-only.
CREATE TABLE node_checkpoints (
    organisation TEXT    NOT NULL REFERENCES organisations (id),
    node_key     TEXT    NOT NULL,
    size         INTEGER NOT NULL CHECK (size >= 0),
    root         BLOB    NOT NULL CHECK (length(root) = 32),
    cosigned     TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (organisation, node_key, size)
) STRICT;

CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY NOT NULL,
    name          TEXT    NOT NULL UNIQUE,
    role          TEXT    NOT NULL CHECK (role IN ('analyst', 'organisation', 'dpo', 'admin')),
    organisation  TEXT,
    password_hash TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    CHECK (role IN ('analyst', 'admin') OR organisation IS NOT NULL)
) STRICT;

CREATE TABLE sessions (
    token_hash TEXT    PRIMARY KEY NOT NULL,
    account    INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_tokens (
    token_hash TEXT    PRIMARY KEY NOT NULL,
    account    INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    label      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE studies (
    id        TEXT    PRIMARY KEY NOT NULL,
    hash      TEXT    NOT NULL,
    requester TEXT    NOT NULL REFERENCES organisations (id),
    envelope  TEXT    NOT NULL,
    added_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE consents (
    study        TEXT    NOT NULL REFERENCES studies (id),
    organisation TEXT    NOT NULL REFERENCES organisations (id),
    envelope     TEXT    NOT NULL,
    signed_at    INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    PRIMARY KEY (study, organisation)
) STRICT;

-- `unasked` lists participants that could not be asked, as JSON.
CREATE TABLE queries (
    id             TEXT    PRIMARY KEY NOT NULL,
    study          TEXT    NOT NULL REFERENCES studies (id),
    requester      TEXT    NOT NULL REFERENCES organisations (id),
    query          TEXT    NOT NULL,
    query_hash     TEXT    NOT NULL,
    asked_by       INTEGER NOT NULL REFERENCES accounts (id),
    asked_at       INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('signing', 'collecting', 'released', 'expired', 'refused')),
    unasked        TEXT    NOT NULL,
    declined_field TEXT,
    declined_code  TEXT,
    release        TEXT
) STRICT;
CREATE INDEX queries_by_state ON queries (state, expires_at);
CREATE INDEX queries_by_hash ON queries (query_hash, study);

-- Planned cubes: questions declared once and asked period by period. Append-only.
CREATE TABLE cubes (
    id         TEXT    PRIMARY KEY NOT NULL,
    study      TEXT    NOT NULL REFERENCES studies (id),
    definition TEXT    NOT NULL,
    planned_by INTEGER NOT NULL REFERENCES accounts (id),
    planned_at INTEGER NOT NULL
) STRICT;

-- What was asked of a cube. Months are 'YYYY-MM'.
CREATE TABLE cube_asks (
    cube       TEXT    NOT NULL REFERENCES cubes (id),
    query      TEXT    NOT NULL REFERENCES queries (id),
    kind       TEXT    NOT NULL CHECK (kind IN ('past', 'period', 'revision')),
    from_month TEXT    NOT NULL,
    to_month   TEXT    NOT NULL,
    asked_at   INTEGER NOT NULL,
    PRIMARY KEY (cube, query)
) STRICT;

-- One request per dataset asked: the exact bytes to sign, then their envelope.
CREATE TABLE requests (
    id           TEXT    PRIMARY KEY NOT NULL,
    query        TEXT    NOT NULL REFERENCES queries (id),
    organisation TEXT    NOT NULL REFERENCES organisations (id),
    dataset      TEXT    NOT NULL,
    edition      INTEGER NOT NULL,
    policy_hash  TEXT    NOT NULL,
    rho          INTEGER NOT NULL CHECK (rho >= 0),
    payload      BLOB    NOT NULL,
    envelope     TEXT,
    state        TEXT    NOT NULL CHECK (state IN ('unsigned', 'signed', 'offered', 'answered', 'refused', 'offline', 'expired')),
    rule         TEXT,
    field        TEXT,
    code         TEXT,
    state_at     INTEGER NOT NULL,
    UNIQUE (query, organisation, dataset)
) STRICT;
CREATE INDEX requests_by_organisation ON requests (organisation, state);

-- Answers exactly as they were handed in, refusals among them, and the key that vouched for each. Append-only.
CREATE TABLE answers (
    request      TEXT    PRIMARY KEY NOT NULL REFERENCES requests (id),
    node_key     TEXT    NOT NULL,
    payload_hash BLOB    NOT NULL CHECK (length(payload_hash) = 32),
    envelope     BLOB    NOT NULL,
    received_at  INTEGER NOT NULL
) STRICT;

-- Composed results, as they are served: one for each level of a query. Append-only.
CREATE TABLE releases (
    id             TEXT    PRIMARY KEY NOT NULL,
    query          TEXT    NOT NULL REFERENCES queries (id),
    study          TEXT    NOT NULL,
    query_hash     TEXT    NOT NULL,
    level          TEXT    NOT NULL,
    summary        TEXT    NOT NULL,
    body           TEXT    NOT NULL,
    released_at    INTEGER NOT NULL,
    UNIQUE (query, level)
) STRICT;
CREATE INDEX releases_by_hash ON releases (query_hash, study);

CREATE TABLE idempotency_keys (
    account    INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    key        TEXT    NOT NULL,
    body_hash  BLOB    NOT NULL CHECK (length(body_hash) = 32),
    location   TEXT    NOT NULL,
    status     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT;

-- Leaves of the Merkle log. `header` is canonical JSON; `body_hash` is salted, see the audit crate.
CREATE TABLE entries (
    entry_index INTEGER PRIMARY KEY NOT NULL CHECK (entry_index >= 0),
    kind        TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    node        TEXT,
    header      TEXT    NOT NULL,
    body_hash   BLOB    NOT NULL CHECK (length(body_hash) = 32),
    leaf_hash   BLOB    NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;

-- Bodies apart from their entries, so that one can be erased without touching the log.
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

CREATE TRIGGER entries_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries is append-only'); END;
CREATE TRIGGER entries_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries is append-only'); END;
CREATE TRIGGER bodies_update BEFORE UPDATE ON bodies BEGIN SELECT RAISE(ABORT, 'bodies is append-only'); END;
CREATE TRIGGER bodies_delete BEFORE DELETE ON bodies BEGIN SELECT RAISE(ABORT, 'bodies is append-only'); END;
CREATE TRIGGER tree_delete BEFORE DELETE ON tree BEGIN SELECT RAISE(ABORT, 'the tree only grows'); END;
CREATE TRIGGER tree_shrink BEFORE UPDATE ON tree WHEN NEW.size <= OLD.size BEGIN SELECT RAISE(ABORT, 'the tree only grows'); END;
CREATE TRIGGER answers_update BEFORE UPDATE ON answers BEGIN SELECT RAISE(ABORT, 'answers is append-only'); END;
CREATE TRIGGER answers_delete BEFORE DELETE ON answers BEGIN SELECT RAISE(ABORT, 'answers is append-only'); END;
CREATE TRIGGER releases_update BEFORE UPDATE ON releases BEGIN SELECT RAISE(ABORT, 'releases is append-only'); END;
CREATE TRIGGER releases_delete BEFORE DELETE ON releases BEGIN SELECT RAISE(ABORT, 'releases is append-only'); END;
CREATE TRIGGER node_checkpoints_update BEFORE UPDATE ON node_checkpoints BEGIN SELECT RAISE(ABORT, 'node_checkpoints is append-only'); END;
CREATE TRIGGER node_checkpoints_delete BEFORE DELETE ON node_checkpoints BEGIN SELECT RAISE(ABORT, 'node_checkpoints is append-only'); END;
