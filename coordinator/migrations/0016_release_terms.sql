-- What a release owes the organisations in it; a release without a row owes nothing beyond the law.
CREATE TABLE release_terms (
    release         TEXT    PRIMARY KEY NOT NULL REFERENCES releases (id),
    display_minimum INTEGER NOT NULL CHECK (display_minimum >= 0),
    audience        TEXT    NOT NULL CHECK (audience IN ('requester', 'participants', 'public')),
    -- The last second it may be kept, Unix seconds.
    keep_until      INTEGER NOT NULL
) STRICT;
CREATE INDEX release_terms_by_end ON release_terms (keep_until);
CREATE TRIGGER release_terms_update BEFORE UPDATE ON release_terms BEGIN SELECT RAISE(ABORT, 'release_terms is append-only'); END;
CREATE TRIGGER release_terms_delete BEFORE DELETE ON release_terms BEGIN SELECT RAISE(ABORT, 'release_terms is append-only'); END;

-- A release that owes an end loses its numbers then (the program looks at the clock); everything else stays, and so does its entry in the log.
DROP TRIGGER releases_update;
CREATE TRIGGER releases_update BEFORE UPDATE ON releases
WHEN NEW.id <> OLD.id OR NEW.query <> OLD.query OR NEW.study <> OLD.study OR NEW.query_hash <> OLD.query_hash
    OR NEW.level <> OLD.level OR NEW.summary <> OLD.summary OR NEW.released_at <> OLD.released_at OR NEW.body <> ''
    OR NOT EXISTS (SELECT 1 FROM release_terms WHERE release = OLD.id)
BEGIN SELECT RAISE(ABORT, 'releases is append-only'); END;
