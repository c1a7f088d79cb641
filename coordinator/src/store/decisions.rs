//! Decisions as one list: what each organisation did about each question, newest first, filtered and read page by page.
//! A question that needed nobody's answer stands as one row of its own. Reading changes nothing.

use super::queries::QueryState;
use super::requests::RequestState;
use crate::CoordinatorError;
use crate::app::oversight::reach::Reach;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

/// What became of a question at one organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The organisation's policy allowed it; its node answered and charged.
    Answered,
    /// The organisation refused.
    Refused,
    /// The requester's own node did not sign it, so nobody was asked.
    Declined,
    /// Nothing has been decided yet.
    Waiting,
    /// No answer came in time.
    Unanswered,
    /// It followed from an earlier release: nobody was asked, nothing was charged.
    Reused,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Decision; 6] = [
        Decision::Answered,
        Decision::Refused,
        Decision::Declined,
        Decision::Waiting,
        Decision::Unanswered,
        Decision::Reused,
    ];

    /// The identifier.
    pub fn id(self) -> &'static str {
        match self {
            Decision::Answered => "answered",
            Decision::Refused => "refused",
            Decision::Declined => "declined",
            Decision::Waiting => "waiting",
            Decision::Unanswered => "unanswered",
            Decision::Reused => "reused",
        }
    }

    /// The decision of that identifier.
    pub fn from_id(id: &str) -> Option<Decision> {
        (Decision::ALL.into_iter()).find(|decision| decision.id() == id)
    }

    /// As a condition on the rows of a query and its request.
    fn condition(self) -> &'static str {
        match self {
            Decision::Answered => "requests.state = 'answered'",
            Decision::Refused => "requests.state = 'refused'",
            Decision::Declined => "queries.declined_code IS NOT NULL",
            Decision::Waiting => {
                "requests.state IN ('unsigned', 'signed', 'offered') AND queries.declined_code IS NULL"
            }
            Decision::Unanswered => {
                "requests.state IN ('offline', 'expired') AND queries.declined_code IS NULL"
            }
            Decision::Reused => "requests.id IS NULL AND queries.declined_code IS NULL",
        }
    }
}

/// A request as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedRequest {
    /// Identifier.
    pub id: String,
    /// The organisation.
    pub organisation: String,
    /// Which of its datasets.
    pub dataset: String,
    /// Its edition.
    pub edition: u32,
    /// The policy it was asked under, hex.
    pub policy_hash: String,
    /// Privacy loss offered, nano-rho.
    pub rho: u64,
    /// How far it has come.
    pub state: RequestState,
    /// Rule, field and code of a refusal.
    pub refusal: Option<(String, String, String)>,
    /// Since when, Unix seconds.
    pub state_at: i64,
}

/// One row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// The query.
    pub query: String,
    /// Its study.
    pub study: String,
    /// Who asks.
    pub requester: String,
    /// The canonical question.
    pub question: String,
    /// Its hash, hex.
    pub question_hash: String,
    /// Name of the account that asked.
    pub asked_by: String,
    /// When, Unix seconds.
    pub asked_at: i64,
    /// How far the query has come.
    pub query_state: QueryState,
    /// Its release.
    pub release: Option<String>,
    /// Field and code by which the requester's node declined to sign.
    pub declined: Option<(String, String)>,
    /// The request, unless nobody was asked.
    pub request: Option<DecidedRequest>,
}

impl DecisionRow {
    /// What became of it.
    pub fn decision(&self) -> Decision {
        if self.declined.is_some() {
            return Decision::Declined;
        }
        match self.request.as_ref().map(|request| request.state) {
            None => Decision::Reused,
            Some(RequestState::Answered) => Decision::Answered,
            Some(RequestState::Refused) => Decision::Refused,
            Some(RequestState::Offline | RequestState::Expired) => Decision::Unanswered,
            Some(_) => Decision::Waiting,
        }
    }

    /// The identifier of its page: the request's, or the query's where nobody was asked.
    pub fn id(&self) -> &str {
        (self.request.as_ref()).map_or(&self.query, |request| &request.id)
    }

    /// The place in the list after which the next page begins.
    pub fn place(&self) -> Place {
        let request = self.request.as_ref();
        Place {
            asked_at: self.asked_at,
            query: self.query.clone(),
            organisation: request.map_or(String::new(), |request| request.organisation.clone()),
            dataset: request.map_or(String::new(), |request| request.dataset.clone()),
        }
    }
}

/// A place in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    asked_at: i64,
    query: String,
    organisation: String,
    dataset: String,
}

impl Place {
    /// As text for an address.
    pub fn text(&self) -> String {
        let Place {
            asked_at,
            query,
            organisation,
            dataset,
        } = self;
        format!("{asked_at}~{query}~{organisation}~{dataset}")
    }

    /// Reads [`Place::text`] back.
    pub fn parse(text: &str) -> Option<Place> {
        let mut parts = text.splitn(4, '~').map(str::to_owned);
        Some(Place {
            asked_at: parts.next()?.parse().ok()?,
            query: parts.next()?,
            organisation: parts.next()?,
            dataset: parts.next()?,
        })
    }
}

/// A word that a row must hold, as what it may mean.
#[derive(Clone, Debug, Default)]
pub struct Word {
    /// As it was typed: found in names of accounts, organisations, datasets, rules and codes, and at the beginning of identifiers and hashes.
    pub text: String,
    /// Targets of that name.
    pub targets: Vec<String>,
    /// Studies of that title or purpose.
    pub studies: Vec<String>,
    /// Organisations of that name.
    pub organisations: Vec<String>,
}

/// Which rows are wanted; what is absent does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Who asks.
    pub requester: Option<String>,
    /// Studies, where only some are wanted.
    pub studies: Option<Vec<String>>,
    /// Who was asked.
    pub organisation: Option<String>,
    /// What became of it.
    pub decision: Option<Decision>,
    /// A target the question names.
    pub target: Option<String>,
    /// Asked at this second or later.
    pub from: Option<i64>,
    /// Asked before this second.
    pub until: Option<i64>,
    /// Words that must all be found.
    pub words: Vec<Word>,
}

const COLUMNS: &str = "SELECT queries.id, queries.study, queries.requester, queries.query, queries.query_hash, accounts.name, \
 queries.asked_at, queries.state, queries.release, queries.declined_field, queries.declined_code, requests.id AS request, \
 requests.organisation, requests.dataset, requests.edition, requests.policy_hash, requests.rho, requests.state AS request_state, \
 requests.rule, requests.field, requests.code, requests.state_at FROM queries JOIN accounts ON accounts.id = queries.asked_by \
 LEFT JOIN requests ON requests.query = queries.id WHERE ";

/// Text that `LIKE ... ESCAPE '\'` takes for itself.
fn literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// How a target stands in a canonical question.
fn names_target(id: &str) -> String {
    format!("%\"{}\"%", literal(id))
}

fn one_of(sql: &mut QueryBuilder<Sqlite>, column: &str, values: &[String]) {
    if values.is_empty() {
        sql.push("0 = 1");
        return;
    }
    sql.push(column).push(" IN (");
    let mut list = sql.separated(", ");
    for value in values {
        list.push_bind(value.clone());
    }
    sql.push(")");
}

fn within(sql: &mut QueryBuilder<Sqlite>, reach: Reach<'_>) {
    match reach {
        Reach::All => sql.push("1 = 1"),
        Reach::Organisation(own) => sql
            .push("(requests.organisation = ")
            .push_bind(own.to_owned())
            .push(" OR queries.requester = ")
            .push_bind(own.to_owned())
            .push(")"),
        Reach::Asker(account) => sql.push("queries.asked_by = ").push_bind(account),
    };
}

fn filtered(sql: &mut QueryBuilder<Sqlite>, filter: &Filter) {
    if let Some(requester) = &filter.requester {
        (sql.push(" AND queries.requester = ")).push_bind(requester.clone());
    }
    if let Some(studies) = &filter.studies {
        sql.push(" AND ");
        one_of(sql, "queries.study", studies);
    }
    if let Some(organisation) = &filter.organisation {
        (sql.push(" AND requests.organisation = ")).push_bind(organisation.clone());
    }
    if let Some(decision) = filter.decision {
        (sql.push(" AND (").push(decision.condition())).push(")");
    }
    if let Some(target) = &filter.target {
        (sql.push(" AND queries.query LIKE "))
            .push_bind(names_target(target))
            .push(" ESCAPE '\\'");
    }
    if let Some(from) = filter.from {
        sql.push(" AND queries.asked_at >= ").push_bind(from);
    }
    if let Some(until) = filter.until {
        sql.push(" AND queries.asked_at < ").push_bind(until);
    }
    for word in &filter.words {
        sql.push(" AND (");
        holds(sql, word);
        sql.push(")");
    }
}

fn holds(sql: &mut QueryBuilder<Sqlite>, word: &Word) {
    for column in ["queries.id", "queries.query_hash", "requests.id"] {
        sql.push(column)
            .push(" LIKE ")
            .push_bind(format!("{}%", literal(&word.text)))
            .push(" ESCAPE '\\' OR ");
    }
    for column in [
        "accounts.name",
        "requests.organisation",
        "requests.dataset",
        "requests.rule",
        "requests.code",
    ] {
        sql.push(column)
            .push(" LIKE ")
            .push_bind(format!("%{}%", literal(&word.text)))
            .push(" ESCAPE '\\' OR ");
    }
    for target in &word.targets {
        sql.push("queries.query LIKE ")
            .push_bind(names_target(target))
            .push(" ESCAPE '\\' OR ");
    }
    one_of(sql, "queries.study", &word.studies);
    sql.push(" OR ");
    one_of(sql, "requests.organisation", &word.organisations);
}

/// At most `limit` rows after a place, or from the newest on.
///
/// # Errors
/// [`CoordinatorError`]; so for every function below.
pub async fn page(
    connection: &mut SqliteConnection,
    reach: Reach<'_>,
    filter: &Filter,
    after: Option<&Place>,
    limit: i64,
) -> Result<Vec<DecisionRow>, CoordinatorError> {
    let mut sql = QueryBuilder::new(COLUMNS);
    within(&mut sql, reach);
    filtered(&mut sql, filter);
    if let Some(Place {
        asked_at,
        query,
        organisation,
        dataset,
    }) = after
    {
        // The first condition says nothing new, but lets the index begin there.
        (sql.push(" AND queries.asked_at <= ").push_bind(*asked_at))
            .push(" AND (queries.asked_at < ")
            .push_bind(*asked_at)
            .push(" OR queries.id > ")
            .push_bind(query.clone())
            .push(" OR (queries.id = ")
            .push_bind(query.clone())
            .push(" AND (requests.organisation > ")
            .push_bind(organisation.clone())
            .push(" OR (requests.organisation = ")
            .push_bind(organisation.clone())
            .push(" AND requests.dataset > ")
            .push_bind(dataset.clone())
            .push("))))");
    }
    sql.push(
        " ORDER BY queries.asked_at DESC, queries.id, requests.organisation, requests.dataset LIMIT ",
    )
    .push_bind(limit);
    let rows = sql.build().fetch_all(connection).await?;
    rows.iter().map(row).collect()
}

/// The decision of an identifier: a request's, or that of a query for which nobody was asked.
pub async fn decision_by_id(
    connection: &mut SqliteConnection,
    reach: Reach<'_>,
    id: &str,
) -> Result<Option<DecisionRow>, CoordinatorError> {
    // Two statements, each over an index; as one, the whole table would be read.
    for condition in [
        " AND requests.id = ",
        " AND requests.id IS NULL AND queries.id = ",
    ] {
        let mut sql = QueryBuilder::new(COLUMNS);
        within(&mut sql, reach);
        sql.push(condition).push_bind(id.to_owned());
        if let Some(found) = sql.build().fetch_optional(&mut *connection).await? {
            return row(&found).map(Some);
        }
    }
    Ok(None)
}

fn row(row: &sqlx::sqlite::SqliteRow) -> Result<DecisionRow, CoordinatorError> {
    use sqlx::Row as _;
    let text = |name| row.try_get::<String, _>(name);
    let maybe = |name| row.try_get::<Option<String>, _>(name);
    let request = match maybe("request")? {
        None => None,
        Some(id) => Some(DecidedRequest {
            id,
            organisation: text("organisation")?,
            dataset: text("dataset")?,
            edition: super::edition(row.try_get("edition")?)?,
            policy_hash: text("policy_hash")?,
            rho: u64::try_from(row.try_get::<i64, _>("rho")?)
                .map_err(|_| CoordinatorError::Corrupt { what: "loss" })?,
            state: RequestState::from_stored(&text("request_state")?)?,
            refusal: match (maybe("rule")?, maybe("field")?, maybe("code")?) {
                (Some(rule), Some(field), Some(code)) => Some((rule, field, code)),
                _ => None,
            },
            state_at: row.try_get("state_at")?,
        }),
    };
    Ok(DecisionRow {
        query: text("id")?,
        study: text("study")?,
        requester: text("requester")?,
        question: text("query")?,
        question_hash: text("query_hash")?,
        asked_by: text("name")?,
        asked_at: row.try_get("asked_at")?,
        query_state: QueryState::from_stored(&text("state")?)?,
        release: maybe("release")?,
        declined: maybe("declined_field")?.zip(maybe("declined_code")?),
        request,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use taxonomy::Taxonomy;

    #[test]
    fn a_place_survives_the_address() {
        let place = Place {
            asked_at: 1_790_000_000,
            query: "ab".repeat(16),
            organisation: "cooperativa-lambro".to_owned(),
            dataset: "services".to_owned(),
        };
        assert_eq!(Place::parse(&place.text()), Some(place));
        assert_eq!(Place::parse("1790000000~ab~"), None);
        assert_eq!(Place::parse("soon~ab~c~d"), None);
    }

    /// Targets are found by their quoted identifiers in canonical questions, which must mean nothing else there.
    #[test]
    fn no_target_is_called_like_another_word_of_questions() {
        let taxonomy = Taxonomy::built_in();
        let mut others: Vec<&str> = taxonomy
            .services()
            .iter()
            .map(|it| it.id.as_str())
            .collect();
        others.extend(query::Measure::IDS);
        others.extend(geography::Level::ALL.map(|level| level.id()));
        for target in taxonomy.targets() {
            assert!(!others.contains(&target.id.as_str()), "{}", target.id);
        }
    }
}
