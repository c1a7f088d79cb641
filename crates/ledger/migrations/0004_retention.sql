-- Answers whose bytes were erased after their time. Their hashes stay in rows and log, so that the tree still verifies.
CREATE TABLE tombstones (
    request_id  TEXT    PRIMARY KEY NOT NULL REFERENCES answers (request_id),
    answer_hash BLOB    NOT NULL CHECK (length(answer_hash) = 32),
    entry_index INTEGER NOT NULL UNIQUE REFERENCES entries (entry_index)
) STRICT;

CREATE TRIGGER tombstones_update BEFORE UPDATE ON tombstones BEGIN SELECT RAISE(ABORT, 'tombstones is append-only'); END;
CREATE TRIGGER tombstones_delete BEFORE DELETE ON tombstones BEGIN SELECT RAISE(ABORT, 'tombstones is append-only'); END;

-- The one change a row of these tables may see is that its bytes go, after its tombstone was written.
DROP TRIGGER answers_update;
CREATE TRIGGER answers_update BEFORE UPDATE ON answers
WHEN NOT (
    EXISTS (SELECT 1 FROM tombstones WHERE request_id = OLD.request_id) AND NEW.sealed = x''
    AND NEW.request_id = OLD.request_id AND NEW.answer_hash = OLD.answer_hash AND NEW.noise_hash = OLD.noise_hash
    AND NEW.allowed_by = OLD.allowed_by AND NEW.entry_index = OLD.entry_index
)
BEGIN SELECT RAISE(ABORT, 'answers is append-only'); END;
DROP TRIGGER noise_update;
CREATE TRIGGER noise_update BEFORE UPDATE ON noise
WHEN NOT (
    EXISTS (SELECT 1 FROM tombstones WHERE request_id = OLD.request_id) AND NEW.body = x''
    AND NEW.request_id = OLD.request_id AND NEW.query_hash = OLD.query_hash AND NEW.dataset = OLD.dataset
    AND NEW.edition = OLD.edition
)
BEGIN SELECT RAISE(ABORT, 'noise is append-only'); END;
