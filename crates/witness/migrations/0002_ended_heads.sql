-- The head that was held when an officer let its log go on from a backup: what the witness had seen of the log that ended. Append-only.
CREATE TABLE ended_heads (
    act_id TEXT    NOT NULL PRIMARY KEY,
    origin TEXT    NOT NULL,
    size   INTEGER NOT NULL CHECK (size >= 0),
    root   BLOB    NOT NULL CHECK (length(root) = 32),
    note   TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT;

CREATE TRIGGER ended_heads_update BEFORE UPDATE ON ended_heads BEGIN SELECT RAISE(ABORT, 'ended_heads is append-only'); END;
CREATE TRIGGER ended_heads_delete BEFORE DELETE ON ended_heads BEGIN SELECT RAISE(ABORT, 'ended_heads is append-only'); END;
