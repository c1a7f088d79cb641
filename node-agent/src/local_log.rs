//! The node-only log: exact local facts, such as what the register of an edition held and left out. It never leaves the node;
//! the node's own log holds its size and root, at most once a day, so that it cannot be rewritten afterwards unnoticed.
//!
//! How many entries it has follows from the calendar, not from the register; its root is that of salted leaves.

use crate::config::NodeDir;
use anyhow::{Context, Result};
use audit::{EntryKind, Fact, Hash, Header, Tree, body_hash, leaf_hash_of};
use ledger::{Ledger, LedgerReader};
use std::collections::BTreeMap;
use std::path::Path;
use storage::{Readers, Store};

const DAY_SECONDS: i64 = 86_400;
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "log", merkle_log::STANDALONE),
    (2, "subtrees", merkle_log::SUBTREES),
];

/// Records what was found in the register when an edition was built: the quality report, exact.
///
/// # Errors
/// When the log cannot be written.
pub async fn record_edition(dir: &NodeDir, edition: u32, now: i64) -> Result<()> {
    let quality = std::fs::read(dir.quality())
        .with_context(|| format!("cannot read {}", dir.quality().display()))?;
    let facts = [("edition", Fact::from(u64::from(edition)))];
    record(dir, EntryKind::Edition, &facts, &quality, now).await
}

/// Records an event, with what must not leave the node in `body`.
///
/// # Errors
/// When the log cannot be written.
pub async fn record(
    dir: &NodeDir,
    kind: EntryKind,
    facts: &[(&str, Fact)],
    body: &[u8],
    now: i64,
) -> Result<()> {
    let store = Store::open(&dir.local_log(), &storage::migrator(&MIGRATIONS)).await?;
    let mut transaction = store.writer().write_transaction().await?;
    let facts: BTreeMap<String, Fact> = (facts.iter())
        .map(|(key, fact)| ((*key).to_owned(), fact.clone()))
        .collect();
    merkle_log::append(&mut transaction, kind, now, facts, body).await?;
    Ok(transaction.commit().await?)
}

/// Writes size and root of the node-only log into the node's own, if it grew since and no anchor is of today.
///
/// # Errors
/// When a log cannot be used.
pub async fn anchor(dir: &NodeDir, ledger: &Ledger, now: i64) -> Result<()> {
    let Some(readers) = open(&dir.local_log()).await? else {
        return Ok(());
    };
    let mut reader = readers.read_transaction().await?;
    let tree = merkle_log::tree(&mut reader).await?;
    let last = ledger.reader().latest(EntryKind::Anchor).await?;
    let is_due = last.as_ref().is_none_or(|last| {
        last.at.div_euclid(DAY_SECONDS) != now.div_euclid(DAY_SECONDS)
            && last.number("size") != Some(tree.size())
    });
    if is_due && tree.size() > 0 {
        let facts = [
            ("root", Fact::from(protocol::hex(&tree.root()))),
            ("size", Fact::from(tree.size())),
        ];
        ledger.record(EntryKind::Anchor, &facts, b"", now).await?;
    }
    Ok(())
}

/// What does not fit: entries against each other, and the log against the anchors in the node's own.
///
/// # Errors
/// When a log cannot be read.
pub async fn verify(dir: &NodeDir, ledger: &LedgerReader) -> Result<(u64, Vec<String>)> {
    let mut roots = vec![Tree::default().root()];
    let mut problems = Vec::new();
    if let Some(readers) = open(&dir.local_log()).await? {
        let mut reader = readers.read_transaction().await?;
        let mut tree = Tree::default();
        for (index, entry) in (0u64..).zip(merkle_log::entries(&mut reader).await?) {
            let leaf = leaf_hash_of(&entry.header, &entry.body_hash);
            let whole = (entry.body.as_ref())
                .is_some_and(|(salt, body)| body_hash(salt, body) == entry.body_hash);
            let placed = Header::parse(&entry.header).is_ok_and(|header| header.index == index);
            if leaf != entry.leaf_hash || !whole || !placed {
                problems.push(format!("entry {index} of the local log was altered"));
            }
            tree.append(leaf);
            roots.push(tree.root());
        }
        if merkle_log::tree(&mut reader).await? != tree {
            problems.push("the local log's tree does not fit its entries".to_owned());
        }
    }
    for anchor in ledger.of_kind(EntryKind::Anchor).await? {
        let held: Option<&Hash> =
            (anchor.number("size")).and_then(|size| roots.get(usize::try_from(size).ok()?));
        let fits = held.is_some_and(|root| anchor.text("root") == Some(&protocol::hex(root)));
        if !fits {
            let index = anchor.index;
            problems.push(format!(
                "the local log is not the one that entry {index} anchors"
            ));
        }
    }
    Ok((roots.len() as u64 - 1, problems))
}

/// An entry of the log as its organisation reads it.
#[derive(Clone, Debug)]
pub(crate) struct LocalEntry {
    /// What happened, and when.
    pub(crate) header: Header,
    /// The exact facts, JSON, unless they were erased.
    pub(crate) body: Option<Vec<u8>>,
}

/// The last `most` entries, the latest first; none where nothing was logged yet.
///
/// # Errors
/// When the log cannot be read.
pub(crate) async fn latest(dir: &NodeDir, most: usize) -> Result<Vec<LocalEntry>> {
    let Some(readers) = open(&dir.local_log()).await? else {
        return Ok(Vec::new());
    };
    let mut reader = readers.read_transaction().await?;
    let entries = merkle_log::entries(&mut reader).await?.into_iter().rev();
    let read = entries.take(most).map(|entry| {
        Ok(LocalEntry {
            header: Header::parse(&entry.header)?,
            body: entry.body.map(|(_, body)| body),
        })
    });
    read.collect()
}

/// Copies the log as it stands into the new file `to`; false where there is none yet.
///
/// # Errors
/// When it cannot be copied.
pub(crate) async fn copy_to(dir: &NodeDir, to: &Path) -> Result<bool> {
    match open(&dir.local_log()).await? {
        Some(readers) => {
            readers.copy_to(to).await?;
            Ok(true)
        }
        None => Ok(false),
    }
}

async fn open(path: &Path) -> Result<Option<Readers>> {
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(Store::open_read_only(path).await?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::LogSigner;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    const NOW: i64 = 1_790_000_000;

    async fn ledger(dir: &NodeDir) -> Ledger {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("a key");
        let key = pair.public_key().as_ref().try_into().expect("32 bytes");
        let signer = LogSigner::new("node/log", key, move |message| {
            pair.sign(message).as_ref().try_into().expect("64 bytes")
        });
        Ledger::open(&dir.ledger(), signer.expect("a name"))
            .await
            .expect("open")
    }

    #[tokio::test]
    async fn one_anchor_a_day_holds_the_local_log_to_what_it_was() {
        let folder = tempfile::tempdir().expect("folder");
        let dir = NodeDir::new(folder.path());
        let ledger = ledger(&dir).await;
        let anchors = async || {
            ledger
                .reader()
                .of_kind(EntryKind::Anchor)
                .await
                .expect("read")
                .len()
        };
        anchor(&dir, &ledger, NOW).await.expect("nothing to anchor");
        assert_eq!(anchors().await, 0);
        for number in 0..3 {
            let exact = format!("{{\"unlinked\":{number}}}");
            record(&dir, EntryKind::Edition, &[], exact.as_bytes(), NOW)
                .await
                .expect("recorded");
            anchor(&dir, &ledger, NOW).await.expect("anchored");
        }
        assert_eq!(anchors().await, 1, "one a day");
        for day in [1, 2] {
            anchor(&dir, &ledger, NOW + day * DAY_SECONDS)
                .await
                .expect("anchored");
        }
        assert_eq!(anchors().await, 2, "and none where nothing was added");
        let (entries, problems) = verify(&dir, ledger.reader()).await.expect("read");
        assert_eq!((entries, problems), (3, Vec::new()));
        // Nothing exact is in what leaves the node.
        let leaves = ledger.reader().evidence().await.expect("read").entries;
        assert!(
            leaves
                .iter()
                .all(|entry| !entry.header.contains("unlinked"))
        );

        // A log begun anew is not the one that was anchored.
        std::fs::remove_file(dir.local_log()).expect("removed");
        assert_eq!(
            verify(&dir, ledger.reader()).await.expect("read").1.len(),
            2
        );
        record(&dir, EntryKind::Edition, &[], b"{\"unlinked\":0}", NOW)
            .await
            .expect("recorded");
        assert_eq!(
            verify(&dir, ledger.reader()).await.expect("read").1.len(),
            2
        );
    }
}
