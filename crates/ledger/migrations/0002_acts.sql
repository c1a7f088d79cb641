-- Signed acts on the account. Their envelopes are the bodies of their entries; an act's id counts once over both tables.

-- Budget moved between two parts of one kind.
CREATE TABLE moves (
    act_id      TEXT    PRIMARY KEY NOT NULL,
    act_hash    BLOB    NOT NULL CHECK (length(act_hash) = 32),
    signer      TEXT    NOT NULL,
    part        TEXT    NOT NULL CHECK (part IN ('year', 'dataset', 'purpose', 'study')),
    from_key    TEXT    NOT NULL,
    to_key      TEXT    NOT NULL,
    rho         INTEGER NOT NULL CHECK (rho > 0),
    entry_index INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index)
) STRICT;
CREATE INDEX moves_by_from ON moves (part, from_key);
CREATE INDEX moves_by_to ON moves (part, to_key);

-- Higher lifetime caps, each promised by two persons; the latest is in force.
CREATE TABLE guarantees (
    act_id          TEXT    PRIMARY KEY NOT NULL,
    act_hash        BLOB    NOT NULL CHECK (length(act_hash) = 32),
    signer          TEXT    NOT NULL,
    second_signer   TEXT    NOT NULL CHECK (second_signer <> signer),
    lifetime_before INTEGER NOT NULL CHECK (lifetime_before >= 0),
    lifetime        INTEGER NOT NULL CHECK (lifetime > lifetime_before),
    entry_index     INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index)
) STRICT;

CREATE TRIGGER moves_update BEFORE UPDATE ON moves BEGIN SELECT RAISE(ABORT, 'moves is append-only'); END;
CREATE TRIGGER moves_delete BEFORE DELETE ON moves BEGIN SELECT RAISE(ABORT, 'moves is append-only'); END;
CREATE TRIGGER guarantees_update BEFORE UPDATE ON guarantees BEGIN SELECT RAISE(ABORT, 'guarantees is append-only'); END;
CREATE TRIGGER guarantees_delete BEFORE DELETE ON guarantees BEGIN SELECT RAISE(ABORT, 'guarantees is append-only'); END;
