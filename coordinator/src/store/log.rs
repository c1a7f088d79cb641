//! The coordinator's Merkle log: appended inside the transaction of what it records, read for views and proofs.
//! Headers name organisations, studies, hashes and codes; names of people go into bodies, which can be erased.

use crate::CoordinatorError;
use audit::{EntryKind, Fact, Hash, Header, LogSigner, SignedCheckpoint};
use serde_json::Value;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use std::collections::BTreeMap;

/// Most entries one page of the log holds.
pub const PAGE: i64 = 200;

/// What is to be recorded.
#[derive(Clone, Debug)]
#[must_use = "an entry is recorded by `append`"]
pub struct Entry {
    kind: EntryKind,
    node: Option<String>,
    facts: BTreeMap<String, Fact>,
    body: Value,
}

impl Entry {
    /// An entry of a kind with a stable code of what happened.
    pub fn new(kind: EntryKind, code: &str) -> Entry {
        Entry {
            kind,
            node: None,
            facts: BTreeMap::from([("code".to_owned(), Fact::from(code))]),
            body: Value::Object(serde_json::Map::new()),
        }
    }

    /// The organisation it concerns.
    pub fn node(mut self, organisation: &str) -> Entry {
        self.node = Some(organisation.to_owned());
        self.fact("node", organisation)
    }

    /// The study it belongs to.
    pub fn study(self, id: &str) -> Entry {
        self.fact("study", id)
    }

    /// The query it belongs to.
    pub fn query(self, id: &str) -> Entry {
        self.fact("query", id)
    }

    /// Anything else that stays for ever.
    pub fn fact(mut self, key: &str, value: impl Into<Fact>) -> Entry {
        self.facts.insert(key.to_owned(), value.into());
        self
    }

    /// What may have to be erased one day.
    pub fn body(mut self, body: Value) -> Entry {
        self.body = body;
        self
    }
}

/// Appends an entry.
///
/// # Errors
/// [`CoordinatorError`]; the transaction must then be dropped.
pub async fn append(
    connection: &mut SqliteConnection,
    at: i64,
    entry: Entry,
) -> Result<(), CoordinatorError> {
    append_all(connection, at, vec![entry]).await
}

/// Appends entries in their order.
///
/// # Errors
/// [`CoordinatorError`]; the transaction must then be dropped.
pub async fn append_all(
    connection: &mut SqliteConnection,
    at: i64,
    entries: Vec<Entry>,
) -> Result<(), CoordinatorError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut batch = merkle_log::Batch::begin(&mut *connection).await?;
    let mut nodes = Vec::new();
    for entry in entries {
        let body = serde_json::to_vec(&entry.body)?;
        batch.add(entry.kind, at, entry.facts, body)?;
        nodes.push(entry.node);
    }
    // Rows of many entries in one statement; a statement costs more than a row.
    let mut rows: QueryBuilder<Sqlite> = QueryBuilder::new(
        "INSERT INTO entries (entry_index, kind, at, node, header, body_hash, leaf_hash) ",
    );
    rows.push_values(
        batch.entries().iter().zip(&nodes),
        |mut row, (entry, node)| {
            row.push_bind(entry.index)
                .push_bind(entry.kind.as_str())
                .push_bind(at)
                .push_bind(node.as_deref())
                .push_bind(entry.header.as_str())
                .push_bind(&entry.body_hash[..])
                .push_bind(&entry.leaf_hash[..]);
        },
    );
    rows.build().execute(&mut *connection).await?;
    batch.append(connection).await?;
    Ok(())
}

/// The signed head of the log as it stands.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn checkpoint(
    connection: &mut SqliteConnection,
    signer: &LogSigner,
) -> Result<SignedCheckpoint, CoordinatorError> {
    let tree = merkle_log::tree(connection).await?;
    Ok(SignedCheckpoint::sign(tree.size(), tree.root(), signer))
}

/// A recorded entry.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The header.
    pub header: Header,
    /// The body, where it has not been erased.
    pub body: Option<Value>,
}

/// Whose entries are read.
#[derive(Clone, Copy, Debug)]
pub enum Readership<'a> {
    /// Every entry.
    All,
    /// All but sign-ins and acts of administration.
    Questions,
    /// Those that concern an organisation or nobody in particular, without sign-ins and acts of administration.
    Organisation(&'a str),
}

/// Whether an organisation may see an entry: as [`Readership::Organisation`] selects.
pub fn concerns(header: &Header, organisation: &str) -> bool {
    !matches!(header.kind, EntryKind::Login | EntryKind::AdminAct)
        && header.text("node").is_none_or(|node| node == organisation)
}

/// At most [`PAGE`] entries after an index, or from the start.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn page(
    connection: &mut SqliteConnection,
    after: Option<i64>,
    readership: Readership<'_>,
) -> Result<Vec<Recorded>, CoordinatorError> {
    let (all, node) = match readership {
        Readership::All => (1, None),
        Readership::Questions => (0, None),
        Readership::Organisation(node) => (0, Some(node)),
    };
    let rows: Vec<(String, Option<Vec<u8>>)> = sqlx::query_as(
        "SELECT entries.header, bodies.body FROM entries \
         LEFT JOIN bodies ON bodies.entry_index = entries.entry_index \
         WHERE entries.entry_index > $1 AND ($2 = 1 OR entries.kind NOT IN ('login', 'admin-act')) \
         AND ($3 IS NULL OR entries.node IS NULL OR entries.node = $3) \
         ORDER BY entries.entry_index LIMIT $4",
    )
    .bind(after.unwrap_or(-1))
    .bind(all)
    .bind(node)
    .bind(PAGE)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(header, body)| {
            Ok(Recorded {
                header: Header::parse(&header)?,
                body: body.map(|body| serde_json::from_slice(&body)).transpose()?,
            })
        })
        .collect()
}

/// An entry with what its leaf is made of.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The header.
    pub header: Header,
    /// The salted hash of its body.
    pub body_hash: Hash,
    /// The leaf.
    pub hash: Hash,
}

fn leaf((header, body, leaf): (String, Vec<u8>, Vec<u8>)) -> Result<Leaf, CoordinatorError> {
    let hash = |bytes: Vec<u8>| {
        Hash::try_from(bytes).map_err(|_| CoordinatorError::Corrupt { what: "entry" })
    };
    Ok(Leaf {
        header: Header::parse(&header)?,
        body_hash: hash(body)?,
        hash: hash(leaf)?,
    })
}

/// The entries about a query, oldest first.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn leaves_of_query(
    connection: &mut SqliteConnection,
    query: &str,
) -> Result<Vec<Leaf>, CoordinatorError> {
    let rows: Vec<(String, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "SELECT header, body_hash, leaf_hash FROM entries WHERE query = $1 ORDER BY entry_index",
    )
    .bind(query)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(leaf).collect()
}

/// Headers of the latest entries of these kinds since a second, newest first, at most `limit`.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn latest_of_kinds(
    connection: &mut SqliteConnection,
    kinds: &[EntryKind],
    since: i64,
    limit: i64,
) -> Result<Vec<Header>, CoordinatorError> {
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT header FROM entries WHERE at >= ");
    sql.push_bind(since).push(" AND kind IN (");
    let mut list = sql.separated(", ");
    for kind in kinds {
        list.push_bind(kind.as_str());
    }
    sql.push(") ORDER BY entry_index DESC LIMIT ")
        .push_bind(limit);
    let rows: Vec<(String,)> = sql.build_query_as().fetch_all(connection).await?;
    rows.into_iter()
        .map(|(header,)| Ok(Header::parse(&header)?))
        .collect()
}
