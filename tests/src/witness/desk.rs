//! What the witness keeps of one node: offers, answers as bytes, the last cosigned checkpoint, faults to commit.
//! Nothing is ever removed, so that a test can count distinct answers at its end.

use audit::Hash;
use axum::http::StatusCode;
use protocol::exchange::{GuaranteeNotice, HeldReceipt, Hello, Signed, WorkItem};
use protocol::{Answer, Envelope, LogState, PublicKey};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// After this an open offer is made again, as a coordinator would.
const OFFER_AGAIN: Duration = Duration::from_secs(2);

/// One handed-in answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// The body as it came.
    pub bytes: Vec<u8>,
    /// The same, read.
    pub envelope: Envelope,
}

struct Offer {
    request: String,
    item: WorkItem,
    made: Option<Instant>,
    done: bool,
}

/// What a witness holds of a log.
#[derive(Clone, Debug)]
pub struct Held {
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// The note, cosigned.
    pub note: String,
}

/// What is kept of the key before the present one.
pub(crate) struct Earlier {
    pub(crate) key: PublicKey,
    /// The last checkpoint cosigned under it.
    pub(crate) held: Option<Held>,
    /// Size and root of each.
    pub(crate) cosigned: Vec<(u64, Hash)>,
}

impl Earlier {
    /// Size and root of the largest of at most `size` entries.
    pub(crate) fn within(&self, size: u64) -> (u64, Hash) {
        let within = self.cosigned.iter().filter(|head| head.0 <= size);
        within
            .max_by_key(|head| head.0)
            .map_or_else(|| (0, audit::root(&[])), |head| *head)
    }
}

/// What is kept of one organisation's node.
pub struct Desk {
    /// Key of its answers and its log.
    pub node_key: PublicKey,
    /// Greetings, in order.
    pub hellos: Vec<Hello>,
    /// Serial numbers of the certificates that greetings and polls came with, in order.
    pub certificates: Vec<String>,
    /// The last checkpoint cosigned.
    pub held: Option<Held>,
    /// Size and root of every checkpoint cosigned under the present key.
    pub(crate) cosigned: Vec<(u64, Hash)>,
    /// Consents handed in.
    pub consents: Vec<Envelope>,
    /// New guarantees made known.
    pub guarantees: Vec<GuaranteeNotice>,
    /// What its organisation published to offer, in order.
    pub published_offers: Vec<Envelope>,
    /// Whether its node is asked, when it greets, to publish its policies.
    pub wants_policies: bool,
    /// What the next publications of policies meet, in order: the status code of a refusal, or nothing.
    pub refuse_policies: VecDeque<Option<StatusCode>>,
    /// Policies its node published, in order.
    pub published_policies: Vec<Envelope>,
    /// What its node signed as a requester.
    pub signed: Vec<Signed>,
    /// So many next answers are lost on the way: kept in `lost`, never acknowledged.
    pub lose_answers: u32,
    /// Answers that were lost on the way.
    pub lost: Vec<Handed>,
    /// While set, no checkpoint is cosigned.
    pub mute: bool,
    /// Checkpoints refused because they did not extend the last one.
    pub contradictions: u32,
    /// Answers that came before their charge was cosigned.
    pub uncosigned_answers: u32,
    /// Key of the data protection officer.
    pub(crate) dpo_key: PublicKey,
    /// The key before the present one, and what was cosigned under it.
    pub(crate) earlier: Option<Earlier>,
    /// What an officer's act kept of the earlier log.
    pub(crate) kept: Option<LogState>,
    pub(crate) generation: u64,
    offers: Vec<Offer>,
    answers: HashMap<String, Vec<Handed>>,
}

impl Desk {
    pub(crate) fn new(node_key: PublicKey, dpo_key: PublicKey) -> Desk {
        Desk {
            node_key,
            dpo_key,
            earlier: None,
            kept: None,
            hellos: Vec::new(),
            certificates: Vec::new(),
            held: None,
            cosigned: Vec::new(),
            consents: Vec::new(),
            guarantees: Vec::new(),
            published_offers: Vec::new(),
            wants_policies: false,
            refuse_policies: VecDeque::new(),
            published_policies: Vec::new(),
            signed: Vec::new(),
            lose_answers: 0,
            lost: Vec::new(),
            mute: false,
            contradictions: 0,
            uncosigned_answers: 0,
            generation: 0,
            offers: Vec::new(),
            answers: HashMap::new(),
        }
    }

    /// Offers a request, again if it was offered before; returns the SHA-256 of its payload.
    pub fn offer(&mut self, request: &Envelope) -> String {
        let payload = request.unverified_payload().unwrap_or_default();
        let hash = protocol::hex(&protocol::sha256(&payload));
        self.offers.push(Offer {
            request: hash.clone(),
            item: WorkItem::Answer {
                request: request.clone(),
            },
            made: None,
            done: false,
        });
        hash
    }

    /// Offers requests to sign.
    pub fn offer_to_sign(&mut self, query_id: &str, requests: Vec<String>) {
        self.offers.push(Offer {
            request: String::new(),
            item: WorkItem::Sign {
                query_id: query_id.to_owned(),
                requests,
            },
            made: None,
            done: false,
        });
    }

    /// The answers to a request that arrived, in order, repeated ones too.
    pub fn answers(&self, request: &str) -> &[Handed] {
        self.answers.get(request).map_or(&[], Vec::as_slice)
    }

    /// Every answer the node ever sent out to a request, lost ones too, without repetitions.
    pub fn distinct_answers(&self, request: &str) -> Vec<Handed> {
        let lost = self
            .lost
            .iter()
            .filter(|handed| handed.request() == request);
        let mut distinct: Vec<Handed> = Vec::new();
        for handed in self.answers(request).iter().chain(lost) {
            if !distinct.contains(handed) {
                distinct.push(handed.clone());
            }
        }
        distinct
    }

    /// The node joined again, under another key.
    pub(crate) fn join_again(&mut self, node_key: PublicKey, dpo_key: PublicKey) {
        self.earlier = Some(Earlier {
            key: self.node_key,
            held: self.held.take(),
            cosigned: std::mem::take(&mut self.cosigned),
        });
        self.kept = None;
        (self.node_key, self.dpo_key) = (node_key, dpo_key);
    }

    /// Every answer that arrived and that `key` signed, with its request, by request id.
    pub(crate) fn receipts(&self, key: &PublicKey) -> Vec<HeldReceipt> {
        let mut receipts: Vec<HeldReceipt> = (self.offers.iter())
            .filter_map(|offer| {
                let WorkItem::Answer { request } = &offer.item else {
                    return None;
                };
                let answer = self.answers(&offer.request).first()?.envelope.clone();
                let answered = Answer::signed_by(&answer, &[*key]).ok()?;
                Some(HeldReceipt {
                    request_id: answered.request_id,
                    request: request.clone(),
                    answer,
                })
            })
            .collect();
        receipts.sort_by(|a, b| a.request_id.cmp(&b.request_id));
        receipts.dedup_by(|a, b| a.request_id == b.request_id);
        receipts
    }

    /// What is due for a poll, which marks it as offered.
    pub(crate) fn due(&mut self) -> Vec<WorkItem> {
        let due = |offer: &&mut Offer| {
            !offer.done && offer.made.is_none_or(|made| made.elapsed() > OFFER_AGAIN)
        };
        (self.offers.iter_mut().filter(due))
            .map(|offer| {
                offer.made = Some(Instant::now());
                offer.item.clone()
            })
            .collect()
    }

    /// A new process polls: what its forerunner was offered is offered again.
    pub(crate) fn begin_generation(&mut self) {
        self.generation += 1;
        for offer in &mut self.offers {
            offer.made = None;
        }
    }

    pub(crate) fn keep(&mut self, handed: Handed) -> bool {
        let request = handed.request();
        for offer in &mut self.offers {
            offer.done |= offer.request == request;
        }
        let answers = self.answers.entry(request).or_default();
        let duplicate = answers.contains(&handed);
        answers.push(handed);
        duplicate
    }

    pub(crate) fn keep_signed(&mut self, signed: Signed) {
        for offer in &mut self.offers {
            let done = matches!(&offer.item, WorkItem::Sign { query_id, .. } if *query_id == signed.query_id);
            offer.done |= done;
        }
        self.signed.push(signed);
    }
}

impl Handed {
    /// SHA-256 of the request it claims to answer, hex.
    pub fn request(&self) -> String {
        let answer = Answer::unverified(&self.envelope);
        answer.map(|answer| answer.request_hash).unwrap_or_default()
    }
}
