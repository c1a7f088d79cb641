-- The last head of each log that was cosigned: what the next one must extend.
CREATE TABLE heads (
    origin TEXT    NOT NULL PRIMARY KEY,
    size   INTEGER NOT NULL CHECK (size >= 0),
    root   BLOB    NOT NULL CHECK (length(root) = 32),
    note   TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT;

-- Heads that a log's own key signed and that did not extend the one held: evidence against whoever keeps the log. Append-only.
CREATE TABLE contradictions (
    origin    TEXT    NOT NULL,
    size      INTEGER NOT NULL CHECK (size >= 0),
    root      BLOB    NOT NULL CHECK (length(root) = 32),
    note      TEXT    NOT NULL,
    held_size INTEGER NOT NULL CHECK (held_size >= 0),
    held_note TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (origin, size, root)
) STRICT;

-- Logs that went on from a backup under another key, as their officer signed it. Append-only.
CREATE TABLE restorations (
    act_id   TEXT    NOT NULL PRIMARY KEY,
    origin   TEXT    NOT NULL,
    old_key  TEXT    NOT NULL,
    new_key  TEXT    NOT NULL,
    envelope TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

-- A head may only grow, but for a log that its officer let go on from a backup.
CREATE TRIGGER heads_delete BEFORE DELETE ON heads BEGIN SELECT RAISE(ABORT, 'a head stays'); END;
CREATE TRIGGER contradictions_update BEFORE UPDATE ON contradictions BEGIN SELECT RAISE(ABORT, 'contradictions is append-only'); END;
CREATE TRIGGER contradictions_delete BEFORE DELETE ON contradictions BEGIN SELECT RAISE(ABORT, 'contradictions is append-only'); END;
CREATE TRIGGER restorations_update BEFORE UPDATE ON restorations BEGIN SELECT RAISE(ABORT, 'restorations is append-only'); END;
CREATE TRIGGER restorations_delete BEFORE DELETE ON restorations BEGIN SELECT RAISE(ABORT, 'restorations is append-only'); END;
