-- Roots of the log's complete subtrees of more than one leaf: derived from `entries`, so that proofs and old roots cost a few rows.
CREATE TABLE subtrees (
    level    INTEGER NOT NULL CHECK (level > 0),
    position INTEGER NOT NULL CHECK (position >= 0),
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, position)
) STRICT;

CREATE TRIGGER subtrees_update BEFORE UPDATE ON subtrees BEGIN SELECT RAISE(ABORT, 'subtrees is append-only'); END;
CREATE TRIGGER subtrees_delete BEFORE DELETE ON subtrees BEGIN SELECT RAISE(ABORT, 'subtrees is append-only'); END;
