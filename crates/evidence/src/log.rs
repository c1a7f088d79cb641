//! The log of one pack: manifest, entries, tree, signed head, cosigned heads, proofs, and the checkpoints the reader kept.
//! What the entries mean is for `books`; here they are text and hashes.

use crate::acceptances::{self, Accepted};
use crate::acts;
use crate::archive::{self, Members};
use crate::entries::{self, Read};
use crate::pack::{
    CHECKPOINT, COSIGNED, Cosigned, ENTRIES, FORMAT, MANIFEST, Manifest, PROOFS, Proof, REQUIRED,
    SPREADSHEET, Side, VERSION,
};
use crate::report::{Code, Findings};
use crate::trust::Trust;
use crate::{EvidenceError, spreadsheet, write};
use audit::{
    Checkpoint, EntryKind, Hash, SignedCheckpoint, SignedNote, Tree, verify_consistency,
    verify_cosignature,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// A pack that was opened.
pub(crate) struct Pack {
    pub(crate) manifest: Manifest,
    pub(crate) members: Members,
    pub(crate) entries: Vec<Read>,
    /// The cosigned heads in it whose log's signature holds.
    pub(crate) cosigned: Vec<SignedCheckpoint>,
    pub(crate) findings: Findings,
    /// The root of every beginning of the log, by size.
    roots: Vec<Hash>,
}

impl Pack {
    /// Opens a pack and checks manifest and signature.
    pub(crate) fn open(name: &str, bytes: &[u8], trust: &Trust) -> Result<Pack, EvidenceError> {
        let unreadable = |reason: &str| EvidenceError::Unreadable {
            name: name.to_owned(),
            reason: reason.to_owned(),
        };
        let mut members = archive::read(name, bytes)?;
        let note =
            (members.remove(MANIFEST)).ok_or_else(|| unreadable("it has no manifest.note"))?;
        let note = String::from_utf8(note)
            .ok()
            .and_then(|note| SignedNote::parse(&note).ok())
            .ok_or_else(|| unreadable("its manifest is no signed note"))?;
        let manifest = read_manifest(name, note.text())?;

        let mut findings = Findings::of(name);
        if !trust.knows(&manifest.origin) {
            let origin = &manifest.origin;
            findings.add(
                Code::Signature,
                None,
                format!("no key of `{origin}` is in the file of keys, so nothing vouches for it"),
            );
        } else if trust.text(&note, &manifest.origin).is_none() {
            findings.add(
                Code::Signature,
                None,
                "its manifest is not signed by the key that was given",
            );
        }
        let expected = match (manifest.side, &manifest.organisation) {
            (Side::Node, Some(organisation)) => Some(protocol::node_log(organisation)),
            (Side::Coordinator, None) => Some(protocol::COORDINATOR_LOG.to_owned()),
            _ => None,
        };
        if expected.as_ref() != Some(&manifest.origin) {
            findings.add(
                Code::Altered,
                None,
                "its manifest names a log of somebody else",
            );
        }
        // A coordinator shows an organisation its part; a node has nobody to keep its own entries from.
        if manifest.side == Side::Node && manifest.scope.is_some() {
            findings.add(
                Code::Altered,
                None,
                "its manifest withholds entries, which a node's pack never does",
            );
        }
        check_members(&members, &manifest, &mut findings);
        let text = member(&members, ENTRIES).unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            findings.add(Code::Damaged, None, format!("{ENTRIES} has no end"));
        }
        let entries: Vec<Read> = text.lines().map(entries::read).collect();
        let mut tree = Tree::default();
        let mut roots = vec![tree.root()];
        for entry in &entries {
            tree.append(entry.leaf);
            roots.push(tree.root());
        }
        Ok(Pack {
            roots,
            manifest,
            members,
            entries,
            cosigned: Vec::new(),
            findings,
        })
    }

    /// Checks entries, tree, heads and proofs. `accepted`: what officers of the nodes in other packs accepted of this log.
    pub(crate) fn check_log(&mut self, trust: &Trust, accepted: &[Accepted]) {
        self.check_entries();
        let head = (member(&self.members, CHECKPOINT)).and_then(|note| trust.open(note));
        self.check_head(head.as_ref());
        self.check_cosigned(trust, head.as_ref());
        self.check_held(trust, accepted);
        let fits = |text: &str| text == spreadsheet::table(&self.entries);
        if !member(&self.members, SPREADSHEET).is_some_and(fits) {
            self.findings.add(
                Code::Altered,
                None,
                "entries.csv does not say what the entries say",
            );
        }
    }

    fn check_entries(&mut self) {
        let erased = erased(&self.entries);
        let mut seen = BTreeSet::new();
        let (mut misplaced, mut reordered) = (None, true);
        for (place, entry) in (0u64..).zip(&self.entries) {
            if let Some(fault) = entry.fault {
                self.findings.add(Code::Altered, Some(place), fault);
            }
            let Some(header) = &entry.header else {
                seen.insert(place);
                if entry.text.is_none() && self.manifest.scope.is_none() && entry.fault.is_none() {
                    self.findings.add(
                        Code::Altered,
                        Some(place),
                        "is withheld, and the pack says that nothing is",
                    );
                }
                continue;
            };
            reordered &= seen.insert(header.index);
            if header.index != place && misplaced.is_none() {
                misplaced = Some((place, header.index));
            }
            let withheld = self.manifest.scope.is_some();
            if entry.body.is_none()
                && entry.fault.is_none()
                && !withheld
                && !erased.contains(&place)
            {
                self.findings.add(
                    Code::Altered,
                    Some(place),
                    "has no body, and no tombstone says that it was erased",
                );
            }
        }
        if let Some((place, index)) = misplaced {
            let count = self.entries.len() as u64;
            let all_there = reordered && seen.last().is_some_and(|last| *last < count);
            let code = if all_there {
                Code::Reordered
            } else {
                Code::Removed
            };
            let words = format!("entry {index} stands in its place");
            self.findings.add(code, Some(place), words);
        }
    }

    fn check_head(&mut self, head: Option<&SignedCheckpoint>) {
        let count = self.entries.len() as u64;
        let Some(head) = head.map(SignedCheckpoint::checkpoint) else {
            self.findings.add(
                Code::Signature,
                None,
                "checkpoint.note is not signed by a key that was given",
            );
            return;
        };
        if head.origin != self.manifest.origin || self.manifest.entries != head.size {
            self.findings.add(
                Code::Altered,
                None,
                "manifest and checkpoint are of different logs or sizes",
            );
        }
        if count < head.size {
            let words = format!("{} of {} entries are there", count, head.size);
            self.findings.add(Code::Removed, Some(count), words);
        } else if count > head.size {
            let words = format!("{count} entries are there, and its head has {}", head.size);
            self.findings.add(Code::Altered, Some(head.size), words);
        } else if self.root_at(head.size) != Some(head.root) {
            self.findings.add(
                Code::Altered,
                None,
                "its entries do not lead to the root of its signed head",
            );
        }
    }

    fn check_cosigned(&mut self, trust: &Trust, head: Option<&SignedCheckpoint>) {
        let cosigned: Vec<Cosigned> = self.lines(COSIGNED);
        let mut own = BTreeMap::new();
        for (line, Cosigned { note }) in cosigned.iter().enumerate() {
            let place = format!("line {} of {COSIGNED}", line + 1);
            let Some(signed) = trust.open(note) else {
                match SignedNote::parse(note)
                    .ok()
                    .and_then(|note| Checkpoint::parse(note.text()).ok())
                {
                    Some(head) if !trust.knows(&head.origin) => {
                        let origin = head.origin;
                        (self.findings).notice(format!("{place}: no key of `{origin}` was given"));
                    }
                    _ => self.findings.add(
                        Code::Signature,
                        None,
                        format!("{place} is not signed by the key of its log"),
                    ),
                }
                continue;
            };
            let of = signed.checkpoint();
            let false_line = signed.note().signatures().iter().any(|line| {
                (trust.keys().iter()).any(|key| {
                    matches!(
                        verify_cosignature(of, line, key),
                        Err(audit::AuditError::BadSignature)
                    )
                })
            });
            let witnessed = signed.note().signatures().iter().any(|line| {
                (trust.keys().iter()).any(|key| verify_cosignature(of, line, key).is_ok())
            });
            if false_line {
                self.findings.add(
                    Code::Signature,
                    None,
                    format!("{place} has a cosignature that does not fit"),
                );
            } else if !witnessed {
                let origin = &of.origin;
                (self.findings).notice(format!(
                    "{place}: no key of a witness of `{origin}` was given"
                ));
            }
            if of.origin == self.manifest.origin {
                if own.insert(of.size, of.root).is_some() {
                    self.findings
                        .add(Code::Damaged, None, format!("{place} repeats a head"));
                }
                self.check_extends(trust, &[], &of.clone(), "a cosigned head");
            }
            self.cosigned.push(signed);
        }
        self.check_proofs(&own, head);
    }

    fn check_proofs(&mut self, own: &BTreeMap<u64, Hash>, head: Option<&SignedCheckpoint>) {
        let Some(head) = head.map(SignedCheckpoint::checkpoint) else {
            return;
        };
        let mut proved = BTreeSet::new();
        for proof in self.lines::<Proof>(PROOFS) {
            let hashes: Option<Vec<Hash>> = (proof.hashes.iter())
                .map(|hash| protocol::from_hex::<32>(hash))
                .collect();
            let holds = proof.to == head.size
                && hashes
                    .zip(own.get(&proof.from))
                    .is_some_and(|(hashes, old)| {
                        verify_consistency(proof.from, old, head.size, &head.root, &hashes).is_ok()
                    });
            if !holds || !proved.insert(proof.from) {
                self.findings.add(
                    Code::Forked,
                    Some(proof.from),
                    "the proof from this size to the head does not hold, or is there twice",
                );
            }
        }
        for size in own.keys().filter(|size| !proved.contains(size)) {
            let words = "a cosigned head of this size has no proof";
            self.findings.add(Code::Damaged, Some(*size), words);
        }
    }

    fn check_held(&mut self, trust: &Trust, accepted: &[Accepted]) {
        let origin = self.manifest.origin.clone();
        let mut any = false;
        for held in trust.heads() {
            if held.checkpoint().origin == origin {
                any = true;
                self.check_extends(
                    trust,
                    accepted,
                    held.checkpoint(),
                    "the checkpoint you hold",
                );
            }
        }
        if !any {
            self.findings.notice(
                "you hold no checkpoint of this log, so a log rewritten as a whole before you saw it would not show; keep \
                 checkpoint.note of this pack for the next time",
            );
        }
    }

    /// Whether the log passed through `head`. One that went on from a backup is told by its officer's act; the coordinator's, by an act
    /// of `accepted` that names exactly this head. Both are signed by an officer whom the reader named, also where `head` is the
    /// reader's own: nothing that the log's keeper or a node's can sign alone explains it.
    pub(crate) fn check_extends(
        &mut self,
        trust: &Trust,
        accepted: &[Accepted],
        head: &Checkpoint,
        what: &str,
    ) {
        if self.root_at(head.size) == Some(head.root) {
            return;
        }
        if let Some((index, kept)) = restored_from(&self.entries, trust, head) {
            (self.findings).notice(format!(
                "{what}, of {} entries, is of the log as it was before it went on from a backup of {kept} entries (entry \
                 {index}, signed by the officer); what came after those {kept} is lost, and counted as spent",
                head.size
            ));
            return;
        }
        let passed = |from: &Checkpoint| self.root_at(from.size) == Some(from.root);
        if let Some(act) = acceptances::explains(accepted, head, passed) {
            let (origin, index) = (&act.origin, act.index);
            (self.findings).notice(format!(
                "{what}, of {} entries, is of the log as it was before it went on from a backup, which the officers of {origin} \
                 accepted (entry {index} of their log)",
                head.size
            ));
            return;
        }
        let (code, words) = if (self.entries.len() as u64) < head.size {
            (Code::Removed, "the log is shorter than")
        } else {
            (Code::Forked, "the log does not extend")
        };
        (self.findings).add(code, Some(head.size), format!("{words} {what}"));
    }

    /// The root over the first `size` entries, where there are as many.
    pub(crate) fn root_at(&self, size: u64) -> Option<Hash> {
        self.roots.get(usize::try_from(size).ok()?).copied()
    }

    /// The lines of a member; one that cannot be read is a finding.
    fn lines<T: DeserializeOwned + Serialize>(&mut self, name: &str) -> Vec<T> {
        let text = member(&self.members, name).unwrap_or_default();
        let read: Result<Vec<T>, _> = text.lines().map(serde_json::from_str).collect();
        let read = read.ok().filter(|lines: &Vec<T>| {
            (lines.iter().map(write::json).collect::<Result<String, _>>())
                .is_ok_and(|written| written == text)
        });
        read.unwrap_or_else(|| {
            let words = format!("{name} is not written as this format writes it");
            self.findings.add(Code::Damaged, None, words);
            Vec::new()
        })
    }
}

fn read_manifest(name: &str, text: &str) -> Result<Manifest, EvidenceError> {
    let unreadable = |reason: &str| EvidenceError::Unreadable {
        name: name.to_owned(),
        reason: reason.to_owned(),
    };
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|_| unreadable("its manifest is no JSON"))?;
    if value["format"] != FORMAT {
        return Err(unreadable("its manifest is of another format"));
    }
    match value["version"].as_u64() {
        Some(VERSION) => {}
        found => {
            return Err(EvidenceError::OtherVersion {
                name: name.to_owned(),
                found: found.unwrap_or_default(),
            });
        }
    }
    serde_json::from_str(text)
        .map_err(|_| unreadable("its manifest lacks a field or has one too many"))
}

fn check_members(members: &Members, manifest: &Manifest, findings: &mut Findings) {
    for required in REQUIRED {
        if !manifest.files.contains_key(required) {
            findings.add(Code::Damaged, None, format!("{required} is missing"));
        }
    }
    for (path, hash) in &manifest.files {
        match members.get(path) {
            None => findings.add(Code::Damaged, None, format!("{path} is missing")),
            Some(bytes) if protocol::hex(&protocol::sha256(bytes)) != *hash => findings.add(
                Code::Damaged,
                None,
                format!("{path} is not the one its manifest states"),
            ),
            Some(bytes) if std::str::from_utf8(bytes).is_err() => {
                findings.add(Code::Damaged, None, format!("{path} is no text"));
            }
            Some(_) => {}
        }
    }
    for path in members
        .keys()
        .filter(|path| !manifest.files.contains_key(*path))
    {
        findings.add(
            Code::Damaged,
            None,
            format!("{path} is not in its manifest"),
        );
    }
}

/// A member as text.
pub(crate) fn member<'a>(members: &'a Members, name: &str) -> Option<&'a str> {
    std::str::from_utf8(members.get(name)?).ok()
}

/// Entries whose body a later tombstone says was erased.
pub(crate) fn erased(entries: &[Read]) -> BTreeSet<u64> {
    (entries.iter())
        .filter_map(|entry| entry.header.as_ref())
        .filter(|header| header.kind == EntryKind::Tombstone)
        .filter_map(|header| header.number("entry").filter(|entry| *entry < header.index))
        .collect()
}

/// The entry by which the log went on from a backup instead of extending `head`, and how many entries were kept. It counts
/// only if an officer signed it whose key was given.
fn restored_from(entries: &[Read], trust: &Trust, head: &Checkpoint) -> Option<(u64, u64)> {
    let officers = trust.officers(&head.origin);
    entries.iter().find_map(|entry| {
        let header = (entry.header.as_ref()).filter(|it| it.kind == EntryKind::Restoration)?;
        let (kept, ended) = (header.number("kept-size")?, header.number("ended-size")?);
        let signed = acts::signers(header, entry.body.as_deref()?)?;
        let is_end =
            head.size < ended || header.text("ended-root") == Some(&protocol::hex(&head.root));
        let lost = kept < head.size && head.size <= ended && is_end;
        (lost && signed.iter().any(|key| officers.contains(key))).then_some((header.index, kept))
    })
}
