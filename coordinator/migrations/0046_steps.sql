-- Requests and queries go forward only: a signature stays as it was made, what has ended stays as it ended, and what was signed elsewhere
-- stays as it was handed in. No statement of the program does otherwise; one that does is somebody else's.

CREATE TRIGGER requests_signed_once BEFORE UPDATE OF envelope ON requests
WHEN OLD.envelope IS NOT NULL AND NEW.envelope IS NOT OLD.envelope
BEGIN SELECT RAISE(ABORT, 'the signature of a request is fixed'); END;
CREATE TRIGGER requests_step BEFORE UPDATE ON requests
WHEN NEW.state <> OLD.state AND NOT CASE OLD.state
    WHEN 'unsigned' THEN NEW.state IN ('signed', 'offline', 'expired')
    WHEN 'signed' THEN NEW.state IN ('offered', 'answered', 'refused', 'offline', 'expired')
    WHEN 'offered' THEN NEW.state IN ('answered', 'refused', 'offline', 'expired')
    ELSE FALSE END
    OR NEW.state IN ('signed', 'offered', 'answered', 'refused') AND NEW.envelope IS NULL
BEGIN SELECT RAISE(ABORT, 'the states of a request follow each other'); END;
CREATE TRIGGER requests_ended BEFORE UPDATE ON requests
WHEN OLD.state IN ('answered', 'refused', 'offline', 'expired')
    AND (NEW.rule, NEW.field, NEW.code, NEW.state_at) IS NOT (OLD.rule, OLD.field, OLD.code, OLD.state_at)
BEGIN SELECT RAISE(ABORT, 'how a request ended is fixed'); END;

-- A query without requests is one that was worked out of a release: nobody is asked, so it is released at once.
CREATE TRIGGER queries_step BEFORE UPDATE ON queries
WHEN NEW.state <> OLD.state AND NOT CASE OLD.state
    WHEN 'signing' THEN NEW.state IN ('collecting', 'expired', 'refused')
        OR NEW.state = 'released' AND NOT EXISTS (SELECT 1 FROM requests WHERE requests.query = NEW.id)
    WHEN 'collecting' THEN NEW.state IN ('released', 'expired', 'refused')
    ELSE FALSE END
BEGIN SELECT RAISE(ABORT, 'the states of a query follow each other'); END;
CREATE TRIGGER queries_ended BEFORE UPDATE ON queries
WHEN OLD.state IN ('released', 'expired', 'refused')
    AND (NEW.release, NEW.declined_field, NEW.declined_code) IS NOT (OLD.release, OLD.declined_field, OLD.declined_code)
BEGIN SELECT RAISE(ABORT, 'how a query ended is fixed'); END;
CREATE TRIGGER queries_unasked BEFORE UPDATE OF unasked ON queries
BEGIN SELECT RAISE(ABORT, 'who was not asked is fixed'); END;

CREATE TRIGGER studies_update BEFORE UPDATE ON studies BEGIN SELECT RAISE(ABORT, 'studies stay'); END;
CREATE TRIGGER studies_delete BEFORE DELETE ON studies BEGIN SELECT RAISE(ABORT, 'studies stay'); END;
CREATE TRIGGER consents_update BEFORE UPDATE ON consents BEGIN SELECT RAISE(ABORT, 'consents stay'); END;
CREATE TRIGGER consents_delete BEFORE DELETE ON consents BEGIN SELECT RAISE(ABORT, 'consents stay'); END;
CREATE TRIGGER cubes_update BEFORE UPDATE ON cubes BEGIN SELECT RAISE(ABORT, 'cubes stay'); END;
CREATE TRIGGER cubes_delete BEFORE DELETE ON cubes BEGIN SELECT RAISE(ABORT, 'cubes stay'); END;
CREATE TRIGGER cube_asks_update BEFORE UPDATE ON cube_asks BEGIN SELECT RAISE(ABORT, 'what was asked of a cube is fixed'); END;
CREATE TRIGGER cube_asks_delete BEFORE DELETE ON cube_asks BEGIN SELECT RAISE(ABORT, 'what was asked of a cube is fixed'); END;

-- When an account was closed; nothing where it is open, or was closed before this was kept.
ALTER TABLE accounts ADD COLUMN closed_at INTEGER;
