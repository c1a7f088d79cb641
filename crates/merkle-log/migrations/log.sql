-- A log that stands alone. Leaves of the Merkle tree; `header` is canonical JSON; `body_hash` is salted, see the audit crate.
CREATE TABLE entries (
    entry_index INTEGER PRIMARY KEY NOT NULL CHECK (entry_index >= 0),
    kind        TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    header      TEXT    NOT NULL,
    body_hash   BLOB    NOT NULL CHECK (length(body_hash) = 32),
    leaf_hash   BLOB    NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;

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
