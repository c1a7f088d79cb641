//! Appending: entries are made, the caller stores their rows, and the tree grows by them, in one transaction.
//! Entries that were made and not appended are nothing; the transaction is then to be dropped.

use crate::{LogError, prove, stored};
use audit::{EntryKind, Fact, Hash, Header, LEAF_VERSION, Subtree, Tree, body_hash, leaf_hash_of};
use ring::rand::{SecureRandom, SystemRandom};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use std::collections::BTreeMap;

/// An entry that is about to be appended.
#[derive(Debug)]
pub struct NewEntry {
    /// Its index.
    pub index: i64,
    /// What it records.
    pub kind: EntryKind,
    /// When, Unix seconds.
    pub at: i64,
    /// Its canonical header.
    pub header: String,
    /// The salted hash of its body.
    pub body_hash: Hash,
    /// Its leaf.
    pub leaf_hash: Hash,
    salt: [u8; 32],
    body: Vec<u8>,
}

/// Entries that are about to be appended together.
#[derive(Debug)]
#[must_use = "entries are part of the log only once they are appended"]
pub struct Batch {
    tree: Tree,
    completed: Vec<(Subtree, Hash)>,
    entries: Vec<NewEntry>,
}

impl Batch {
    /// Nothing yet, after the log as this transaction sees it.
    ///
    /// # Errors
    /// [`LogError`]; the transaction must then be dropped.
    pub async fn begin(connection: &mut SqliteConnection) -> Result<Batch, LogError> {
        Ok(Batch {
            tree: prove::tree(connection).await?,
            completed: Vec::new(),
            entries: Vec::new(),
        })
    }

    /// Makes the entry that comes next.
    ///
    /// # Errors
    /// [`LogError`]; the transaction must then be dropped.
    pub fn add(
        &mut self,
        kind: EntryKind,
        at: i64,
        facts: BTreeMap<String, Fact>,
        body: Vec<u8>,
    ) -> Result<(), LogError> {
        let index = self.tree.size();
        let header = Header {
            at,
            facts,
            index,
            kind,
            version: LEAF_VERSION,
        }
        .canonical();
        let mut salt = [0; 32];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| LogError::NoRandomness)?;
        let body_hash = body_hash(&salt, &body);
        let leaf_hash = leaf_hash_of(&header, &body_hash);
        self.completed.extend(self.tree.grow(leaf_hash));
        self.entries.push(NewEntry {
            index: stored(index)?,
            kind,
            at,
            header,
            body_hash,
            leaf_hash,
            salt,
            body,
        });
        Ok(())
    }

    /// The entries, for the caller to store their rows before [`Batch::append`].
    pub fn entries(&self) -> &[NewEntry] {
        &self.entries
    }

    /// Inserts the rows of the entries into a table `entries` without columns of a program's own.
    ///
    /// # Errors
    /// [`LogError`]; the transaction must then be dropped.
    pub async fn insert(&self, connection: &mut SqliteConnection) -> Result<(), LogError> {
        for entry in &self.entries {
            sqlx::query(
                "INSERT INTO entries (entry_index, kind, at, header, body_hash, leaf_hash) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(entry.index)
            .bind(entry.kind.as_str())
            .bind(entry.at)
            .bind(&entry.header)
            .bind(&entry.body_hash[..])
            .bind(&entry.leaf_hash[..])
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }

    /// Grows the log by the entries, whose rows are in `entries`. Rows of many in one statement for each table: a statement
    /// costs more than a row.
    ///
    /// # Errors
    /// [`LogError`]; the transaction must then be dropped.
    pub async fn append(self, connection: &mut SqliteConnection) -> Result<(), LogError> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let mut rows: QueryBuilder<Sqlite> =
            QueryBuilder::new("INSERT INTO bodies (entry_index, salt, body) ");
        rows.push_values(&self.entries, |mut row, entry| {
            row.push_bind(entry.index)
                .push_bind(&entry.salt[..])
                .push_bind(&entry.body[..]);
        });
        rows.build().execute(&mut *connection).await?;
        for (subtree, hash) in &self.completed {
            prove::store(&mut *connection, *subtree, hash).await?;
        }
        sqlx::query("UPDATE tree SET size = $1, frontier = $2 WHERE id = 1")
            .bind(stored(self.tree.size())?)
            .bind(self.tree.frontier_bytes())
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Appends one entry to a log that stands alone, and returns its index.
///
/// # Errors
/// [`LogError`]; the transaction must then be dropped.
pub async fn append(
    connection: &mut SqliteConnection,
    kind: EntryKind,
    at: i64,
    facts: BTreeMap<String, Fact>,
    body: &[u8],
) -> Result<i64, LogError> {
    let mut batch = Batch::begin(&mut *connection).await?;
    batch.add(kind, at, facts, body.to_vec())?;
    batch.insert(&mut *connection).await?;
    let index = batch.entries().first().map_or(0, |entry| entry.index);
    batch.append(connection).await?;
    Ok(index)
}
