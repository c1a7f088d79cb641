//! Releases as they are served: a summary for lists, a body for readers.
//! A release is written once and never changed.
//!
//! Bodies are long. Whether one was erased is asked of its length, which is known without reading it, and the order in time of an index.

use super::visible::Visible;
use crate::CoordinatorError;
use sqlx::SqliteConnection;

const SUMMARIES: &str = "SELECT summary FROM releases WHERE octet_length(body) > 0 ORDER BY released_at DESC, rowid DESC";
const SUMMARIES_OF_STUDY: &str = "SELECT summary FROM releases WHERE study = $1 AND octet_length(body) > 0 \
     ORDER BY released_at DESC, rowid DESC";
/// Two searches, each by an index of its own: one for either would look through all releases.
const OF_QUESTION: &str = "SELECT id, query FROM ( \
     SELECT id, query, released_at, rowid AS place FROM releases \
     WHERE query_hash = $1 AND study = $2 AND octet_length(body) > 0 \
     UNION SELECT releases.id, releases.query, releases.released_at, releases.rowid FROM queries \
     JOIN releases ON releases.query = queries.id \
     WHERE queries.query_hash = $1 AND queries.study = $2 AND octet_length(releases.body) > 0) AS same \
     ORDER BY released_at DESC, place DESC";

/// A release to be stored.
#[derive(Clone, Debug)]
pub struct NewRelease<'a> {
    /// Identifier.
    pub id: &'a str,
    /// The query it answers.
    pub query: &'a str,
    /// The study it was asked in.
    pub study: &'a str,
    /// Hash of the question it answers: for a part of a split question, of the plain one.
    pub query_hash: &'a str,
    /// Its area level.
    pub level: &'a str,
    /// Its summary, JSON.
    pub summary: &'a str,
    /// The whole of it, as releases are stored.
    pub body: String,
    /// When, Unix seconds.
    pub released_at: i64,
}

/// Stores a release. It takes it, since its body may be long.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn release_insert(
    connection: &mut SqliteConnection,
    release: NewRelease<'_>,
) -> Result<(), CoordinatorError> {
    sqlx::query(
        "INSERT INTO releases (id, query, study, query_hash, level, summary, body, released_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(release.id)
    .bind(release.query)
    .bind(release.study)
    .bind(release.query_hash)
    .bind(release.level)
    .bind(release.summary)
    .bind(release.body)
    .bind(release.released_at)
    .execute(connection)
    .await?;
    Ok(())
}

/// Summaries as JSON, newest first.
pub async fn release_summaries(
    connection: &mut SqliteConnection,
) -> Result<Vec<String>, CoordinatorError> {
    let rows: Vec<(String,)> = sqlx::query_as(SUMMARIES).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|(summary,)| summary).collect())
}

/// Summaries of a study's releases as JSON, newest first.
pub async fn release_summaries_of_study(
    connection: &mut SqliteConnection,
    study: &str,
) -> Result<Vec<String>, CoordinatorError> {
    let rows: Vec<(String,)> = sqlx::query_as(SUMMARIES_OF_STUDY)
        .bind(study)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(summary,)| summary).collect())
}

/// The body, as it is stored, of a release that may be seen.
pub async fn release_body(
    connection: &mut SqliteConnection,
    release: &Visible,
) -> Result<Option<String>, CoordinatorError> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT body FROM releases WHERE id = $1 AND body <> ''")
            .bind(release.id())
            .fetch_optional(connection)
            .await?;
    Ok(row.map(|(body,)| body))
}

/// The query that a release answers which may be seen, and the release's body as it is stored.
pub async fn release_with_query(
    connection: &mut SqliteConnection,
    release: &Visible,
) -> Result<Option<(String, String)>, CoordinatorError> {
    Ok(
        sqlx::query_as("SELECT query, body FROM releases WHERE id = $1 AND body <> ''")
            .bind(release.id())
            .fetch_optional(connection)
            .await?,
    )
}

/// Releases of a question within a study, newest first: pairs of release and query. Of a question that was split, all its
/// levels, the finest first.
pub async fn releases_of_question(
    connection: &mut SqliteConnection,
    query_hash: &str,
    study: &str,
) -> Result<Vec<(String, String)>, CoordinatorError> {
    Ok(sqlx::query_as(OF_QUESTION)
        .bind(query_hash)
        .bind(study)
        .fetch_all(connection)
        .await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MIGRATIONS;

    #[tokio::test]
    async fn no_search_for_releases_looks_through_all_or_puts_them_in_order_itself() {
        let dir = tempfile::tempdir().unwrap();
        let migrator = storage::migrator(MIGRATIONS);
        let store = (storage::Store::open(&dir.path().join("db"), &migrator).await).unwrap();
        let mut reader = store.readers().pool().acquire().await.unwrap();
        for (statement, may_sort) in [
            (SUMMARIES, false),
            (SUMMARIES_OF_STUDY, false),
            (OF_QUESTION, true),
        ] {
            let explain = format!("EXPLAIN QUERY PLAN {statement}");
            let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(sqlx::AssertSqlSafe(explain))
                .fetch_all(&mut *reader)
                .await
                .unwrap();
            let plan: Vec<&str> = steps.iter().map(|step| step.3.as_str()).collect();
            let looks_through =
                |step: &&str| step.starts_with("SCAN releases") && !step.contains("USING INDEX");
            assert!(!plan.iter().any(looks_through), "{statement}: {plan:#?}");
            let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE"));
            assert!(may_sort || !sorts, "{statement}: {plan:#?}");
        }
    }
}
