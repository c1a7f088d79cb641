//! What a node makes known to its coordinator besides its answers: policies, countersignatures, new guarantees and the offer. They are
//! handed in one after the other, beside the work: one that is not taken in keeps neither the others back nor the node from answering.

use crate::clock;
use crate::link::LinkError;
use crate::node::Node;
use crate::{offer, policies};
use protocol::exchange::GuaranteeNotice;
use protocol::{Envelope, OfferNotice};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long until what came at a bad moment is handed in again; twice as long after each time that it is not taken in.
const WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// What the coordinator said when the node greeted it, as far as it decides what is handed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Greeted {
    /// Whether it asks for the policy in force and those it follows from.
    pub policy_wanted: bool,
}

/// The task that hands in; it ends with this.
pub(crate) struct HandingIn {
    greeted: watch::Sender<Greeted>,
}

impl HandingIn {
    /// Starts it; it hands in nothing before the first greeting.
    pub(crate) fn start(node: Arc<Node>) -> HandingIn {
        let (greeted, hears) = watch::channel(Greeted::default());
        tokio::spawn(run(node, hears));
        HandingIn { greeted }
    }

    /// Has everything handed in again: the coordinator may have lost it, or has news for which it now takes in what it refused.
    pub(crate) fn greeted(&self, greeted: Greeted) {
        self.greeted.send_replace(greeted);
    }
}

async fn run(node: Arc<Node>, mut hears: watch::Receiver<Greeted>) {
    let mut queue = Queue::default();
    let mut shown_ways = None;
    loop {
        let due = queue.next_due();
        tokio::select! {
            biased;
            changed = hears.changed() => {
                if changed.is_err() {
                    return;
                }
                let greeted = *hears.borrow_and_update();
                queue.renew(pieces(&node, greeted, &mut shown_ways).await, Instant::now());
            }
            () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                // One, since a greeting may have news.
                if let Some(piece) = queue.first_due(Instant::now()) {
                    hand_in_one(&node, &mut queue, piece).await;
                }
            }
        }
    }
}

/// Hands in everything once, after a greeting; what is not taken in is left to a later greeting.
pub async fn hand_in(node: &Node, greeted: Greeted) {
    let mut queue = Queue::default();
    let began = Instant::now();
    queue.renew(pieces(node, greeted, &mut None).await, began);
    while let Some(piece) = queue.first_due(began) {
        hand_in_one(node, &mut queue, piece).await;
    }
}

async fn hand_in_one(node: &Node, queue: &mut Queue, piece: Piece) {
    let done = piece.hand_in(node).await;
    if let Err(error) = &done
        && queue.is_news(&piece, error)
    {
        tracing::warn!(
            what = piece.name(),
            again = !error.is_final(),
            reason = %error,
            "the coordinator does not take in what this node makes known"
        );
    }
    queue.settle(piece, done.as_ref().err(), Instant::now());
}

/// All that is to be handed in. The coordinator asks for one chain of policies; where some came into force in other ways too, all are handed
/// in without being asked for after each start and each policy that comes into force, `shown_ways` being the last one for which they were.
async fn pieces(node: &Node, greeted: Greeted, shown_ways: &mut Option<String>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let in_force = Some(node.policy_hash());
    let other_ways = *shown_ways != in_force && policies::has_other_ways(node).await;
    if greeted.policy_wanted || other_ways {
        pieces.push(Piece::Policies);
    }
    *shown_ways = in_force;
    let consents = node.studies().consents(clock::now());
    pieces.extend(consents.into_iter().map(|(study, _)| Piece::Consent(study)));
    pieces.extend((0..promised(node).await.len()).map(Piece::Guarantee));
    if published_offer(node).is_some() {
        pieces.push(Piece::Offer);
    }
    pieces
}

/// The offer to hand in, if there is one that the policy in force lets be published. One without sites and services takes back what was
/// published before, which is always allowed.
pub(crate) fn published_offer(node: &Node) -> Option<(Envelope, OfferNotice)> {
    let signed = offer::signed(node.dir()).unwrap_or_else(|error| {
        tracing::error!(reason = %format!("{error:#}"), "the offer cannot be read");
        None
    });
    let allowed = node.policy().document().publish_offer;
    signed.filter(|(_, notice)| allowed || offer::is_empty(&notice.offer))
}

/// The new guarantees to be made known; none while the ledger cannot be read, which stops every answer too.
pub(crate) async fn promised(node: &Node) -> Vec<GuaranteeNotice> {
    node.promised().await.unwrap_or_else(|error| {
        tracing::error!(reason = %error, "new guarantees could not be read");
        Vec::new()
    })
}

/// One of what is handed in; in this order, since whoever takes in a countersignature knows by the policies who the officers are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    /// The policy in force and those it follows from. It binds the node alone: a coordinator that does not take it in changes nothing here.
    Policies,
    /// An officer's consent to the study of this id. Nothing is asked in that study until it is taken in.
    Consent(String),
    /// A new guarantee, by its place among them. It counts in the node's ledger all the same.
    Guarantee(usize),
    /// What the organisation offers. Nothing else depends on it.
    Offer,
}

impl Piece {
    fn name(&self) -> &'static str {
        match self {
            Piece::Policies => "a policy",
            Piece::Consent(_) => "a countersignature",
            Piece::Guarantee(_) => "a new guarantee",
            Piece::Offer => "the offer",
        }
    }

    /// Hands in what there is of it now, which may be nothing any more.
    async fn hand_in(&self, node: &Node) -> Result<(), LinkError> {
        let link = node.link();
        match self {
            Piece::Policies => {
                let published = policies::publications(node, clock::now()).await;
                let published = published.unwrap_or_else(|error| {
                    tracing::error!(reason = %format!("{error:#}"), "the policy in force could not be published");
                    Vec::new()
                });
                // The earlier ones say nothing without the later.
                for publication in published {
                    link.policy(&publication).await?;
                }
            }
            Piece::Consent(study) => {
                let consents = node.studies().consents(clock::now());
                if let Some((_, consent)) = consents.iter().find(|(id, _)| id == study) {
                    link.consent(consent).await?;
                }
            }
            Piece::Guarantee(place) => {
                if let Some(notice) = promised(node).await.get(*place) {
                    link.guarantee(notice).await?;
                }
            }
            Piece::Offer => {
                if let Some((envelope, _)) = published_offer(node) {
                    link.offer(&envelope).await?;
                }
            }
        }
        Ok(())
    }
}

/// When a piece is handed in next, and how long it waits if it is not taken in then.
#[derive(Clone, Copy, Debug)]
struct Turn {
    due: Instant,
    wait: Duration,
}

/// What is still to be handed in.
#[derive(Debug, Default)]
struct Queue {
    turns: BTreeMap<Piece, Turn>,
    /// Why what was not taken in was not, so that it is said once.
    refused: BTreeMap<Piece, Option<String>>,
}

impl Queue {
    /// Makes these due at once, and with them policies that wait, which another greeting asked for; nothing else. What waited goes on to wait as
    /// long after another refusal as it would have.
    fn renew(&mut self, mut pieces: Vec<Piece>, now: Instant) {
        let before = std::mem::take(&mut self.turns);
        if before.contains_key(&Piece::Policies) && !pieces.contains(&Piece::Policies) {
            pieces.push(Piece::Policies);
        }
        self.refused.retain(|piece, _| pieces.contains(piece));
        self.turns = (pieces.into_iter())
            .map(|piece| {
                let wait = before.get(&piece).map_or(WAIT, |turn| turn.wait);
                (piece, Turn { due: now, wait })
            })
            .collect();
    }

    fn next_due(&self) -> Option<Instant> {
        self.turns.values().map(|turn| turn.due).min()
    }

    /// The first of those that are due.
    fn first_due(&self, now: Instant) -> Option<Piece> {
        let mut due = self.turns.iter().filter(|(_, turn)| turn.due <= now);
        due.next().map(|(piece, _)| piece.clone())
    }

    /// Whether this is another reason than the last one.
    fn is_news(&self, piece: &Piece, error: &LinkError) -> bool {
        let said = self.refused.get(piece).map(Option::as_deref);
        said != Some(error.refusal_code())
    }

    /// Takes note of what came of a piece.
    fn settle(&mut self, piece: Piece, error: Option<&LinkError>, now: Instant) {
        let turn = self.turns.remove(&piece);
        let Some(error) = error else {
            if piece == Piece::Policies {
                // Now it is known who the officers are, so what they signed may be taken in.
                let signed = (self.refused.keys())
                    .filter(|piece| matches!(piece, Piece::Consent(_) | Piece::Guarantee(_)));
                let (due, wait) = (now, WAIT);
                let turns = signed.map(|piece| (piece.clone(), Turn { due, wait }));
                self.turns.extend(turns);
            }
            self.refused.remove(&piece);
            return;
        };
        let code = error.refusal_code().map(str::to_owned);
        self.refused.insert(piece.clone(), code);
        if !error.is_final() {
            let wait = turn.map_or(WAIT, |turn| turn.wait);
            let due = now + wait;
            let wait = (wait * 2).min(LONGEST_WAIT);
            self.turns.insert(piece, Turn { due, wait });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> LinkError {
        LinkError::Refused {
            status,
            code: code.to_owned(),
            message: String::new(),
        }
    }

    fn consent(study: &str) -> Piece {
        Piece::Consent(study.to_owned())
    }

    fn due(queue: &Queue, now: Instant) -> Vec<Piece> {
        let due = queue.turns.iter().filter(|(_, turn)| turn.due <= now);
        let due: Vec<Piece> = due.map(|(piece, _)| piece.clone()).collect();
        assert_eq!(queue.first_due(now), due.first().cloned());
        due
    }

    #[test]
    fn what_came_at_a_bad_moment_is_due_again_later_each_time_and_what_is_refused_for_good_is_not()
    {
        let start = Instant::now();
        let mut queue = Queue::default();
        queue.renew(vec![Piece::Policies, Piece::Offer], start);
        assert_eq!(due(&queue, start), [Piece::Policies, Piece::Offer]);
        queue.settle(Piece::Policies, Some(&refused(422, "unreadable")), start);
        let mut now = start;
        for wait in [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600] {
            queue.settle(Piece::Offer, Some(&refused(503, "busy")), now);
            assert_eq!(due(&queue, now), []);
            now += Duration::from_secs(wait);
            assert_eq!(queue.next_due(), Some(now));
            assert_eq!(due(&queue, now), [Piece::Offer]);
        }
        // A greeting makes all due at once, and forgets for how long nothing that was settled.
        queue.renew(vec![Piece::Policies, Piece::Offer], now);
        assert_eq!(due(&queue, now), [Piece::Policies, Piece::Offer]);
        queue.settle(Piece::Offer, Some(&refused(503, "busy")), now);
        queue.settle(Piece::Policies, None, now);
        assert_eq!(queue.next_due(), Some(now + LONGEST_WAIT));
        queue.settle(Piece::Offer, None, now);
        assert_eq!(queue.next_due(), None);
    }

    #[test]
    fn what_officers_signed_and_was_refused_is_due_again_once_the_policies_are_taken_in() {
        let now = Instant::now();
        let mut queue = Queue::default();
        let unknown = refused(422, "signature-not-accepted");
        let all = [Piece::Policies, consent("a"), consent("b")];
        let all = [&all[..], &[Piece::Guarantee(0), Piece::Offer]].concat();
        queue.renew(all.clone(), now);
        assert_eq!(due(&queue, now), all);
        queue.settle(Piece::Policies, Some(&refused(500, "internal")), now);
        queue.settle(consent("a"), Some(&unknown), now);
        queue.settle(consent("b"), None, now);
        queue.settle(Piece::Guarantee(0), Some(&unknown), now);
        queue.settle(Piece::Offer, Some(&refused(422, "unreadable")), now);
        assert_eq!(due(&queue, now), []);
        queue.settle(Piece::Policies, None, now);
        assert_eq!(due(&queue, now), [consent("a"), Piece::Guarantee(0)]);
    }

    #[test]
    fn policies_that_wait_are_handed_in_also_where_the_next_greeting_asks_for_none() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.renew(vec![Piece::Policies, consent("a")], now);
        queue.settle(Piece::Policies, Some(&refused(503, "busy")), now);
        queue.settle(consent("a"), None, now);
        queue.renew(vec![Piece::Offer], now);
        assert_eq!(due(&queue, now), [Piece::Policies, Piece::Offer]);
        queue.settle(Piece::Policies, None, now);
        queue.renew(vec![Piece::Offer], now);
        assert_eq!(due(&queue, now), [Piece::Offer]);
    }

    #[test]
    fn a_reason_is_news_until_it_was_said() {
        let now = Instant::now();
        let mut queue = Queue::default();
        let (busy, broken) = (refused(503, "busy"), refused(500, "internal"));
        let other = consent("a");
        queue.renew(vec![Piece::Offer, other.clone()], now);
        assert!(queue.is_news(&Piece::Offer, &busy));
        queue.settle(Piece::Offer, Some(&busy), now);
        assert!(!queue.is_news(&Piece::Offer, &busy));
        assert!(queue.is_news(&Piece::Offer, &broken));
        assert!(queue.is_news(&other, &busy));
        queue.settle(Piece::Offer, None, now);
        assert!(queue.is_news(&Piece::Offer, &busy));
    }
}
