-- Cosignatures of further witnesses, by their keys, on heads of the coordinator's log. Append-only.
CREATE TABLE witness_cosignatures (
    witness TEXT    NOT NULL,
    size    INTEGER NOT NULL CHECK (size >= 0),
    line    TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (witness, size)
) STRICT;

CREATE TRIGGER witness_cosignatures_update BEFORE UPDATE ON witness_cosignatures BEGIN SELECT RAISE(ABORT, 'witness_cosignatures is append-only'); END;
CREATE TRIGGER witness_cosignatures_delete BEFORE DELETE ON witness_cosignatures BEGIN SELECT RAISE(ABORT, 'witness_cosignatures is append-only'); END;
