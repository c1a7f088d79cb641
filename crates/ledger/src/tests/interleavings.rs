//! Every order in which two askers' steps can fall, with stops between any two, on the real ledger.
//!
//! Why this is all that can happen: the ledger keeps nothing in memory, and each of its writes is one `BEGIN IMMEDIATE` transaction. SQLite runs
//! such transactions one after the other, whichever threads or processes they come from, and one that a crash interrupts leaves nothing.
//! So any concurrent run equals some order of whole transactions, and a crash equals a stop between two of them; both are enumerated here
//! completely for two askers. That SQLite keeps this promise between threads and processes is tried in `charging` and `processes`.
//!
//! Failures: the ledger holds less than what was sent; two different answers to one request were sent; one request is charged twice; a cap is
//! passed; an asker whose request was charged is refused; the ledger does not verify.

use super::{NOW, Place, caps, sound, terms};
use crate::{Charge, Debit, Ledger, LedgerError, Reuse};
use policy::Caps;
use privacy_loss::NanoRho;
use std::collections::{BTreeMap, BTreeSet};

const RHO: u64 = 100;

/// What one asker holds between its steps.
enum Hand {
    /// Nothing yet, or nothing any more.
    Empty,
    Debited(Debit),
    Reusable(Reuse),
    /// To be sent.
    Answer(Vec<u8>),
    Refused,
}

/// A node's work on one request: charge, store, send. After a stop it begins anew.
struct Asker {
    /// Keeps runs on one ledger apart: each has requests, questions and a capped study of its own.
    run: u64,
    request: u64,
    question: u64,
    /// Distinguishes the noise of each attempt.
    attempt: u8,
    hand: Hand,
}

/// How two requests are related, and how many charges the cap has room for.
#[derive(Clone, Copy, Debug)]
struct Case {
    requests: [u64; 2],
    questions: [u64; 2],
    room: u64,
}

impl Asker {
    /// Does the next step; the request and its answer once it is sent.
    async fn step(&mut self, ledger: &Ledger, room: u64) -> Option<Vec<u8>> {
        let hand = std::mem::replace(&mut self.hand, Hand::Empty);
        self.hand = match hand {
            Hand::Empty => {
                let caps = Caps {
                    per_study: NanoRho::new(room * RHO),
                    ..caps(u64::MAX / 4)
                };
                let mut terms = terms(10 * self.run + self.request, RHO, caps);
                let question = format!("{} in run {}", self.question, self.run);
                terms.query_hash = protocol::sha256(question.as_bytes());
                terms.study = study(self.run);
                match ledger.charge_terms(&terms, NOW).await {
                    Ok(Charge::Debited(debit)) => Hand::Debited(debit),
                    Ok(Charge::Reusable(reuse)) => Hand::Reusable(reuse),
                    Ok(Charge::Answered(sealed)) => Hand::Answer(sealed),
                    Err(LedgerError::CapExceeded { .. }) => Hand::Refused,
                    Err(other) => panic!("{other:?}"),
                }
            }
            Hand::Debited(debit) => {
                let noise = vec![self.request as u8, self.attempt];
                let stored = ledger.store_answer(debit, &noise, &noise, NOW).await;
                Hand::Answer(self.stored(ledger, stored, noise).await)
            }
            Hand::Reusable(reuse) => {
                let sealed = [&[9], reuse.body()].concat();
                let stored = ledger.store_reused(reuse, &sealed, NOW).await;
                Hand::Answer(self.stored(ledger, stored, sealed).await)
            }
            Hand::Answer(sealed) => return Some(sealed),
            Hand::Refused => Hand::Refused,
        };
        None
    }

    /// The answer to send: this one, or the one that was stored meanwhile.
    async fn stored(
        &self,
        ledger: &Ledger,
        stored: Result<u64, LedgerError>,
        own: Vec<u8>,
    ) -> Vec<u8> {
        match stored {
            Ok(_) => own,
            Err(LedgerError::AlreadyAnswered { request_id }) => {
                let known = ledger.reader().answer(&request_id).await.unwrap();
                known.expect("it was answered already")
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    fn stop(&mut self) {
        self.hand = Hand::Empty;
        self.attempt += 1;
    }
}

fn study(run: u64) -> String {
    format!("run-{run}")
}

/// All orders of `a` steps of asker 0 and `b` steps of asker 1.
fn orders(a: usize, b: usize) -> Vec<Vec<usize>> {
    if a == 0 && b == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (asker, left) in [(0, a), (1, b)] {
        if left == 0 {
            continue;
        }
        let rest = if asker == 0 {
            orders(a - 1, b)
        } else {
            orders(a, b - 1)
        };
        all.extend(rest.into_iter().map(|mut order| {
            order.insert(0, asker);
            order
        }));
    }
    all
}

/// Steps from charge to send.
const STEPS: usize = 3;

/// Runs one order; returns how many charges it made.
async fn run_order(
    ledger: &Ledger,
    run: u64,
    case: Case,
    stops: [Option<usize>; 2],
    order: &[usize],
) -> u64 {
    let mut askers = [0, 1].map(|n| Asker {
        run,
        request: case.requests[n],
        question: case.questions[n],
        attempt: 10 * n as u8,
        hand: Hand::Empty,
    });
    let (mut taken, mut sent) = ([0; 2], BTreeMap::<u64, BTreeSet<Vec<u8>>>::new());
    let mut charged = BTreeSet::new();
    for &number in order {
        let asker = &mut askers[number];
        if stops[number] == Some(taken[number]) {
            asker.stop();
        }
        taken[number] += 1;
        let answer = asker.step(ledger, case.room).await;
        if let Hand::Debited(debit) = &asker.hand {
            charged.insert(debit.request_id().to_owned());
        }
        let refused = matches!(asker.hand, Hand::Refused);
        assert!(
            !refused || !charged.contains(&format!("request-{}", 10 * run + asker.request)),
            "charged and refused: {case:?} {stops:?} {order:?}"
        );
        if let Some(answer) = answer {
            sent.entry(asker.request).or_default().insert(answer);
        }
        let balance = ledger.balance().await.unwrap();
        let spent = balance
            .by_study
            .get(&study(run))
            .map_or(0, |rho| rho.nano());
        let noises: BTreeSet<&[u8]> = (sent.values().flatten())
            .map(|answer| &answer[answer.len() - 2..])
            .collect();
        assert!(
            spent >= noises.len() as u64 * RHO,
            "{case:?} {stops:?} {order:?}"
        );
        assert!(spent <= case.room * RHO, "{case:?} {stops:?} {order:?}");
    }
    assert!(
        sent.values().all(|answers| answers.len() == 1),
        "two answers to one request: {case:?} {stops:?} {order:?}"
    );
    charged.len() as u64
}

/// Runs on one ledger: opening one costs more than running an order.
const RUNS: u64 = 60;

#[tokio::test]
async fn in_every_order_of_two_askers_with_a_stop_anywhere_nothing_is_sent_uncharged_or_twice() {
    let cases = [
        // The same request, offered twice.
        Case {
            requests: [1, 1],
            questions: [1, 1],
            room: 1,
        },
        // One question in two requests.
        Case {
            requests: [1, 2],
            questions: [1, 1],
            room: 2,
        },
        // Two questions, and budget for one.
        Case {
            requests: [1, 2],
            questions: [1, 2],
            room: 1,
        },
    ];
    let mut all = Vec::new();
    for case in cases {
        for stop in [None, Some(1), Some(2), Some(3)] {
            // The second asker stops too where both have the same request.
            let others: &[Option<usize>] = if case.requests[0] == case.requests[1] {
                &[None, Some(2)]
            } else {
                &[None]
            };
            for &other in others {
                let steps = [stop, other].map(|stop| STEPS + stop.unwrap_or(0));
                let orders = orders(steps[0], steps[1]).into_iter();
                all.extend(orders.map(|order| (case, [stop, other], order)));
            }
        }
    }
    println!("{} orders", all.len());
    assert!(all.len() > 1_000);
    let mut number = 0;
    for batch in all.chunks(RUNS as usize) {
        let place = Place::new();
        let ledger = place.open().await;
        let mut charges = 0;
        for (case, stops, order) in batch {
            charges += run_order(&ledger, number, *case, *stops, order).await;
            number += 1;
        }
        assert_eq!(sound(&ledger).await.charges, charges);
    }
}
