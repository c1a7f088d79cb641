//! Running totals of what organisations were asked to spend: equal to a recount after every step of random histories, and there once a
//! database of before is opened.

use coordinator::store::MIGRATIONS;
use coordinator::store::totals::{asked_until, losses_by_day, questions_by_study, rho_asked};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::path::Path;

/// The totals as a recount gives them, however long that takes: what was read before there were running ones.
const RECOUNT: &str = "SELECT organisation, dataset, study, day, SUM(rho) FROM (SELECT requests.organisation AS organisation, \
     requests.dataset AS dataset, queries.study AS study, queries.asked_at / 86400 * 86400 AS day, requests.rho AS rho, \
     ROW_NUMBER() OVER (PARTITION BY requests.organisation, requests.dataset, requests.edition, queries.query_hash \
     ORDER BY queries.asked_at, queries.id) AS turn FROM requests JOIN queries ON queries.id = requests.query \
     WHERE requests.state <> 'refused' AND requests.envelope IS NOT NULL) AS asked WHERE turn = 1 \
     GROUP BY organisation, dataset, study, day ORDER BY organisation, dataset, study, day";
const RECOUNT_UNTIL: &str = "SELECT COALESCE(SUM(rho), 0) FROM (SELECT DISTINCT requests.dataset AS dataset, requests.edition AS edition, \
     queries.query_hash AS query_hash, requests.rho AS rho FROM requests JOIN queries ON queries.id = requests.query \
     WHERE requests.organisation = $1 AND requests.state <> 'refused' AND requests.envelope IS NOT NULL \
     AND queries.asked_at <= $2 AND ($3 IS NULL OR queries.study = $3)) AS asked";
const DAY: i64 = 86_400;
const ORGANISATIONS: [&str; 2] = ["a", "b"];
const STUDIES: [&str; 2] = ["s", "t"];

/// SplitMix64, so that a failure repeats itself.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// The database as migrations up to `last` make it. Rows here refer to nothing: totals do not look there.
async fn opened(path: &Path, last: i64) -> SqliteConnection {
    let migrations: Vec<_> = (MIGRATIONS.iter().copied())
        .filter(|(number, ..)| *number <= last)
        .collect();
    storage::Store::open(path, &storage::migrator(&migrations))
        .await
        .unwrap();
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(false);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// One thing that happens: a question to both organisations, or a step of one of its requests.
async fn step(connection: &mut SqliteConnection, numbers: &mut Numbers, count: &mut u64) {
    if *count == 0 || numbers.below(3) == 0 {
        *count += 1;
        let query = format!("q{:04}", numbers.below(10_000) * 1_000 + *count);
        let hash = numbers.below(4);
        sqlx::query(
            "INSERT INTO queries (id, study, requester, query, query_hash, asked_by, asked_at, expires_at, state, unasked) \
             VALUES ($1, $2, 'a', '{}', $3, 1, $4, 0, 'signing', '[]')",
        )
        .bind(&query)
        .bind(STUDIES[usize::try_from(numbers.below(2)).unwrap()])
        .bind(hash.to_string())
        .bind(i64::try_from(numbers.below(4)).unwrap() * DAY + 7)
        .execute(&mut *connection)
        .await
        .unwrap();
        for organisation in ORGANISATIONS {
            sqlx::query(
                "INSERT INTO requests (id, query, organisation, dataset, edition, policy_hash, rho, payload, state, state_at) \
                 VALUES ($1, $2, $3, 'd', $4, '', $5, x'', 'unsigned', 0)",
            )
            .bind(format!("{query}-{organisation}"))
            .bind(&query)
            .bind(organisation)
            .bind(i64::try_from(numbers.below(2)).unwrap())
            // The price follows from the question.
            .bind(i64::try_from(10 + hash).unwrap())
            .execute(&mut *connection)
            .await
            .unwrap();
        }
        return;
    }
    let (id, state): (String, String) =
        sqlx::query_as("SELECT id, state FROM requests ORDER BY id LIMIT 1 OFFSET $1")
            .bind(i64::try_from(numbers.below(*count * 2)).unwrap())
            .fetch_one(&mut *connection)
            .await
            .unwrap();
    let next: &[&str] = match state.as_str() {
        "unsigned" => &["signed", "signed", "signed", "offline", "expired"],
        "signed" => &["offered", "answered", "refused", "expired"],
        "offered" => &["answered", "refused", "refused", "offline"],
        _ => return,
    };
    let to = next[usize::try_from(numbers.below(next.len() as u64)).unwrap()];
    sqlx::query(
        "UPDATE requests SET state = $1, envelope = CASE $1 WHEN 'signed' THEN '{}' ELSE envelope END WHERE id = $2",
    )
    .bind(to)
    .bind(id)
    .execute(connection)
    .await
    .unwrap();
}

/// The totals are those of a recount.
async fn check(connection: &mut SqliteConnection) {
    type Row = (String, String, String, i64, i64);
    let recounted: Vec<Row> = (sqlx::query_as(RECOUNT).fetch_all(&mut *connection).await).unwrap();
    let kept: Vec<Row> = (losses_by_day(connection).await.unwrap().into_iter())
        .map(|day| {
            let rho = i64::try_from(day.rho).unwrap();
            (day.organisation, day.dataset, day.study, day.day, rho)
        })
        .collect();
    assert_eq!(kept, recounted);
    for study in [None, Some("s"), Some("t")] {
        let asked = rho_asked(connection, study).await.unwrap();
        for organisation in ORGANISATIONS {
            for until in [7, DAY + 7, i64::MAX] {
                let (recounted,): (i64,) = (sqlx::query_as(RECOUNT_UNTIL))
                    .bind(organisation)
                    .bind(until)
                    .bind(study)
                    .fetch_one(&mut *connection)
                    .await
                    .unwrap();
                let kept = asked_until(connection, organisation, study, until)
                    .await
                    .unwrap();
                assert_eq!(kept, recounted.unsigned_abs());
                if until == i64::MAX {
                    let of = |known: &&(String, u64)| known.0 == organisation;
                    assert_eq!(asked.iter().find(of).map_or(0, |known| known.1), kept);
                }
            }
        }
    }
    let counted: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "SELECT study, COUNT(*), MIN(asked_at), MAX(asked_at) FROM queries GROUP BY study ORDER BY study",
    )
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let kept: Vec<_> = (questions_by_study(connection).await.unwrap().into_iter())
        .map(|(study, count, first, last)| (study, i64::try_from(count).unwrap(), first, last))
        .collect();
    assert_eq!(kept, counted);
}

#[tokio::test]
async fn totals_are_those_of_a_recount_after_every_step() {
    for seed in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = opened(&folder.path().join("c.db"), i64::MAX).await;
        let (mut numbers, mut count) = (Numbers(seed), 0);
        for _ in 0..120 {
            step(&mut connection, &mut numbers, &mut count).await;
            check(&mut connection).await;
        }
        assert!(!losses_by_day(&mut connection).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_database_from_before_has_its_totals_once_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.db");
    let mut connection = opened(&path, 40).await;
    let (mut numbers, mut count) = (Numbers(9), 0);
    for _ in 0..300 {
        step(&mut connection, &mut numbers, &mut count).await;
    }
    connection.close().await.unwrap();
    let mut connection = opened(&path, i64::MAX).await;
    assert!(!losses_by_day(&mut connection).await.unwrap().is_empty());
    check(&mut connection).await;
    step(&mut connection, &mut numbers, &mut count).await;
    check(&mut connection).await;
}

#[tokio::test]
async fn what_was_asked_and_the_totals_that_follow_are_changed_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = opened(&folder.path().join("c.db"), i64::MAX).await;
    let (mut numbers, mut count) = (Numbers(3), 0);
    for _ in 0..200 {
        step(&mut connection, &mut numbers, &mut count).await;
    }
    for row in [
        "INSERT INTO studies VALUES ('s', 'h', 'a', '{}', 1)",
        "INSERT INTO consents VALUES ('s', 'a', '{}', 1, 1)",
        "INSERT INTO cubes VALUES ('c', 's', '{}', 1, 1)",
        "INSERT INTO cube_asks VALUES ('c', 'q', 'past', '2025-01', '2025-12', 1)",
    ] {
        sqlx::query(row).execute(&mut connection).await.unwrap();
    }
    for statement in [
        "DELETE FROM queries",
        "DELETE FROM requests",
        "UPDATE requests SET rho = 0",
        "UPDATE requests SET edition = edition + 1",
        "UPDATE queries SET asked_at = asked_at - 1",
        "UPDATE queries SET study = 't'",
        "DELETE FROM counted_requests",
        "DELETE FROM counted_requests WHERE scope = ''",
        "UPDATE counted_requests SET rho = rho - 1",
        "UPDATE counted_requests SET asked_at = asked_at + 86400",
        "INSERT INTO counted_requests SELECT scope, organisation, dataset, edition, 'x', query, study, asked_at, rho FROM counted_requests",
        "INSERT INTO counted_requests SELECT 'u', organisation, dataset, edition, query_hash, query, study, asked_at, rho FROM counted_requests",
        "DELETE FROM day_losses",
        "UPDATE day_losses SET rho = rho - 1",
        "UPDATE day_losses SET day = day + 864000",
        "INSERT INTO day_losses SELECT scope, organisation, dataset, study, day + 864000, 5 FROM day_losses",
        "DELETE FROM study_questions",
        "UPDATE study_questions SET questions = questions - 1",
        "UPDATE study_questions SET first_asked_at = first_asked_at + 1",
        "INSERT INTO study_questions VALUES ('u', 1, 0, 0)",
        "UPDATE requests SET envelope = NULL WHERE envelope IS NOT NULL",
        "UPDATE requests SET envelope = '{\"other\":1}' WHERE state = 'answered'",
        "UPDATE requests SET state = 'unsigned', envelope = NULL WHERE state = 'signed'",
        "UPDATE requests SET state = 'signed' WHERE state IN ('offered', 'answered')",
        "UPDATE requests SET state = 'refused' WHERE state = 'answered'",
        "UPDATE requests SET state = 'answered' WHERE state = 'expired'",
        "UPDATE requests SET state = 'answered' WHERE state = 'unsigned'",
        "UPDATE requests SET state = 'signed' WHERE state = 'unsigned'",
        "UPDATE requests SET code = 'x', rule = 'y', field = 'z' WHERE state = 'refused'",
        "UPDATE requests SET state_at = 5 WHERE state = 'answered'",
        "UPDATE queries SET state = 'released'",
        "UPDATE queries SET state = 'unknown'",
        "UPDATE queries SET unasked = '[\"a\"]'",
        "UPDATE studies SET envelope = '{}'",
        "DELETE FROM studies",
        "UPDATE consents SET envelope = '{}'",
        "DELETE FROM consents",
        "UPDATE cubes SET definition = '{}'",
        "DELETE FROM cubes",
        "UPDATE cube_asks SET to_month = '2030-01'",
        "DELETE FROM cube_asks",
    ] {
        let refused = sqlx::query(statement).execute(&mut connection).await;
        let error = refused.expect_err(statement).to_string();
        assert!(
            ["follow", "stay", "fixed"]
                .iter()
                .any(|word| error.contains(word)),
            "{statement}: {error}"
        );
        check(&mut connection).await;
    }
}
