//! Files of earlier schemas stay readable: each fixture is opened, brought up to date, verified and charged.

use super::{NOW, Place, caps, debited, signer, sound, terms};
use crate::Ledger;
use privacy_loss::NanoRho;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// Two answered debits, one unanswered, a reuse and a refusal, as the first schema stored them.
const SCHEMA_1: &str = include_str!("fixtures/ledger-schema-1.sql");

#[tokio::test]
async fn a_ledger_of_the_first_schema_is_brought_up_to_date_and_goes_on() {
    let place = Place::new();
    {
        let options = SqliteConnectOptions::new()
            .filename(place.path())
            .create_if_missing(true)
            // A dump names tables in the order of their names.
            .foreign_keys(false);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        connection.execute(AssertSqlSafe(SCHEMA_1)).await.unwrap();
        connection.close().await.unwrap();
    }
    let ledger = Ledger::open(&place.path(), signer("node/log", 1))
        .await
        .unwrap();
    let report = sound(&ledger).await;
    assert_eq!(
        (
            report.charges,
            report.answers,
            report.reuses,
            report.refusals
        ),
        (3, 3, 1, 1)
    );
    assert_eq!(report.spent_nano, 33);
    assert_eq!(
        ledger.balance().await.unwrap().lifetime,
        Some(NanoRho::new(40))
    );
    let answer = ledger.reader().answer("request-0").await.unwrap();
    assert_eq!(answer.as_deref(), Some(&b"sealed 0"[..]));
    let _ = debited(
        ledger
            .charge_terms(&terms(8, 1, caps(40)), NOW)
            .await
            .unwrap(),
    );
    assert_eq!(sound(&ledger).await.spent_nano, 34);
}
