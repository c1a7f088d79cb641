//! Whole entries, as a verifier or an export needs them.
//! Whether they fit each other is for whoever reads them to check.

use crate::{LogError, prove};
use audit::Hash;
use sqlx::SqliteConnection;

/// An entry as it is stored.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// Its canonical header.
    pub header: String,
    /// The salted hash of its body.
    pub body_hash: Hash,
    /// Its leaf.
    pub leaf_hash: Hash,
    /// Salt and body, unless they were erased.
    pub body: Option<([u8; 32], Vec<u8>)>,
}

/// All entries, in order.
///
/// # Errors
/// [`LogError::Corrupt`] for a row that was not written here.
pub async fn entries(connection: &mut SqliteConnection) -> Result<Vec<StoredEntry>, LogError> {
    type Row = (String, Vec<u8>, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT e.header, e.body_hash, e.leaf_hash, b.salt, b.body FROM entries e \
         LEFT JOIN bodies b ON b.entry_index = e.entry_index ORDER BY e.entry_index",
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(header, body_hash, leaf_hash, salt, body)| {
            Ok(StoredEntry {
                header,
                body_hash: prove::as_hash(body_hash)?,
                leaf_hash: prove::as_hash(leaf_hash)?,
                body: match (salt, body) {
                    (Some(salt), Some(body)) => Some((prove::as_hash(salt)?, body)),
                    _ => None,
                },
            })
        })
        .collect()
}
