//! Coordinators that went on from a backup and that a node's officers accepted: which head of the lost log each act explains, and which
//! requests. A head or a request that no such act names stays what it is, a fork or a missing counterpart.

use crate::log::Pack;
use crate::policies::ChainedAcceptance;
use crate::report::Code;
use crate::trust::Trust;
use audit::{Checkpoint, SignedCheckpoint};
use protocol::{COORDINATOR_LOG, LogState, PublicKey};
use std::collections::BTreeSet;

/// An acceptance that an officer signed whom the reader named.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    /// The log that holds it.
    pub(crate) origin: String,
    /// Its entry there.
    pub(crate) index: u64,
    /// When the officers' act was drawn up, as they signed it.
    signed_at: i64,
    /// The head that was lost.
    held: Checkpoint,
    /// The head from which the coordinator's log went on.
    accepted: Checkpoint,
    /// Requests whose answers the coordinator lost.
    lost: BTreeSet<String>,
}

/// Reads the acts that a node's log holds as its officers in force signed them; what is wrong with the heads in them is added to the
/// pack's findings. Those that explain something are signed by an officer whom the reader named for that log: nobody signed a log's
/// first policy, so whoever holds the log's key can begin one that names that officer and themselves.
pub(crate) fn read(pack: &mut Pack, trust: &Trust, acts: Vec<ChainedAcceptance>) -> Vec<Accepted> {
    let named = trust.officers(&pack.manifest.origin);
    let mut read = Vec::new();
    for ChainedAcceptance {
        index,
        act,
        signers,
    } in acts
    {
        let words = format!(
            "at entry {index} its officers accepted that the coordinator went on from a backup: {} entries were seen, it went on from {}, \
             and {} answers were lost",
            act.held.size,
            act.accepted.size,
            act.lost.len()
        );
        if !trust.knows(COORDINATOR_LOG) {
            pack.findings.notice(format!(
                "{words}; no key of the coordinator's log was given, so nothing was compared with it"
            ));
            continue;
        }
        let opened = |note: &str, state: &LogState| {
            trust.open(note).map(head_of).filter(|head| {
                head.origin == COORDINATOR_LOG && LogState::new(head.size, &head.root) == *state
            })
        };
        let heads = (
            opened(&act.held_note, &act.held),
            opened(&act.accepted_note, &act.accepted),
        );
        let (Some(held), Some(accepted)) = heads else {
            let words = "accepts a head of the coordinator that is not signed by the key that was given, or not the one it names";
            pack.findings.add(Code::Signature, Some(index), words);
            continue;
        };
        if !signers.iter().any(|key| named.contains(key)) {
            let signers: Vec<String> = signers.iter().map(PublicKey::to_string).collect();
            pack.findings.notice(format!(
                "{words}; it explains nothing, for the file of keys names as officer of this log none of those who signed: {}; add one \
                 once you have that key from the organisation by another way than its pack",
                signers.join(", ")
            ));
            continue;
        }
        pack.findings.notice(words);
        read.push(Accepted {
            origin: pack.manifest.origin.clone(),
            index,
            signed_at: act.signed_at,
            held,
            accepted,
            lost: act.lost.into_iter().collect(),
        });
    }
    read
}

fn head_of(signed: SignedCheckpoint) -> Checkpoint {
    signed.checkpoint().clone()
}

/// The act by which a coordinator's log went on instead of extending `head`, if it did: it names exactly that head, and the log passes
/// through the one that it, or a later act in the same log, accepted. Later is what was signed later: where an entry stands in a log is
/// in the hands of whoever holds its key, who could enter an old act anew.
pub(crate) fn explains<'a>(
    accepted: &'a [Accepted],
    head: &Checkpoint,
    passes_through: impl Fn(&Checkpoint) -> bool,
) -> Option<&'a Accepted> {
    (accepted.iter()).find(|act| {
        let later =
            |other: &&Accepted| other.origin == act.origin && other.signed_at >= act.signed_at;
        act.held == *head
            && (accepted.iter())
                .filter(later)
                .any(|later| passes_through(&later.accepted))
    })
}

/// Whether an act that came after entry `allowed` says that the coordinator lost this request's answer.
pub(crate) fn says_lost(accepted: &[Accepted], request: &str, allowed: u64) -> bool {
    (accepted.iter()).any(|act| act.index > allowed && act.lost.contains(request))
}
