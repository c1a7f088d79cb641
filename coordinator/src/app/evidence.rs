//! The coordinator's log as an evidence pack: whole for whoever keeps it, and for one organisation's officer with the entries
//! that concern others withheld.

use crate::CoordinatorError;
use crate::store::log::concerns;
use crate::store::{Database, checkpoints, consents, organisations, studies};
use audit::{Header, LogSigner, NoteKey, NoteSignature, SignedCheckpoint};
use evidence::{Contents, Cosigned, EntryLine};
use merkle_log::StoredEntry;
use protocol::PublicKey;
use sqlx::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Writes the pack as of now; with `scope`, for that organisation's officer.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn export(
    database: &Database,
    scope: Option<&str>,
    now: i64,
) -> Result<Vec<u8>, CoordinatorError> {
    export_until(database, scope, now, None).await
}

/// Writes the pack as it was before the second `until`: the log's beginning up to then, with the head it had. A pack never begins
/// later than the log, since nobody could tell from it whether something was left out.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn export_until(
    database: &Database,
    scope: Option<&str>,
    now: i64,
    until: Option<i64>,
) -> Result<Vec<u8>, CoordinatorError> {
    let signer = database.signer().clone();
    let mut reader = database.read_transaction().await?;
    let contents = contents_on_conn(&mut reader, &signer, scope, now, until).await?;
    drop(reader);
    // Hashing and packing a long log takes its time.
    let packed = tokio::task::spawn_blocking(move || evidence::write(&contents, &signer)).await;
    let lost = || CoordinatorError::Corrupt { what: "evidence" };
    packed.map_err(|_| lost())?.map_err(|error| match error {
        evidence::EvidenceError::Audit(error) => error.into(),
        _ => lost(),
    })
}

/// What a pack says, as one connection sees the database; see [`export_until`].
///
/// # Errors
/// [`CoordinatorError`].
pub async fn contents_on_conn(
    reader: &mut SqliteConnection,
    signer: &LogSigner,
    scope: Option<&str>,
    now: i64,
    until: Option<i64>,
) -> Result<Contents, CoordinatorError> {
    let mut entries = merkle_log::entries(&mut *reader).await?;
    if let Some(until) = until {
        entries.truncate(length_before(&entries, until)?);
    }
    let size = entries.len() as u64;
    let root = merkle_log::root_at(&mut *reader, size).await?;
    let period = Period { size, until };
    let (cosigned, keys) = heads(&mut *reader, signer, scope, period).await?;
    Ok(Contents {
        organisation: None,
        scope: scope.map(str::to_owned),
        made_at: until.map_or(now, |until| until.min(now)),
        entries: (entries.iter())
            .map(|entry| line(entry, scope))
            .collect::<Result<_, _>>()?,
        head: SignedCheckpoint::sign(size, root, signer),
        cosigned,
        ledger: None,
        keys,
        documents: documents(reader, scope).await?,
    })
}

/// How much of the log there was: entries, and before which second.
#[derive(Clone, Copy)]
struct Period {
    size: u64,
    until: Option<i64>,
}

impl Period {
    fn has(self, at: i64) -> bool {
        self.until.is_none_or(|until| at < until)
    }
}

/// How many entries there were before the first one of `until` or later.
fn length_before(entries: &[StoredEntry], until: i64) -> Result<usize, CoordinatorError> {
    for (length, entry) in entries.iter().enumerate() {
        if Header::parse(&entry.header)?.at >= until {
            return Ok(length);
        }
    }
    Ok(entries.len())
}

fn line(entry: &StoredEntry, scope: Option<&str>) -> Result<EntryLine, CoordinatorError> {
    let visible = match scope {
        Some(organisation) => concerns(&Header::parse(&entry.header)?, organisation),
        None => true,
    };
    if !visible {
        return Ok(EntryLine::withheld(&entry.leaf_hash));
    }
    let body = (entry.body.as_ref()).map(|(salt, body)| (salt, body.as_slice()));
    let header = entry.header.clone();
    Ok(EntryLine::whole(
        header,
        &entry.body_hash,
        body,
        &entry.leaf_hash,
    ))
}

/// Heads of nodes' logs that were cosigned, and the public keys of everybody.
async fn heads(
    reader: &mut SqliteConnection,
    signer: &LogSigner,
    scope: Option<&str>,
    period: Period,
) -> Result<(Vec<Cosigned>, String), CoordinatorError> {
    let wanted = |organisation: &str| scope.is_none_or(|scope| scope == organisation);
    let mut log_keys = BTreeSet::new();
    let mut heads = Vec::new();
    for (organisation, key, at, note) in checkpoints::checkpoints(reader).await? {
        if wanted(&organisation) {
            log_keys.insert((organisation, key));
            if period.has(at) {
                heads.push((at, Cosigned { note }));
            }
        }
    }
    let mut keys = format!(
        "# As the coordinator knows them: compare them with what you received by another way.\n{}\n{}\n",
        signer.log_key(),
        signer.witness_key()
    );
    let mut own: BTreeMap<u64, (i64, Vec<NoteSignature>)> = BTreeMap::new();
    for (size, at, line) in checkpoints::cosignatures(reader).await? {
        if size > period.size || !period.has(at) {
            continue;
        }
        let lines = &mut own.entry(size).or_insert((at, Vec::new())).1;
        lines.push(NoteSignature::parse(&line)?);
    }
    for (size, (at, lines)) in own {
        let head = SignedCheckpoint::sign(size, merkle_log::root_at(reader, size).await?, signer);
        let head = lines
            .into_iter()
            .fold(head, SignedCheckpoint::with_signature);
        let note = head.to_string();
        heads.push((at, Cosigned { note }));
    }
    // Unwrap safety for all of these: writing to a string cannot fail.
    for witness in checkpoints::witnesses(reader).await? {
        writeln!(keys, "{witness}").unwrap();
    }
    for organisation in organisations::organisations(reader).await? {
        let Some(known) = organisation.keys.filter(|_| wanted(&organisation.id)) else {
            continue;
        };
        log_keys.insert((organisation.id.clone(), known.node.to_string()));
        let origin = protocol::node_log(&organisation.id);
        writeln!(keys, "officer {origin} {}", known.dpo).unwrap();
    }
    for (organisation, key) in log_keys {
        let key = PublicKey::from_hex(&key).ok_or(CoordinatorError::Corrupt { what: "key" })?;
        let origin = protocol::node_log(&organisation);
        for key in [
            NoteKey::log(&origin, key.0)?,
            NoteKey::witness(&origin, key.0)?,
        ] {
            writeln!(keys, "{key}").unwrap();
        }
    }
    Ok((evidence::last_of_each_day(heads), keys))
}

/// Studies as their requesters signed them, and the officers' countersignatures.
async fn documents(
    reader: &mut SqliteConnection,
    scope: Option<&str>,
) -> Result<BTreeMap<String, Vec<u8>>, CoordinatorError> {
    let mut documents = BTreeMap::new();
    for stored in studies::studies(reader).await? {
        let named = |scope: &str| {
            stored.study.requester == scope
                || (stored.study.participants.iter()).any(|it| it == scope)
        };
        if scope.is_none_or(named) {
            let path = format!("studies/{}.study.json", stored.study.id);
            documents.insert(path, serde_json::to_vec(&stored.envelope)?);
        }
    }
    for (study, organisation, envelope) in consents::consent_envelopes(reader).await? {
        if scope.is_none_or(|scope| scope == organisation) {
            let path = format!("studies/{study}.{organisation}.consent.json");
            documents.insert(path, envelope.into_bytes());
        }
    }
    Ok(documents)
}
