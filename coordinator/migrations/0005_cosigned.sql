-- Cosignatures of nodes on heads of the coordinator's log that they were shown. Append-only.
CREATE TABLE log_cosignatures (
    organisation TEXT    NOT NULL REFERENCES organisations (id),
    size         INTEGER NOT NULL CHECK (size >= 0),
    line         TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (organisation, size)
) STRICT;

CREATE TRIGGER log_cosignatures_update BEFORE UPDATE ON log_cosignatures BEGIN SELECT RAISE(ABORT, 'log_cosignatures is append-only'); END;
CREATE TRIGGER log_cosignatures_delete BEFORE DELETE ON log_cosignatures BEGIN SELECT RAISE(ABORT, 'log_cosignatures is append-only'); END;
