//! Backups: one file with a consistent copy of ledger, configuration, mapping, policy, studies and acts, and a signed manifest.
//! The keys by which a node speaks are never in it: what is restored makes its own, so that no two copies speak for one node.

use crate::config::{NodeDir, write_private};
use crate::fault::{
    ALTERED, BACKUP_FORMAT, DAMAGED, Fault, LEADS_OUT, MAKING, MANIFEST as MANIFEST_FAULT,
    NO_BACKUP, NO_LEDGER, NOT_NEW, OCCUPIED, OTHER_FORMAT, OrFault, RESTORING, TWICE, UNSOUND,
};
use crate::keys;
use crate::local_log;
use crate::policies;
use anyhow::{Result, bail, ensure};
use identity::{SigningKey, TlsKey};
use ledger::{LedgerReader, Problem};
use protocol::{Envelope, LogState, PublicKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

/// Version of the backup format.
pub const VERSION: u32 = 1;
/// Payload type of the signed manifest.
pub const TYPE: &str = "application/vnd.welfare-intelligence.backup+json";
const MANIFEST: &str = "manifest.json";
const LEDGER: &str = "node.db";
const POLICY: &str = "policy.toml";
const LOCAL_LOG: &str = "local.db";
/// Public keys, which are always in a backup.
const PUBLIC_KEYS: [&str; 3] = [keys::DPO_PUBLIC, keys::COORDINATOR, keys::AUTHORITY];
/// Secrets that a restored node can use, in a backup only on demand.
const SECRETS: [&str; 2] = [keys::PSEUDONYM, keys::REQUESTER];

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format version, 1.
    pub version: u32,
    /// The organisation.
    pub organisation: String,
    /// When it was made, Unix seconds.
    pub made_at: i64,
    /// The key of the log in it.
    pub node_key: PublicKey,
    /// The log in it.
    pub log: LogState,
    /// Whether secrets are in it.
    pub with_keys: bool,
    /// Every other file in it, by path, with the SHA-256 of its bytes in hex.
    pub files: BTreeMap<String, String>,
}

/// Writes a backup of the node in `dir` to the new file `out`, also while it serves.
///
/// # Errors
/// When `out` exists, or a part cannot be read or written.
pub async fn backup(dir: &NodeDir, out: &Path, with_keys: bool, now: i64) -> Result<Manifest> {
    let config = dir.read_config()?;
    ensure!(dir.ledger().exists(), Fault::new(&NO_LEDGER));
    let key = SigningKey::load(&dir.key(keys::NODE))?;
    let copies = tempfile_beside(out)?;
    let copy = copies.join(LEDGER);
    let made = async {
        LedgerReader::open(&dir.ledger())
            .await?
            .copy_to(&copy)
            .await?;
        let tree = LedgerReader::open(&copy).await?.tree().await?;
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        files.insert(LEDGER.to_owned(), std::fs::read(&copy)?);
        // After the ledger: what it anchors must be in the copy.
        let copy = copies.join(LOCAL_LOG);
        if local_log::copy_to(dir, &copy).await? {
            files.insert(LOCAL_LOG.to_owned(), std::fs::read(&copy)?);
        }
        for path in members(dir, with_keys)? {
            let file = dir.path().join(&path);
            let bytes = std::fs::read(&file).or_unread(&file)?;
            files.insert(path, bytes);
        }
        // The policy in force, which a file edited since does not replace: a restored node installs what it finds.
        if let Some(policy) = policies::in_force(dir).await? {
            files.insert(POLICY.to_owned(), policy.document.into_bytes());
        }
        let manifest = Manifest {
            version: VERSION,
            organisation: config.organisation.clone(),
            made_at: now,
            node_key: keys::public(&key),
            log: LogState::new(tree.size(), &tree.root()),
            with_keys,
            files: (files.iter())
                .map(|(path, bytes)| (path.clone(), protocol::hex(&protocol::sha256(bytes))))
                .collect(),
        };
        write_archive(out, &keys::sign_json(&key, TYPE, &manifest)?, &files, now)?;
        anyhow::Ok(manifest)
    }
    .await;
    std::fs::remove_dir_all(&copies)?;
    made
}

/// A folder of our own beside `out`, on the same disk, for the ledger's copy.
fn tempfile_beside(out: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = out.with_extension("making");
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&folder)
        .or_fault(|| MAKING.with([&folder.display().to_string()]))?;
    Ok(folder)
}

/// The files of a node's folder that belong into a backup, as paths below it.
fn members(dir: &NodeDir, with_keys: bool) -> Result<Vec<String>> {
    let mut members: Vec<String> = ["node.toml", "mapping.toml", POLICY]
        .map(str::to_owned)
        .to_vec();
    for path in [dir.sources(), dir.objections()] {
        if path.exists()
            && let Some(name) = path.file_name().and_then(|name| name.to_str())
        {
            members.push(name.to_owned());
        }
    }
    for folder in ["studies", "acts"] {
        for entry in std::fs::read_dir(dir.path().join(folder))
            .into_iter()
            .flatten()
        {
            if let Ok(name) = entry?.file_name().into_string()
                && name.ends_with(".json")
            {
                members.push(format!("{folder}/{name}"));
            }
        }
    }
    let secrets: &[&str] = if with_keys { &SECRETS } else { &[] };
    for name in PUBLIC_KEYS.iter().chain(secrets) {
        if dir.key(name).exists() {
            members.push(format!("keys/{name}"));
        }
    }
    Ok(members)
}

fn write_archive(
    out: &Path,
    manifest: &Envelope,
    files: &BTreeMap<String, Vec<u8>>,
    now: i64,
) -> Result<()> {
    let file =
        private_file::create_new(out).or_fault(|| NOT_NEW.with([&out.display().to_string()]))?;
    let mut archive = tar::Builder::new(file);
    let manifest = serde_json::to_vec(manifest)?;
    let members = [(MANIFEST, &manifest)];
    for (path, bytes) in members
        .into_iter()
        .chain(files.iter().map(|(path, bytes)| (path.as_str(), bytes)))
    {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now.unsigned_abs());
        archive.append_data(&mut header, path, bytes.as_slice())?;
    }
    let mut file = archive.into_inner()?;
    file.flush()?;
    file.sync_all()?;
    Ok(())
}

/// A backup, read and found whole.
#[derive(Debug)]
pub struct Backup {
    /// What it holds.
    pub manifest: Manifest,
    files: BTreeMap<String, Vec<u8>>,
}

/// Reads a backup. Every file must be the one the manifest names, and the manifest be signed by the key it names; whose key
/// that is, the witness knows.
///
/// # Errors
/// When the file is no backup, was altered, or is of a newer format.
pub fn read(from: &Path) -> Result<Backup> {
    let file = File::open(from).or_unread(from)?;
    let name_of = from.display().to_string();
    let no_backup = || NO_BACKUP.with([&name_of]);
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(file).entries().or_fault(no_backup)? {
        let mut entry = entry.or_fault(no_backup)?;
        let path = entry.path().or_fault(no_backup)?.into_owned();
        let plain = path
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let (true, Some(name)) = (plain, path.to_str()) else {
            bail!(Fault::new(LEADS_OUT.with([&name_of])));
        };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).or_fault(no_backup)?;
        ensure!(
            files.insert(name.to_owned(), bytes).is_none(),
            Fault::new(TWICE.with([&*name_of, name]))
        );
    }
    let manifest = files.remove(MANIFEST).or_fault(no_backup)?;
    let manifest = read_manifest(&manifest)?;
    let found: BTreeMap<String, String> = (files.iter())
        .map(|(path, bytes)| (path.clone(), protocol::hex(&protocol::sha256(bytes))))
        .collect();
    ensure!(found == manifest.files, Fault::new(&ALTERED));
    Ok(Backup { manifest, files })
}

/// Reads a signed manifest.
///
/// # Errors
/// When it is of a newer format, or not signed by the key it names.
pub fn read_manifest(bytes: &[u8]) -> Result<Manifest> {
    let damaged = || (&MANIFEST_FAULT).into();
    let envelope: Envelope = serde_json::from_slice(bytes).or_fault(damaged)?;
    let claimed = envelope.unverified_payload().or_fault(damaged)?;
    let version: Version = serde_json::from_slice(&claimed).or_fault(damaged)?;
    ensure!(
        version.version == VERSION,
        Fault::new(BACKUP_FORMAT.with([&version.version.to_string(), &VERSION.to_string()]))
    );
    let manifest: Manifest = serde_json::from_slice(&claimed).or_fault(damaged)?;
    envelope
        .verify(TYPE, &[manifest.node_key])
        .or_fault(damaged)?;
    Ok(manifest)
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// A restoration that is not finished: what was restored, and the officer's act once it is signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// Format version, 1.
    pub version: u32,
    /// Key of the log that ended.
    pub old_key: PublicKey,
    /// What the backup held.
    pub kept: LogState,
    /// When it was made, Unix seconds.
    pub made_at: i64,
    /// The signed act, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Envelope>,
}

impl Backup {
    /// Unpacks the backup into the new folder `dir`, with new keys to speak with. The node answers nothing before its officer
    /// has accounted for what was lost. Returns what kept requests differ in from the log; the budget depends on none of them.
    ///
    /// # Errors
    /// When the folder holds anything, or the log or the budget in the backup is not sound.
    pub async fn unpack(&self, dir: &NodeDir) -> Result<Vec<Problem>> {
        let occupied = std::fs::read_dir(dir.path())
            .map(|mut entries| entries.next().is_some())
            .unwrap_or(false);
        ensure!(
            !occupied,
            Fault::new(OCCUPIED.with([&dir.path().display().to_string()]))
        );
        // First of all, so that a folder that was unpacked in part never serves.
        dir.write_pending(&Pending {
            version: VERSION,
            old_key: self.manifest.node_key,
            kept: self.manifest.log.clone(),
            made_at: self.manifest.made_at,
            act: None,
        })?;
        for (path, bytes) in &self.files {
            write_private(&dir.path().join(path), bytes)?;
        }
        let mut config = dir.read_config()?;
        // The certificate was the old node's; this one joins anew.
        config.coordinator = None;
        dir.write_config(&config)?;
        SigningKey::create(&dir.key(keys::NODE))?;
        TlsKey::create(&dir.key(keys::TLS))?;
        if !dir.key(keys::PSEUDONYM).exists() {
            keys::create_pseudonym_secret(dir)?;
        }
        let report = LedgerReader::open(&dir.ledger()).await?.verify(&[]).await?;
        ensure!(
            report.is_log_sound()
                && LogState::new(report.entries, &report.root) == self.manifest.log,
            Fault::new(&UNSOUND)
        );
        Ok(report.problems)
    }
}

impl NodeDir {
    fn pending_path(&self) -> PathBuf {
        self.path().join("restore.json")
    }

    /// The restoration that is not finished, if there is one.
    ///
    /// # Errors
    /// When its file is damaged.
    pub fn pending(&self) -> Result<Option<Pending>> {
        match std::fs::read(self.pending_path()) {
            Ok(bytes) => {
                let at = self.pending_path().display().to_string();
                let pending: Pending =
                    serde_json::from_slice(&bytes).or_fault(|| DAMAGED.with([&at]))?;
                ensure!(
                    pending.version == VERSION,
                    Fault::new(OTHER_FORMAT.with([&at]))
                );
                Ok(Some(pending))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Ok(Err(error).or_unread(&self.pending_path())?),
        }
    }

    /// Fails while a restore is not finished.
    ///
    /// # Errors
    /// Naming the next step.
    pub fn ensure_not_restoring(&self) -> Result<()> {
        ensure!(
            self.pending()?.is_none(),
            Fault::new(RESTORING.with([&self.path().display().to_string()]))
        );
        Ok(())
    }

    pub(crate) fn write_pending(&self, pending: &Pending) -> Result<()> {
        write_private(&self.pending_path(), &serde_json::to_vec(pending)?)?;
        Ok(())
    }

    pub(crate) fn remove_pending(&self) -> Result<()> {
        std::fs::remove_file(self.pending_path())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Dataset, Retention};
    use audit::EntryKind;

    const NOW: i64 = 1_790_000_000;

    async fn node(dir: &Path) -> NodeDir {
        let node = NodeDir::new(dir);
        keys::create(&node, true).expect("keys");
        node.write_config(&Config {
            version: 1,
            organisation: "cooperativa-lambro".to_owned(),
            coordinator: Some("127.0.0.1:1".to_owned()),
            taxonomy: None,
            witnesses: Vec::new(),
            dataset: Dataset {
                id: "clients".to_owned(),
                register: PathBuf::from("register.csv"),
            },
            retention: Retention::default(),
            page: Default::default(),
        })
        .expect("written");
        for (path, text) in [
            ("mapping.toml", "mapping"),
            ("policy.toml", "policy"),
            ("studies/a.study.json", "{}"),
            ("keys/dpo.pub", "a public key"),
        ] {
            write_private(&dir.join(path), text.as_bytes()).expect("written");
        }
        let ledger = crate::node::open_ledger(&node, "cooperativa-lambro")
            .await
            .expect("a ledger");
        for _ in 0..3 {
            ledger
                .record(EntryKind::Alarm, &[], b"", NOW)
                .await
                .expect("logged");
        }
        node
    }

    fn holds(file: &Path, needle: &[u8]) -> bool {
        let bytes = std::fs::read(file).expect("the file");
        bytes.windows(needle.len()).any(|window| window == needle)
    }

    #[tokio::test]
    async fn a_backup_restores_into_a_node_with_other_keys_that_answers_nothing_yet() {
        let place = tempfile::tempdir().expect("a folder");
        let node = node(&place.path().join("node")).await;
        let out = place.path().join("node.wib");
        let manifest = backup(&node, &out, false, NOW).await.expect("made");
        assert_eq!(manifest.log.size, 3);
        assert!(backup(&node, &out, false, NOW).await.is_err(), "it exists");

        let read = read(&out).expect("read");
        assert_eq!(read.manifest, manifest);
        let restored = NodeDir::new(place.path().join("restored"));
        read.unpack(&restored).await.expect("unpacked");
        for path in ["mapping.toml", "policy.toml", "studies/a.study.json"] {
            assert_eq!(
                std::fs::read(restored.path().join(path)).expect("there"),
                std::fs::read(node.path().join(path)).expect("there"),
                "{path}"
            );
        }
        assert_eq!(restored.read_config().expect("config").coordinator, None);
        let key = |dir: &NodeDir, name| std::fs::read(dir.key(name)).expect("a key");
        for name in [keys::NODE, keys::TLS, keys::PSEUDONYM] {
            assert_ne!(key(&restored, name), key(&node, name), "{name}");
        }
        assert!(!restored.key(keys::REQUESTER).exists());
        let refused = crate::node::open_ledger(&restored, "cooperativa-lambro").await;
        let refused = refused.expect_err("refused").to_string();
        assert!(refused.contains("restored from a backup"), "{refused}");
        assert!(read.unpack(&restored).await.is_err(), "it is occupied");
    }

    #[tokio::test]
    async fn secrets_are_in_a_backup_only_on_demand_and_speaking_keys_never() {
        let place = tempfile::tempdir().expect("a folder");
        let node = node(&place.path().join("node")).await;
        let secret = |name| std::fs::read(node.key(name)).expect("a key");
        for with_keys in [false, true] {
            let out = place.path().join(format!("{with_keys}.wib"));
            backup(&node, &out, with_keys, NOW).await.expect("made");
            for name in SECRETS {
                assert_eq!(holds(&out, &secret(name)), with_keys, "{name}");
            }
            for name in [keys::NODE, keys::TLS] {
                assert!(!holds(&out, &secret(name)), "{name}");
            }
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&out).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let restored = NodeDir::new(place.path().join("restored"));
        let read = read(&place.path().join("true.wib")).expect("read");
        read.unpack(&restored).await.expect("unpacked");
        for name in SECRETS {
            let kept = std::fs::read(restored.key(name)).expect("a key");
            assert_eq!(kept, secret(name), "{name}");
        }
    }

    #[tokio::test]
    async fn an_altered_backup_is_refused_wherever_it_was_altered() {
        let place = tempfile::tempdir().expect("a folder");
        let node = node(&place.path().join("node")).await;
        let out = place.path().join("node.wib");
        backup(&node, &out, false, NOW).await.expect("made");
        let whole = std::fs::read(&out).expect("read");
        let altered = place.path().join("altered.wib");
        let mut refused = 0;
        for needle in [
            "policy",
            "organisation = ",
            "sig\":\"",
            "payload\":\"",
            "Alarm",
            "alarm",
        ] {
            let needle = needle.as_bytes();
            let Some(at) = whole
                .windows(needle.len())
                .rposition(|bytes| bytes == needle)
            else {
                continue;
            };
            let mut bytes = whole.clone();
            bytes[at + needle.len() - 1] ^= 1;
            std::fs::write(&altered, &bytes).expect("written");
            assert!(
                read(&altered).is_err(),
                "{}",
                String::from_utf8_lossy(needle)
            );
            refused += 1;
        }
        assert!(refused >= 4);
        std::fs::write(&altered, &whole[..whole.len() / 2]).expect("written");
        assert!(read(&altered).is_err());
    }

    #[test]
    fn a_manifest_of_a_newer_format_is_named_as_such() {
        let key = SigningKey::ephemeral().expect("a key");
        let newer = serde_json::json!({ "version": 2, "more": true });
        let envelope = keys::sign_json(&key, TYPE, &newer).expect("signed");
        let bytes = serde_json::to_vec(&envelope).expect("json");
        let error = read_manifest(&bytes).expect_err("refused").to_string();
        assert!(error.contains("format 2"), "{error}");
    }
}
