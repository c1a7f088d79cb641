//! A node's and a coordinator's log made in memory, as the two programs write them, and their packs.

#![allow(dead_code)] // Each test program uses a part.

pub(crate) mod acts;
pub(crate) mod tamper;

use audit::{
    EntryKind, Fact, Hash, Header, LEAF_VERSION, LogSigner, SignedCheckpoint, Tree, body_hash,
    cosign, leaf_hash_of,
};
use evidence::{Code, Contents, Cosigned, EntryLine, LedgerTotals, Trust, verify};
use protocol::{
    Act, Approval, BudgetMove, CoordinatorAcceptance, Envelope, LogState, NewGuarantee,
    PolicyChange, PublicKey, Restoration, SubCap, Word,
};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::collections::BTreeMap;

/// A time in 2026, UTC.
pub(crate) const NOW: i64 = 1_790_000_000;
/// When the packs are made: after every request has expired.
pub(crate) const MADE: i64 = NOW + 40 * 86_400;
pub(crate) const ORGANISATION: &str = "cooperativa-lambro";

pub(crate) fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

pub(crate) fn public(seed: u8) -> PublicKey {
    PublicKey(pair(seed).public_key().as_ref().try_into().unwrap())
}

pub(crate) fn signer(name: &str, seed: u8) -> LogSigner {
    let pair = pair(seed);
    let key = pair.public_key().as_ref().try_into().unwrap();
    LogSigner::new(name, key, move |message| {
        pair.sign(message).as_ref().try_into().unwrap()
    })
    .unwrap()
}

pub(crate) fn node_signer() -> LogSigner {
    signer(&protocol::node_log(ORGANISATION), 1)
}

pub(crate) fn coordinator_signer() -> LogSigner {
    signer(protocol::COORDINATOR_LOG, 2)
}

/// An entry before it is part of a log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub at: i64,
    pub kind: EntryKind,
    pub facts: BTreeMap<String, Fact>,
    pub body: Vec<u8>,
}

pub(crate) fn entry<const N: usize>(kind: EntryKind, facts: [(&str, Fact); N]) -> Entry {
    Entry {
        at: NOW,
        kind,
        facts: facts
            .into_iter()
            .map(|(key, fact)| (key.to_owned(), fact))
            .collect(),
        body: Vec::new(),
    }
}

/// A log in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub entries: Vec<Entry>,
}

impl Log {
    pub(crate) fn push(&mut self, entry: Entry) -> u64 {
        self.entries.push(entry);
        self.entries.len() as u64 - 1
    }

    pub(crate) fn lines(&self) -> (Vec<EntryLine>, Vec<Hash>) {
        let (mut lines, mut leaves) = (Vec::new(), Vec::new());
        for (index, entry) in (0u64..).zip(&self.entries) {
            let header = Header {
                at: entry.at,
                facts: entry.facts.clone(),
                index,
                kind: entry.kind,
                version: LEAF_VERSION,
            }
            .canonical();
            // Any salt will do, as long as it is the same each time.
            let salt = protocol::sha256(&index.to_be_bytes());
            let hash = body_hash(&salt, &entry.body);
            let leaf = leaf_hash_of(&header, &hash);
            lines.push(EntryLine::whole(
                header,
                &hash,
                Some((&salt, &entry.body)),
                &leaf,
            ));
            leaves.push(leaf);
        }
        (lines, leaves)
    }

    pub(crate) fn head(&self, signer: &LogSigner) -> SignedCheckpoint {
        let mut tree = Tree::default();
        for leaf in self.lines().1 {
            tree.append(leaf);
        }
        SignedCheckpoint::sign(tree.size(), tree.root(), signer)
    }

    fn head_of(&self, size: usize, signer: &LogSigner) -> SignedCheckpoint {
        Log {
            entries: self.entries[..size].to_vec(),
        }
        .head(signer)
    }
}

/// Both sides of one city with one node.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub node: Log,
    pub coordinator: Log,
    pub ledger: LedgerTotals,
    pub made_at: i64,
    pub policy_hash: String,
    /// The policies that lie in the node's pack as files.
    pub policies: Vec<String>,
    pub cosigned_at: usize,
    /// Whether the second witness cosigned what the coordinator did.
    pub witnessed: bool,
    /// Heads of the coordinator's log that the node had seen before it was set back.
    pub held: Vec<SignedCheckpoint>,
}

/// A policy of officers 3, 5 and 6, two of whom must sign what replaces it; `number` tells documents apart.
pub(crate) fn policy(number: u64) -> String {
    policy_of(number, 2, &[3, 5, 6])
}

/// A policy of the officers of these seeds, `threshold` of whom must sign.
pub(crate) fn policy_of(number: u64, threshold: u32, officers: &[u8]) -> String {
    let keys: Vec<String> = (officers.iter())
        .map(|seed| format!("\"{}\"", public(*seed)))
        .collect();
    format!(
        "# {number}\nversion = 2\norganisation = \"{ORGANISATION}\"\n[dpo]\nthreshold = {threshold}\nkeys = [{}]\n[[rules]]\n\
         id = \"after-reading\"\napproval = \"manual\"\n",
        keys.join(", ")
    )
}

pub(crate) fn request_id(number: u64) -> String {
    protocol::hex(&protocol::sha256(&number.to_be_bytes())[..16])
}

impl World {
    /// A node with an account and no policy yet, and a coordinator that knows nothing of it.
    pub(crate) fn opened() -> World {
        let mut world = World {
            node: Log::default(),
            coordinator: Log::default(),
            ledger: LedgerTotals {
                lifetime: Some(1_000),
                ..LedgerTotals::default()
            },
            made_at: MADE,
            policy_hash: String::new(),
            policies: Vec::new(),
            cosigned_at: 0,
            witnessed: false,
            held: Vec::new(),
        };
        world
            .node
            .push(entry(EntryKind::Account, [("lifetime", 1_000.into())]));
        world
    }

    /// Four charged and answered requests, one reuse, one refusal and one move of budget, on both sides.
    pub(crate) fn new() -> World {
        let mut world = World::opened();
        world.install_policy(0);
        let mut joined = entry(
            EntryKind::Enrolment,
            [
                ("code", "node-joined".into()),
                ("node", ORGANISATION.into()),
            ],
        );
        joined.body = b"{}".to_vec();
        world.coordinator.push(joined);
        for number in 0..4 {
            if number == 2 {
                world.sign_policy(1, &[3, 5]);
            }
            world.ask(number);
            let charge = world.charge(number, 10 + number);
            world.answer(number, charge, charge, 10 + number);
        }
        world.ask(4);
        let source = world.charge_of(0);
        let reuse = world.node.push(entry(
            EntryKind::Reuse,
            [
                ("request", request_id(4).into()),
                ("request-hash", hash("request", 4).into()),
                ("noise-of", request_id(0).into()),
                ("study", "planning".into()),
                ("policy-hash", world.policy_hash.as_str().into()),
            ],
        ));
        world.answer(4, reuse, source, 10);
        world.ask(5);
        world.refuse(5);
        world.cosigned_at = world.node.entries.len();
        world.move_budget();
        world
    }

    pub(crate) fn charge_of(&self, number: u64) -> u64 {
        let of = Fact::from(request_id(number));
        (self.node.entries.iter())
            .position(|entry| {
                entry.kind == EntryKind::Charge && entry.facts.get("request") == Some(&of)
            })
            .unwrap() as u64
    }

    pub(crate) fn ask(&mut self, number: u64) {
        let mut asked = entry(
            EntryKind::Request,
            [
                ("code", "query-asked".into()),
                ("query", format!("query-{number}").into()),
                ("rho", (10 + number).into()),
                ("study", "planning".into()),
            ],
        );
        asked.body = br#"{"account":"anna"}"#.to_vec();
        self.coordinator.push(asked);
        self.coordinator.push(entry(
            EntryKind::Request,
            [
                ("code", "request-sent".into()),
                ("node", ORGANISATION.into()),
                ("query", format!("query-{number}").into()),
                ("request", request_id(number).into()),
                ("request-hash", hash("request", number).into()),
                ("expires-at", (NOW as u64 + 86_400).into()),
            ],
        ));
    }

    pub(crate) fn charge(&mut self, number: u64, rho: u64) -> u64 {
        let mut charge = entry(
            EntryKind::Charge,
            [
                ("request", request_id(number).into()),
                ("request-hash", hash("request", number).into()),
                ("query-hash", hash("query", number).into()),
                ("dataset", "clients".into()),
                ("edition", 3.into()),
                ("study", "planning".into()),
                ("purpose", "service-planning".into()),
                ("policy-hash", self.policy_hash.as_str().into()),
                ("year", 2026.into()),
                ("rho", rho.into()),
            ],
        );
        charge.body = b"planning-counts".to_vec();
        self.ledger.charges += 1;
        self.ledger.spent += rho;
        for (part, key) in [
            (&mut self.ledger.by_year, "2026"),
            (&mut self.ledger.by_dataset, "clients"),
            (&mut self.ledger.by_purpose, "service-planning"),
            (&mut self.ledger.by_study, "planning"),
        ] {
            *part.entry(key.to_owned()).or_default() += rho;
        }
        self.node.push(charge)
    }

    pub(crate) fn answer(&mut self, number: u64, allowed_by: u64, charge: u64, rho: u64) {
        self.node.push(entry(
            EntryKind::Answer,
            [
                ("request", request_id(number).into()),
                ("allowed-by", allowed_by.into()),
                ("answer-hash", hash("answer", number).into()),
                ("noise-hash", hash("noise", number).into()),
            ],
        ));
        self.coordinator.push(entry(
            EntryKind::Answer,
            [
                ("code", "answer-accepted".into()),
                ("node", ORGANISATION.into()),
                ("query", format!("query-{number}").into()),
                ("request", request_id(number).into()),
                ("sealed-hash", hash("answer", number).into()),
                ("rho", rho.into()),
                ("charge-index", charge.into()),
            ],
        ));
        self.coordinator.push(entry(
            EntryKind::Release,
            [
                ("code", "release-published".into()),
                ("query", format!("query-{number}").into()),
            ],
        ));
    }

    /// A refusal that states the policy in force, as nodes enter it since they say so.
    pub(crate) fn refuse_under_policy(&mut self, number: u64) {
        self.refuse(number);
        let refusal = self.node.entries.last_mut().unwrap();
        let policy = self.policy_hash.as_str().into();
        refusal.facts.insert("policy-hash".to_owned(), policy);
    }

    pub(crate) fn refuse(&mut self, number: u64) {
        self.node.push(entry(
            EntryKind::Refusal,
            [
                ("request", request_id(number).into()),
                ("rule", "ledger".into()),
                ("field", "year".into()),
                ("code", "cap-exceeded".into()),
            ],
        ));
        self.coordinator.push(entry(
            EntryKind::Refusal,
            [
                ("code", "node-refused".into()),
                ("node", ORGANISATION.into()),
                ("request", request_id(number).into()),
                ("rule", "ledger".into()),
                ("field", "year".into()),
                ("reason", "cap-exceeded".into()),
            ],
        ));
    }

    fn move_budget(&mut self) {
        let act = BudgetMove {
            version: 1,
            id: request_id(99),
            organisation: ORGANISATION.to_owned(),
            part: SubCap::Year,
            from: "2027".to_owned(),
            to: "2026".to_owned(),
            rho: privacy_loss_of(5),
            reason: "a census year".to_owned(),
            signed_at: NOW,
        };
        let payload = serde_json::to_vec(&act).unwrap();
        let envelope = Envelope::sign(BudgetMove::TYPE, &payload, &public(3), |bytes| {
            pair(3).sign(bytes).as_ref().try_into().unwrap()
        });
        let mut moved = entry(
            EntryKind::BudgetMove,
            [
                ("act", "move".into()),
                ("act-id", request_id(99).into()),
                (
                    "act-hash",
                    protocol::hex(&protocol::sha256(&payload)).into(),
                ),
                ("signer", public(3).to_string().into()),
                ("part", "year".into()),
                ("from", "2027".into()),
                ("to", "2026".into()),
                ("rho", 5.into()),
            ],
        );
        moved.body = serde_json::to_vec(&envelope).unwrap();
        self.node.push(moved);
    }

    /// The node's log as the coordinator cosigned it.
    fn cosigned(&self) -> SignedCheckpoint {
        let size = self.cosigned_at.min(self.node.entries.len());
        let head = self.node.head_of(size, &node_signer());
        let line = cosign(head.checkpoint(), &coordinator_signer(), NOW as u64);
        let second = cosign(head.checkpoint(), &second_witness(), NOW as u64);
        let head = head.with_signature(line);
        match self.witnessed {
            true => head.with_signature(second),
            false => head,
        }
    }

    /// A head of the coordinator's log as the node cosigned it.
    fn seen(&self) -> SignedCheckpoint {
        let size = self.coordinator.entries.len().min(5);
        let head = self.coordinator.head_of(size, &coordinator_signer());
        let line = cosign(head.checkpoint(), &node_signer(), NOW as u64);
        head.with_signature(line)
    }

    pub(crate) fn node_contents(&self) -> Contents {
        let entries = self.node.lines().0;
        let cosigned = self.cosigned();
        Contents {
            organisation: Some(ORGANISATION.to_owned()),
            scope: None,
            made_at: self.made_at,
            entries,
            head: self.node.head(&node_signer()),
            cosigned: ([cosigned].iter().chain(&self.held).chain([&self.seen()]))
                .map(|head| Cosigned {
                    note: head.to_string(),
                })
                .collect(),
            ledger: Some(self.ledger.clone()),
            keys: format!("# the node's own word\n{}\n", node_signer().log_key()),
            documents: (self.policies.last().into_iter())
                .map(|document| {
                    let hash = protocol::hex(&protocol::sha256(document.as_bytes()));
                    (format!("policies/{hash}.toml"), document.clone().into())
                })
                .collect(),
        }
    }

    pub(crate) fn coordinator_contents(&self) -> Contents {
        Contents {
            organisation: None,
            scope: None,
            made_at: self.made_at,
            entries: self.coordinator.lines().0,
            head: self.coordinator.head(&coordinator_signer()),
            cosigned: vec![Cosigned {
                note: self.cosigned().to_string(),
            }],
            ledger: None,
            keys: format!("{}\n", coordinator_signer().log_key()),
            documents: BTreeMap::new(),
        }
    }

    pub(crate) fn node_pack(&self) -> Vec<u8> {
        evidence::write(&self.node_contents(), &node_signer()).unwrap()
    }

    pub(crate) fn coordinator_pack(&self) -> Vec<u8> {
        evidence::write(&self.coordinator_contents(), &coordinator_signer()).unwrap()
    }

    pub(crate) fn packs(&self) -> Vec<(String, Vec<u8>)> {
        vec![
            ("node.zip".to_owned(), self.node_pack()),
            ("coordinator.zip".to_owned(), self.coordinator_pack()),
        ]
    }
}

/// An amount as acts hold it.
fn privacy_loss_of(nano: u64) -> privacy_loss::NanoRho {
    privacy_loss::NanoRho::new(nano)
}

fn hash(what: &str, number: u64) -> String {
    protocol::hex(&protocol::sha256(format!("{what} {number}").as_bytes()))
}

/// The file of keys that a data protection officer would keep.
pub(crate) fn keys() -> String {
    format!(
        "# logs and witnesses\n{}\n{}\n{}\n{}\n{}\nofficer {} {}\n",
        node_signer().log_key(),
        node_signer().witness_key(),
        coordinator_signer().log_key(),
        coordinator_signer().witness_key(),
        second_witness().witness_key(),
        protocol::node_log(ORGANISATION),
        public(3)
    )
}

/// A third body that cosigned nothing unless a test has it.
pub(crate) fn second_witness() -> LogSigner {
    signer("university.example/witness", 4)
}

pub(crate) fn trust() -> Trust {
    Trust::from_keys("keys.txt", &keys()).unwrap()
}

/// Trust with the heads of this world's logs.
pub(crate) fn trust_with_heads(world: &World) -> Trust {
    let mut trust = trust();
    for head in [
        world.node.head(&node_signer()),
        world.coordinator.head(&coordinator_signer()),
    ] {
        trust.add_checkpoint("head", &head.to_string()).unwrap();
    }
    trust
}

/// The codes of what is found in packs; the exit code is that of the gravest.
#[track_caller]
pub(crate) fn codes_of(packs: &[(String, Vec<u8>)], trust: &Trust) -> Vec<Code> {
    let report = verify(packs, trust).unwrap();
    let mut codes: Vec<Code> = report.findings.iter().map(|it| it.code).collect();
    codes.dedup();
    let lowest = codes.iter().map(|code| code.exit_code()).min();
    assert_eq!(report.exit_code(), lowest.unwrap_or(0));
    codes
}
