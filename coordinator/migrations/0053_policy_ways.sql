-- A document may have come into force more than once, each time in the place of another one: each is a row.
CREATE TABLE policies_by_replaced (
    organisation TEXT    NOT NULL REFERENCES organisations (id),
    policy_hash  TEXT    NOT NULL,
    replaces     TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    document     TEXT    NOT NULL,
    envelope     TEXT    NOT NULL,
    signed_at    INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    PRIMARY KEY (organisation, policy_hash, replaces)
) STRICT;

INSERT INTO policies_by_replaced
SELECT organisation, policy_hash, replaces, reason, document, envelope, signed_at, received_at FROM policies;

DROP TABLE policies;
ALTER TABLE policies_by_replaced RENAME TO policies;

CREATE TRIGGER policies_update BEFORE UPDATE ON policies BEGIN SELECT RAISE(ABORT, 'policies is append-only'); END;
CREATE TRIGGER policies_delete BEFORE DELETE ON policies BEGIN SELECT RAISE(ABORT, 'policies is append-only'); END;
