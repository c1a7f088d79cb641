-- What is planned on releases. None of it is evidence, and all of it can be worked out again: owners may remove it.
CREATE TABLE scenarios (
    id         TEXT    PRIMARY KEY NOT NULL,
    name       TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    parent     TEXT,
    created_at INTEGER NOT NULL,
    wanted     TEXT    NOT NULL,
    result     TEXT    NOT NULL
) STRICT;

CREATE TABLE plans (
    id          TEXT    PRIMARY KEY NOT NULL,
    name        TEXT    NOT NULL,
    owner       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    wanted      TEXT    NOT NULL,
    inputs      TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    finished_at INTEGER,
    plan        TEXT,
    failure     TEXT
) STRICT;

CREATE TABLE travel_tables (
    id         TEXT    PRIMARY KEY NOT NULL,
    name       TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    pairs      INTEGER NOT NULL,
    modes      TEXT    NOT NULL,
    csv        TEXT    NOT NULL
) STRICT;

CREATE TABLE saved_views (
    id         TEXT    PRIMARY KEY NOT NULL,
    name       TEXT    NOT NULL,
    note       TEXT    NOT NULL,
    address    TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
