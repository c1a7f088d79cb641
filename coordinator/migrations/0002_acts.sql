-- Signed acts of organisations that concern everybody.

-- Officers' acts by which a node's log goes on from a backup under a new key. Append-only.
CREATE TABLE restorations (
    organisation TEXT    NOT NULL REFERENCES organisations (id),
    new_key      TEXT    NOT NULL,
    old_key      TEXT    NOT NULL,
    act_id       TEXT    NOT NULL UNIQUE,
    envelope     TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (organisation, new_key)
) STRICT;

-- Higher lifetime caps that organisations promised, as two of their persons signed them. Append-only.
CREATE TABLE guarantees (
    act_id       TEXT    PRIMARY KEY NOT NULL,
    organisation TEXT    NOT NULL REFERENCES organisations (id),
    envelope     TEXT    NOT NULL,
    at           INTEGER NOT NULL
) STRICT;

CREATE TRIGGER guarantees_update BEFORE UPDATE ON guarantees BEGIN SELECT RAISE(ABORT, 'guarantees is append-only'); END;
CREATE TRIGGER guarantees_delete BEFORE DELETE ON guarantees BEGIN SELECT RAISE(ABORT, 'guarantees is append-only'); END;
CREATE TRIGGER restorations_update BEFORE UPDATE ON restorations BEGIN SELECT RAISE(ABORT, 'restorations is append-only'); END;
CREATE TRIGGER restorations_delete BEFORE DELETE ON restorations BEGIN SELECT RAISE(ABORT, 'restorations is append-only'); END;
