-- Running totals of what organisations were asked to spend, so that nobody who answers for the data waits for a recount. They follow
-- from requests and queries, and triggers keep them so in the transaction of every change; nothing else writes here.

-- The first signed and not refused request of each question on an edition of a dataset: over all studies (scope '') and within each.
CREATE TABLE counted_requests (
    scope        TEXT    NOT NULL,
    organisation TEXT    NOT NULL,
    dataset      TEXT    NOT NULL,
    edition      INTEGER NOT NULL,
    query_hash   TEXT    NOT NULL,
    query        TEXT    NOT NULL,
    study        TEXT    NOT NULL,
    asked_at     INTEGER NOT NULL,
    rho          INTEGER NOT NULL,
    PRIMARY KEY (scope, organisation, dataset, edition, query_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX counted_requests_by_time ON counted_requests (scope, organisation, asked_at, rho);

-- Their sums by day of the question (its first second).
CREATE TABLE day_losses (
    scope        TEXT    NOT NULL,
    organisation TEXT    NOT NULL,
    dataset      TEXT    NOT NULL,
    study        TEXT    NOT NULL,
    day          INTEGER NOT NULL,
    rho          INTEGER NOT NULL,
    PRIMARY KEY (scope, organisation, dataset, study, day)
) STRICT, WITHOUT ROWID;

-- Questions asked in each study.
CREATE TABLE study_questions (
    study          TEXT    PRIMARY KEY NOT NULL,
    questions      INTEGER NOT NULL,
    first_asked_at INTEGER NOT NULL,
    last_asked_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER counted_requests_insert AFTER INSERT ON counted_requests
BEGIN
    INSERT INTO day_losses (scope, organisation, dataset, study, day, rho)
    VALUES (NEW.scope, NEW.organisation, NEW.dataset, NEW.study, NEW.asked_at / 86400 * 86400, NEW.rho)
    ON CONFLICT (scope, organisation, dataset, study, day) DO UPDATE SET rho = rho + excluded.rho;
END;

CREATE TRIGGER counted_requests_delete AFTER DELETE ON counted_requests
BEGIN
    UPDATE day_losses SET rho = rho - OLD.rho
    WHERE scope = OLD.scope AND organisation = OLD.organisation AND dataset = OLD.dataset AND study = OLD.study
        AND day = OLD.asked_at / 86400 * 86400;
END;

-- A request that begins to count: it stands for its question unless an earlier one does.
CREATE TRIGGER requests_count AFTER UPDATE OF state, envelope ON requests
WHEN NEW.envelope IS NOT NULL AND NEW.state <> 'refused' AND (OLD.envelope IS NULL OR OLD.state = 'refused')
BEGIN
    DELETE FROM counted_requests
    WHERE scope IN ('', (SELECT study FROM queries WHERE id = NEW.query))
        AND organisation = NEW.organisation AND dataset = NEW.dataset AND edition = NEW.edition
        AND query_hash = (SELECT query_hash FROM queries WHERE id = NEW.query)
        AND (asked_at, query) > (SELECT asked_at, id FROM queries WHERE id = NEW.query);
    INSERT INTO counted_requests (scope, organisation, dataset, edition, query_hash, query, study, asked_at, rho)
    SELECT scopes.scope, NEW.organisation, NEW.dataset, NEW.edition, queries.query_hash, queries.id, queries.study,
        queries.asked_at, NEW.rho
    FROM queries JOIN (SELECT '' AS scope UNION ALL SELECT study FROM queries WHERE id = NEW.query) AS scopes
    WHERE queries.id = NEW.query AND NOT EXISTS (
        SELECT 1 FROM counted_requests AS known
        WHERE known.scope = scopes.scope AND known.organisation = NEW.organisation AND known.dataset = NEW.dataset
            AND known.edition = NEW.edition AND known.query_hash = queries.query_hash);
END;

-- A request that counts no more: the next one of its question stands for it, if there is one. CROSS JOIN: questions first, which are few.
CREATE TRIGGER requests_uncount AFTER UPDATE OF state, envelope ON requests
WHEN OLD.envelope IS NOT NULL AND OLD.state <> 'refused' AND (NEW.envelope IS NULL OR NEW.state = 'refused')
BEGIN
    DELETE FROM counted_requests
    WHERE scope IN ('', (SELECT study FROM queries WHERE id = NEW.query))
        AND organisation = NEW.organisation AND dataset = NEW.dataset AND edition = NEW.edition
        AND query_hash = (SELECT query_hash FROM queries WHERE id = NEW.query) AND query = NEW.query;
    INSERT INTO counted_requests (scope, organisation, dataset, edition, query_hash, query, study, asked_at, rho)
    SELECT '', requests.organisation, requests.dataset, requests.edition, queries.query_hash, queries.id, queries.study,
        queries.asked_at, requests.rho
    FROM queries CROSS JOIN requests ON requests.query = queries.id
    WHERE queries.query_hash = (SELECT query_hash FROM queries WHERE id = NEW.query)
        AND requests.organisation = NEW.organisation AND requests.dataset = NEW.dataset AND requests.edition = NEW.edition
        AND requests.state <> 'refused' AND requests.envelope IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM counted_requests AS known
        WHERE known.scope = '' AND known.organisation = NEW.organisation AND known.dataset = NEW.dataset
            AND known.edition = NEW.edition AND known.query_hash = queries.query_hash)
    ORDER BY queries.asked_at, queries.id LIMIT 1;
    INSERT INTO counted_requests (scope, organisation, dataset, edition, query_hash, query, study, asked_at, rho)
    SELECT queries.study, requests.organisation, requests.dataset, requests.edition, queries.query_hash, queries.id, queries.study,
        queries.asked_at, requests.rho
    FROM queries CROSS JOIN requests ON requests.query = queries.id
    WHERE queries.query_hash = (SELECT query_hash FROM queries WHERE id = NEW.query)
        AND queries.study = (SELECT study FROM queries WHERE id = NEW.query)
        AND requests.organisation = NEW.organisation AND requests.dataset = NEW.dataset AND requests.edition = NEW.edition
        AND requests.state <> 'refused' AND requests.envelope IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM counted_requests AS known
        WHERE known.scope = queries.study AND known.organisation = NEW.organisation AND known.dataset = NEW.dataset
            AND known.edition = NEW.edition AND known.query_hash = queries.query_hash)
    ORDER BY queries.asked_at, queries.id LIMIT 1;
END;

CREATE TRIGGER queries_count AFTER INSERT ON queries
BEGIN
    INSERT INTO study_questions (study, questions, first_asked_at, last_asked_at) VALUES (NEW.study, 1, NEW.asked_at, NEW.asked_at)
    ON CONFLICT (study) DO UPDATE SET questions = questions + 1,
        first_asked_at = min(first_asked_at, excluded.first_asked_at), last_asked_at = max(last_asked_at, excluded.last_asked_at);
END;

-- What there was before.
INSERT INTO counted_requests (scope, organisation, dataset, edition, query_hash, query, study, asked_at, rho)
SELECT '', organisation, dataset, edition, query_hash, query, study, asked_at, rho FROM (
    SELECT requests.organisation, requests.dataset, requests.edition, queries.query_hash, queries.id AS query, queries.study,
        queries.asked_at, requests.rho, ROW_NUMBER() OVER (
            PARTITION BY requests.organisation, requests.dataset, requests.edition, queries.query_hash
            ORDER BY queries.asked_at, queries.id) AS turn
    FROM requests JOIN queries ON queries.id = requests.query
    WHERE requests.state <> 'refused' AND requests.envelope IS NOT NULL) AS asked
WHERE turn = 1;
INSERT INTO counted_requests (scope, organisation, dataset, edition, query_hash, query, study, asked_at, rho)
SELECT study, organisation, dataset, edition, query_hash, query, study, asked_at, rho FROM (
    SELECT requests.organisation, requests.dataset, requests.edition, queries.query_hash, queries.id AS query, queries.study,
        queries.asked_at, requests.rho, ROW_NUMBER() OVER (
            PARTITION BY requests.organisation, requests.dataset, requests.edition, queries.query_hash, queries.study
            ORDER BY queries.asked_at, queries.id) AS turn
    FROM requests JOIN queries ON queries.id = requests.query
    WHERE requests.state <> 'refused' AND requests.envelope IS NOT NULL) AS asked
WHERE turn = 1;
INSERT INTO study_questions (study, questions, first_asked_at, last_asked_at)
SELECT study, COUNT(*), MIN(asked_at), MAX(asked_at) FROM queries GROUP BY study;
