-- What organisations offer, as their nodes signed it; the latest version of each.
CREATE TABLE offers (
    organisation TEXT    PRIMARY KEY NOT NULL REFERENCES organisations (id),
    revision     INTEGER NOT NULL,
    envelope     TEXT    NOT NULL,
    at           INTEGER NOT NULL
) STRICT;
