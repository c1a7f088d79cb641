//! Proofs of log entries as files: one that holds and one for each way to alter it, judged here and by the website's tests alike.
//! With `WI_WRITE_FIXTURES` set, a file that is missing is written.

use audit::{
    EntryKind, Fact, Header, LEAF_VERSION, LogSigner, NoteKey, SignedCheckpoint, body_hash, cosign,
    inclusion_proof, leaf_hash_of, root, verify_cosignature, verify_inclusion,
};
use coordinator::app::oversight::proof::{LogProof, ProvenEntry, ProvenHead};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

const REQUEST: &str = "00112233445566778899aabbccddeeff";
const QUERY: &str = "ffeeddccbbaa99887766554433221100";
/// Which entries of the log are about the decision.
const ABOUT: [usize; 3] = [3, 11, 17];

/// A proof and what a verifier must say of it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Vector {
    /// What was done to it.
    name: String,
    /// The finding; absent where the proof holds.
    finding: Option<String>,
    proof: LogProof,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Vectors {
    request: String,
    query: String,
    vectors: Vec<Vector>,
}

fn signer(name: &str, seed: u8) -> LogSigner {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key");
    let public = pair.public_key().as_ref().try_into().expect("32 bytes");
    LogSigner::new(name, public, move |message| {
        pair.sign(message).as_ref().try_into().expect("64 bytes")
    })
    .expect("a name")
}

fn header(index: usize) -> Header {
    let fact = |key: &str, value: &str| (key.to_owned(), Fact::from(value));
    let (kind, code, request) = match index {
        3 => (EntryKind::Request, "query-asked", None),
        11 => (EntryKind::Request, "request-sent", Some(REQUEST)),
        17 => (EntryKind::Answer, "answer-accepted", Some(REQUEST)),
        _ => (EntryKind::Edition, "edition-published", None),
    };
    let mut facts = BTreeMap::from([fact("code", code), fact("note", "à «prova»")]);
    if ABOUT.contains(&index) {
        facts.extend([fact("query", QUERY)]);
    }
    facts.extend(request.map(|id| fact("request", id)));
    Header {
        at: 1_790_000_000 + index as i64,
        facts,
        index: index as u64,
        kind,
        version: LEAF_VERSION,
    }
}

fn good() -> LogProof {
    let (log, node) = (
        signer(protocol::COORDINATOR_LOG, 1),
        signer(&protocol::node_log("cooperativa-lambro"), 2),
    );
    let bodies: Vec<_> = (0..21_u8).map(|at| body_hash(&[at; 32], b"{}")).collect();
    let leaves: Vec<_> = (0..21)
        .map(|at| leaf_hash_of(&header(at).canonical(), &bodies[at]))
        .collect();
    let heads = [(21, false), (19, true)].map(|(size, cosigned)| {
        let mut head = SignedCheckpoint::sign(size as u64, root(&leaves[..size]), &log);
        if cosigned {
            let line = cosign(head.checkpoint(), &node, 1_790_000_100);
            head = head.with_signature(line);
        }
        let paths = ABOUT.map(|at| inclusion_proof(&leaves[..size], at).expect("a path"));
        ProvenHead::new(&head, &paths)
    });
    LogProof {
        log_key: log.log_key().to_string(),
        witness_keys: vec![node.witness_key().to_string()],
        entries: ABOUT
            .map(|at| ProvenEntry {
                index: at as u64,
                header: header(at).canonical(),
                body_hash: protocol::hex(&bodies[at]),
                leaf: protocol::hex(&leaves[at]),
            })
            .to_vec(),
        heads: heads.to_vec(),
    }
}

fn altered(name: &str, finding: &str, alter: impl FnOnce(&mut LogProof)) -> Vector {
    let mut proof = good();
    alter(&mut proof);
    assert_ne!(proof, good(), "{name}");
    Vector {
        name: name.to_owned(),
        finding: Some(finding.to_owned()),
        proof,
    }
}

/// Another text whose sixth signature character differs.
fn flipped(note: &str, line_begins: &str) -> String {
    let at = note.rfind(line_begins).expect("the line") + line_begins.len() + 20;
    let other = if &note[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &note[..at], &note[at + 1..])
}

fn vectors() -> Vectors {
    let log_line = "— welfare-intelligence/coordinator ";
    let node_line = "— welfare-intelligence/node/cooperativa-lambro ";
    let stranger = signer(protocol::COORDINATOR_LOG, 9);
    let vectors = vec![
        Vector {
            name: "as it is".to_owned(),
            finding: None,
            proof: good(),
        },
        altered("a fact of an entry", "leaf", |proof| {
            let header = &mut proof.entries[1].header;
            *header = header.replace("request-sent", "request-lost");
        }),
        altered(
            "a fact of an entry, with its leaf made to fit",
            "inclusion",
            |proof| {
                let entry = &mut proof.entries[1];
                entry.header = entry.header.replace("request-sent", "request-lost");
                let body = protocol::from_hex(&entry.body_hash).expect("a hash");
                entry.leaf = protocol::hex(&leaf_hash_of(&entry.header, &body));
            },
        ),
        altered("the hash of a body", "leaf", |proof| {
            proof.entries[0].body_hash = "00".repeat(32);
        }),
        altered("a leaf", "leaf", |proof| {
            proof.entries[2].leaf = "00".repeat(32)
        }),
        altered("the index of an entry", "leaf", |proof| {
            proof.entries[0].index = 4
        }),
        altered("a header that is not canonical", "leaf", |proof| {
            let header = &mut proof.entries[0].header;
            *header = header.replace("\"at\":", "\"at\": ");
        }),
        altered("a hash of a path", "inclusion", |proof| {
            proof.heads[0].paths[1][0] = "11".repeat(32);
        }),
        altered("a path cut short", "inclusion", |proof| {
            proof.heads[1].paths[2].pop();
        }),
        altered("a path made longer", "inclusion", |proof| {
            proof.heads[0].paths[0].push("11".repeat(32));
        }),
        altered("two paths exchanged", "inclusion", |proof| {
            proof.heads[0].paths.swap(0, 1)
        }),
        altered("the size of a head", "signature", |proof| {
            let note = &mut proof.heads[0].note;
            *note = note.replace("\n21\n", "\n22\n");
        }),
        altered("the root of a head", "signature", |proof| {
            let other = proof.heads[1]
                .note
                .lines()
                .nth(2)
                .expect("a root")
                .to_owned();
            let root = proof.heads[0]
                .note
                .lines()
                .nth(2)
                .expect("a root")
                .to_owned();
            proof.heads[0].note = proof.heads[0].note.replace(&root, &other);
        }),
        altered("the log's signature", "signature", |proof| {
            proof.heads[0].note = flipped(&proof.heads[0].note, log_line);
        }),
        altered(
            "a head signed by another key of the same name",
            "signature",
            |proof| {
                let note = SignedCheckpoint::open(
                    &proof.heads[0].note,
                    signer(protocol::COORDINATOR_LOG, 1).log_key(),
                );
                let head = note.expect("signed").checkpoint().clone();
                proof.heads[0].note =
                    SignedCheckpoint::sign(head.size, head.root, &stranger).to_string();
            },
        ),
        altered("a cosignature", "cosignature", |proof| {
            proof.heads[1].note = flipped(&proof.heads[1].note, node_line);
        }),
        altered("a head of another log", "checkpoint", |proof| {
            let other = signer("welfare-intelligence/elsewhere", 1);
            let note = SignedCheckpoint::open(
                &proof.heads[0].note,
                signer(protocol::COORDINATOR_LOG, 1).log_key(),
            );
            let head = note.expect("signed").checkpoint().clone();
            proof.heads[0].note = SignedCheckpoint::sign(head.size, head.root, &other).to_string();
        }),
        altered("a head that is no checkpoint", "checkpoint", |proof| {
            proof.heads[0].note = proof.heads[0].note.replace("\n21\n", "\n021\n");
        }),
        altered("no head at all", "checkpoint", |proof| proof.heads.clear()),
        altered("the key of the log", "malformed", |proof| {
            proof.log_key.truncate(40)
        }),
        altered("no entry at all", "other-entry", |proof| {
            proof.entries.clear();
            proof.heads.iter_mut().for_each(|head| head.paths.clear());
        }),
        altered(
            "the entries of the request left out",
            "other-entry",
            |proof| {
                proof.entries.truncate(1);
                proof
                    .heads
                    .iter_mut()
                    .for_each(|head| head.paths.truncate(1));
            },
        ),
        altered("a path left out", "malformed", |proof| {
            proof.heads[0].paths.pop();
        }),
    ];
    Vectors {
        request: REQUEST.to_owned(),
        query: QUERY.to_owned(),
        vectors,
    }
}

/// What the page promises, checked with the audit crate: the decision's own entry is there, and each entry leads to each head.
fn holds(proof: &LogProof) -> bool {
    let check = || -> Option<()> {
        let key = NoteKey::parse(&proof.log_key).ok()?;
        let headers: Vec<Header> = (proof.entries.iter())
            .map(|entry| Header::parse(&entry.header).ok())
            .collect::<Option<_>>()?;
        headers
            .iter()
            .find(|header| header.text("request") == Some(REQUEST))?;
        if proof.heads.is_empty() || proof.entries.is_empty() {
            return None;
        }
        for (entry, header) in proof.entries.iter().zip(&headers) {
            let leaf = leaf_hash_of(&entry.header, &protocol::from_hex(&entry.body_hash)?);
            let fits = protocol::hex(&leaf) == entry.leaf && header.index == entry.index;
            fits.then_some(())?;
        }
        for head in &proof.heads {
            let note = SignedCheckpoint::open(&head.note, &key).ok()?;
            (head.paths.len() == proof.entries.len()).then_some(())?;
            for line in note.note().signatures() {
                for witness in &proof.witness_keys {
                    let witness = NoteKey::parse(witness).ok()?;
                    match verify_cosignature(note.checkpoint(), line, &witness) {
                        Err(audit::AuditError::NotSigned) | Ok(_) => {}
                        Err(_) => return None,
                    }
                }
            }
            for (entry, path) in proof.entries.iter().zip(&head.paths) {
                let leaf = protocol::from_hex(&entry.leaf)?;
                let path: Vec<_> = (path.iter())
                    .map(|hash| protocol::from_hex(hash))
                    .collect::<Option<_>>()?;
                let checkpoint = note.checkpoint();
                verify_inclusion(&leaf, entry.index, checkpoint.size, &path, &checkpoint.root)
                    .ok()?;
            }
        }
        Some(())
    };
    check().is_some()
}

#[test]
fn the_websites_vectors_are_these_and_only_the_unaltered_one_holds() {
    let vectors = vectors();
    for vector in &vectors.vectors {
        assert_eq!(
            holds(&vector.proof),
            vector.finding.is_none(),
            "{}",
            vector.name
        );
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/log-proof.json");
    let written = serde_json::to_string_pretty(&vectors).expect("JSON");
    if !path.exists() && std::env::var_os("WI_WRITE_FIXTURES").is_some() {
        std::fs::write(&path, format!("{written}\n")).expect("written");
    }
    let text = std::fs::read_to_string(&path).expect("the fixture");
    assert_eq!(text.trim_end(), written);
}
