//! What was made of releases and is stored beside them: forecasts, scenarios, plans. It may be kept no longer than each release that its
//! numbers come from; when the first of them ends, it goes too.

use crate::CoordinatorError;
use sqlx::SqliteConnection;

/// Something that was erased because a release it was made of had ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// `forecast`, `scenario` or `plan`.
    pub what: &'static str,
    /// Its identifier.
    pub id: String,
    /// One of the releases, the first by identifier.
    pub release: String,
    /// The study that release was asked in.
    pub study: String,
}

/// Ended releases with the study of each.
const ENDED: &str = "SELECT releases.id AS release, releases.study AS study FROM releases \
 JOIN release_terms ON release_terms.release = releases.id WHERE release_terms.keep_until < $1";

/// The past of a forecast with what stays known of it, and nothing else: a field that is new, with numbers of releases in it, is erased too.
const WITHOUT_NUMBERS: &str = "json_object( \
    'releases', json(forecasts.input -> '$.past.releases'), 'periods', json(forecasts.input -> '$.past.periods'), \
    'left_out', json(forecasts.input -> '$.past.left_out'), 'missing', json(COALESCE(forecasts.input -> '$.past.missing', '[]')), \
    'keys', json(forecasts.input -> '$.past.keys'), 'values', json('[]'), 'variances', json('[]'), \
    'kind', json(forecasts.input -> '$.past.kind'), 'counts', json(forecasts.input -> '$.past.counts'))";

/// Erases what is made of a release whose time ended before `now`: scenarios and plans as a whole; of forecasts the numbers, while what
/// was asked and of which releases stays, so that nobody takes them for never made. Names of releases and people's own numbers in saved
/// views and tables of travel are not touched.
///
/// # Errors
/// [`CoordinatorError`]; nothing is erased then, if the transaction is dropped.
pub async fn erase_made_of_ended(
    connection: &mut SqliteConnection,
    now: i64,
) -> Result<Vec<Erased>, CoordinatorError> {
    let mut erased = Vec::new();
    let forecasts = format!(
        "SELECT forecasts.id, MIN(ended.release), ended.study FROM forecasts, json_each(forecasts.input, '$.past.releases') AS made \
         JOIN ({ENDED}) AS ended ON ended.release = made.value \
         WHERE forecasts.result IS NOT NULL OR json(forecasts.input -> '$.past') <> {WITHOUT_NUMBERS} \
         GROUP BY forecasts.id ORDER BY forecasts.id"
    );
    let from_sources = |table: &str, column: &str| {
        format!(
            "SELECT {table}.id, MIN(ended.release), ended.study FROM {table}, json_each({table}.{column}, '$.sources') AS source, \
             json_each(source.value, '$.releases') AS made JOIN ({ENDED}) AS ended ON ended.release = made.value \
             GROUP BY {table}.id ORDER BY {table}.id"
        )
    };
    let erase_forecast = format!(
        "UPDATE forecasts SET result = NULL, state = 'cancelled', input = json_set(input, '$.past', {WITHOUT_NUMBERS}) WHERE id = $1"
    );
    for (what, select, erase) in [
        ("forecast", forecasts, &*erase_forecast),
        (
            "scenario",
            from_sources("scenarios", "result"),
            "DELETE FROM scenarios WHERE id = $1",
        ),
        (
            "plan",
            from_sources("plans", "inputs"),
            "DELETE FROM plans WHERE id = $1",
        ),
    ] {
        // The statements are put together from words of this file alone.
        let rows: Vec<(String, String, String)> = sqlx::query_as(sqlx::AssertSqlSafe(select))
            .bind(now)
            .fetch_all(&mut *connection)
            .await?;
        for (id, release, study) in rows {
            sqlx::query(sqlx::AssertSqlSafe(erase))
                .bind(&id)
                .execute(&mut *connection)
                .await?;
            erased.push(Erased {
                what,
                id,
                release,
                study,
            });
        }
    }
    Ok(erased)
}
