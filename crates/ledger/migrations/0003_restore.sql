-- Going on from a backup: the officer's act, what receipts proved, and what is written off because nothing proves it unspent.

CREATE TABLE restorations (
    act_id      TEXT    PRIMARY KEY NOT NULL,
    act_hash    BLOB    NOT NULL CHECK (length(act_hash) = 32),
    signer      TEXT    NOT NULL,
    old_key     TEXT    NOT NULL,
    new_key     TEXT    NOT NULL,
    kept_size   INTEGER NOT NULL CHECK (kept_size >= 0),
    kept_root   TEXT    NOT NULL,
    ended_size  INTEGER NOT NULL CHECK (ended_size >= 0),
    ended_root  TEXT    NOT NULL,
    entry_index INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index)
) STRICT;

-- Budget written off with a restoration. Those of years add up to what the account lost; the others narrow their parts.
CREATE TABLE write_offs (
    restored_by INTEGER NOT NULL REFERENCES restorations (entry_index),
    part        TEXT    NOT NULL CHECK (part IN ('year', 'dataset', 'purpose', 'study')),
    part_key    TEXT    NOT NULL,
    rho         INTEGER NOT NULL CHECK (rho > 0),
    entry_index INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index),
    PRIMARY KEY (restored_by, part, part_key)
) STRICT;
CREATE INDEX write_offs_by_part ON write_offs (part, part_key);

-- The restoration whose receipts proved a debit; -1 where the debit was made here.
ALTER TABLE charges ADD COLUMN recovered_by INTEGER NOT NULL DEFAULT -1;

CREATE TRIGGER restorations_update BEFORE UPDATE ON restorations BEGIN SELECT RAISE(ABORT, 'restorations is append-only'); END;
CREATE TRIGGER restorations_delete BEFORE DELETE ON restorations BEGIN SELECT RAISE(ABORT, 'restorations is append-only'); END;
CREATE TRIGGER write_offs_update BEFORE UPDATE ON write_offs BEGIN SELECT RAISE(ABORT, 'write_offs is append-only'); END;
CREATE TRIGGER write_offs_delete BEFORE DELETE ON write_offs BEGIN SELECT RAISE(ABORT, 'write_offs is append-only'); END;
