-- What was asked stays as it was asked, and running totals stay what follows from it and from the state of requests: a statement that
-- changes either without the other is refused, whoever tries it.

CREATE TRIGGER requests_delete BEFORE DELETE ON requests BEGIN SELECT RAISE(ABORT, 'requests stay'); END;
CREATE TRIGGER requests_fixed BEFORE UPDATE OF id, query, organisation, dataset, edition, policy_hash, rho, payload ON requests
BEGIN SELECT RAISE(ABORT, 'what a request asks is fixed'); END;
CREATE TRIGGER queries_delete BEFORE DELETE ON queries BEGIN SELECT RAISE(ABORT, 'queries stay'); END;
CREATE TRIGGER queries_fixed BEFORE UPDATE OF id, study, requester, query, query_hash, asked_by, asked_at, expires_at ON queries
BEGIN SELECT RAISE(ABORT, 'what was asked is fixed'); END;

-- A row stands for a signed and not refused request, with its amounts.
CREATE TRIGGER counted_requests_true BEFORE INSERT ON counted_requests
WHEN NOT EXISTS (
    SELECT 1 FROM requests JOIN queries ON queries.id = requests.query
    WHERE requests.query = NEW.query AND requests.organisation = NEW.organisation AND requests.dataset = NEW.dataset
        AND requests.edition = NEW.edition AND requests.rho = NEW.rho AND requests.state <> 'refused' AND requests.envelope IS NOT NULL
        AND queries.query_hash = NEW.query_hash AND queries.study = NEW.study AND queries.asked_at = NEW.asked_at
        AND NEW.scope IN ('', queries.study))
BEGIN SELECT RAISE(ABORT, 'counted_requests follows requests'); END;
CREATE TRIGGER counted_requests_update BEFORE UPDATE ON counted_requests
BEGIN SELECT RAISE(ABORT, 'counted_requests follows requests'); END;
-- It goes only where its request counts no more, or where an earlier one of its question does.
CREATE TRIGGER counted_requests_stays BEFORE DELETE ON counted_requests
WHEN EXISTS (
    SELECT 1 FROM requests WHERE query = OLD.query AND organisation = OLD.organisation AND dataset = OLD.dataset
        AND edition = OLD.edition AND state <> 'refused' AND envelope IS NOT NULL)
    AND NOT EXISTS (
    SELECT 1 FROM queries CROSS JOIN requests ON requests.query = queries.id
    WHERE queries.query_hash = OLD.query_hash AND OLD.scope IN ('', queries.study) AND (queries.asked_at, queries.id) < (OLD.asked_at, OLD.query)
        AND requests.organisation = OLD.organisation AND requests.dataset = OLD.dataset AND requests.edition = OLD.edition
        AND requests.state <> 'refused' AND requests.envelope IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'counted_requests follows requests'); END;

-- A day holds the sum of its rows.
CREATE INDEX counted_requests_by_day ON counted_requests (scope, organisation, dataset, study, asked_at, rho);
CREATE TRIGGER day_losses_delete BEFORE DELETE ON day_losses BEGIN SELECT RAISE(ABORT, 'day_losses follows counted_requests'); END;
CREATE TRIGGER day_losses_insert AFTER INSERT ON day_losses
WHEN NEW.rho <> (
    SELECT COALESCE(SUM(rho), 0) FROM counted_requests WHERE scope = NEW.scope AND organisation = NEW.organisation
        AND dataset = NEW.dataset AND study = NEW.study AND asked_at >= NEW.day AND asked_at < NEW.day + 86400)
BEGIN SELECT RAISE(ABORT, 'day_losses follows counted_requests'); END;
CREATE TRIGGER day_losses_update AFTER UPDATE ON day_losses
WHEN NEW.rho <> (
    SELECT COALESCE(SUM(rho), 0) FROM counted_requests WHERE scope = NEW.scope AND organisation = NEW.organisation
        AND dataset = NEW.dataset AND study = NEW.study AND asked_at >= NEW.day AND asked_at < NEW.day + 86400)
    OR (NEW.scope, NEW.organisation, NEW.dataset, NEW.study, NEW.day) <> (OLD.scope, OLD.organisation, OLD.dataset, OLD.study, OLD.day)
BEGIN SELECT RAISE(ABORT, 'day_losses follows counted_requests'); END;

-- A study holds the number of its questions, and when the first and the last were asked.
CREATE INDEX queries_by_study ON queries (study, asked_at);
CREATE TRIGGER study_questions_delete BEFORE DELETE ON study_questions
BEGIN SELECT RAISE(ABORT, 'study_questions follows queries'); END;
CREATE TRIGGER study_questions_insert AFTER INSERT ON study_questions
WHEN (NEW.questions, NEW.first_asked_at, NEW.last_asked_at)
    IS NOT (SELECT COUNT(*), MIN(asked_at), MAX(asked_at) FROM queries WHERE study = NEW.study)
BEGIN SELECT RAISE(ABORT, 'study_questions follows queries'); END;
CREATE TRIGGER study_questions_update AFTER UPDATE ON study_questions
WHEN NEW.study <> OLD.study OR (NEW.questions, NEW.first_asked_at, NEW.last_asked_at)
    IS NOT (SELECT COUNT(*), MIN(asked_at), MAX(asked_at) FROM queries WHERE study = NEW.study)
BEGIN SELECT RAISE(ABORT, 'study_questions follows queries'); END;
