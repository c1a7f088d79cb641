-- What the pages of data protection officers read: entries of a question, questions by time, and policies as nodes publish them.

ALTER TABLE entries ADD COLUMN query TEXT GENERATED ALWAYS AS (json_extract(header, '$.facts.query')) VIRTUAL;
CREATE INDEX entries_by_query ON entries (query, entry_index) WHERE query IS NOT NULL;
CREATE INDEX entries_by_kind ON entries (kind, at);
CREATE INDEX queries_by_asked ON queries (asked_at DESC, id);

-- Each policy a node published, with the node's signature over it. `replaces` is empty where it was installed with the node. Append-only.
CREATE TABLE policies (
    organisation TEXT    NOT NULL REFERENCES organisations (id),
    policy_hash  TEXT    NOT NULL,
    replaces     TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    signers      TEXT    NOT NULL,
    document     TEXT    NOT NULL,
    envelope     TEXT    NOT NULL,
    signed_at    INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    PRIMARY KEY (organisation, policy_hash)
) STRICT;

CREATE TRIGGER policies_update BEFORE UPDATE ON policies BEGIN SELECT RAISE(ABORT, 'policies is append-only'); END;
CREATE TRIGGER policies_delete BEFORE DELETE ON policies BEGIN SELECT RAISE(ABORT, 'policies is append-only'); END;
