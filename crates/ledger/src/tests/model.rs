//! Random sequences of operations against a plain model in memory.
//! A failure is: an outcome that differs from the model's, a balance that differs, a cap passed, or a ledger
//! that does not verify. Reopening and lost answers (crashes between the steps) are part of the sequences.

use super::{NOW, Place, terms};
use crate::{Cap, Charge, LedgerError};
use policy::Caps;
use privacy_loss::NanoRho;
use proptest::prelude::*;
use protocol::SubCap;
use std::collections::BTreeMap;

const YEAR: i64 = 366 * 86_400;

#[derive(Clone, Debug)]
enum Op {
    /// A request by number, with a question, a study, an edition, a year and a price.
    Charge {
        request: u64,
        question: u8,
        study: u8,
        edition: u32,
        year: u8,
        rho: u64,
        answered: bool,
    },
    /// The process ends and starts again.
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let charge = (
        0..12u64,
        0..4u8,
        0..2u8,
        1..3u32,
        0..2u8,
        prop_oneof![Just(10u64), 0..60u64],
        any::<bool>(),
    )
        .prop_map(
            |(request, question, study, edition, year, rho, answered)| Op::Charge {
                request,
                question,
                study,
                edition,
                year,
                rho,
                answered,
            },
        );
    prop_oneof![12 => charge, 1 => Just(Op::Reopen)]
}

/// What a request is, so that two equal ones are the same request.
type Body = (u8, u8, u32, u64);

#[derive(Default)]
struct Model {
    spent: u64,
    by_study: BTreeMap<u8, u64>,
    by_year: BTreeMap<u8, u64>,
    requests: BTreeMap<u64, Known>,
    noise: BTreeMap<(u8, u64, u32), u64>,
}

struct Known {
    body: Body,
    reuses: bool,
    answered: bool,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Debited,
    Reusable,
    Answered,
    Refused(Cap),
    IdReused,
}

fn limits() -> Caps {
    Caps {
        lifetime: NanoRho::new(150),
        per_year: NanoRho::new(120),
        per_dataset: NanoRho::new(140),
        per_purpose: NanoRho::new(1_000),
        per_study: NanoRho::new(90),
        ..Caps::undivided(NanoRho::new(150))
    }
}

impl Model {
    fn charge(&mut self, request: u64, body: Body, year: u8) -> Outcome {
        let (question, study, edition, rho) = body;
        if let Some(known) = self.requests.get(&request) {
            return match known {
                known if known.body != body => Outcome::IdReused,
                Known { answered: true, .. } => Outcome::Answered,
                Known { reuses: true, .. } => Outcome::Reusable,
                _ => Outcome::Debited,
            };
        }
        if self.noise.contains_key(&(question, rho, edition)) {
            self.requests.insert(
                request,
                Known {
                    body,
                    reuses: true,
                    answered: false,
                },
            );
            return Outcome::Reusable;
        }
        let (by_study, by_year) = (
            self.by_study.entry(study).or_default(),
            self.by_year.entry(year).or_default(),
        );
        for (cap, spent, limit) in [
            (Cap::Lifetime, self.spent, 150),
            (Cap::Part(SubCap::Year), *by_year, 120),
            (Cap::Part(SubCap::Dataset), self.spent, 140),
            (Cap::Part(SubCap::Study), *by_study, 90),
        ] {
            if spent + rho > limit {
                return Outcome::Refused(cap);
            }
        }
        self.spent += rho;
        *by_study += rho;
        *by_year += rho;
        self.requests.insert(
            request,
            Known {
                body,
                reuses: false,
                answered: false,
            },
        );
        Outcome::Debited
    }

    fn answer(&mut self, request: u64) {
        let known = self.requests.get_mut(&request).unwrap();
        known.answered = true;
        if !known.reuses {
            let (question, _, edition, rho) = known.body;
            self.noise
                .entry((question, rho, edition))
                .or_insert(request);
        }
    }
}

async fn run(ops: Vec<Op>) -> Result<(), TestCaseError> {
    let place = Place::new();
    let mut ledger = place.open().await;
    let mut model = Model::default();
    for op in ops {
        let Op::Charge {
            request,
            question,
            study,
            edition,
            year,
            rho,
            answered,
        } = op
        else {
            drop(ledger);
            ledger = place.open().await;
            continue;
        };
        let body = (question, study, edition, rho);
        let mut terms = terms(request, rho, limits());
        terms.request_hash = protocol::sha256(format!("{body:?}").as_bytes());
        terms.query_hash = protocol::sha256(format!("{question} at {rho}").as_bytes());
        terms.study = format!("study-{study}");
        terms.edition = edition;
        let now = NOW + i64::from(year) * YEAR;

        let expected = model.charge(request, body, year);
        let sealed = format!("answer to {request}").into_bytes();
        let outcome = match ledger.charge_terms(&terms, now).await {
            Ok(Charge::Debited(debit)) => {
                if answered {
                    let noise = format!("noise of {request}");
                    ledger
                        .store_answer(debit, noise.as_bytes(), &sealed, now)
                        .await
                        .unwrap();
                    model.answer(request);
                }
                Outcome::Debited
            }
            Ok(Charge::Reusable(reuse)) => {
                let source = model.noise[&(question, rho, edition)];
                let noise = format!("noise of {source}");
                prop_assert_eq!(reuse.body(), noise.as_bytes());
                if answered {
                    ledger.store_reused(reuse, &sealed, now).await.unwrap();
                    model.answer(request);
                }
                Outcome::Reusable
            }
            Ok(Charge::Answered(stored)) => {
                prop_assert_eq!(stored, sealed);
                Outcome::Answered
            }
            Err(LedgerError::CapExceeded { cap }) => Outcome::Refused(cap),
            Err(LedgerError::RequestIdReused { .. }) => Outcome::IdReused,
            Err(error) => return Err(TestCaseError::fail(format!("{error:?}"))),
        };
        prop_assert_eq!(outcome, expected);

        let balance = ledger.balance().await.unwrap();
        prop_assert_eq!(balance.spent.nano(), model.spent);
        prop_assert!(balance.spent <= limits().lifetime);
        prop_assert!(
            balance
                .by_study
                .values()
                .all(|spent| *spent <= limits().per_study)
        );
        prop_assert!(
            balance
                .by_year
                .values()
                .all(|spent| *spent <= limits().per_year)
        );
    }
    let report = ledger.verify(&[]).await.unwrap();
    prop_assert!(report.is_sound(), "{:?}", report.problems);
    prop_assert_eq!(report.spent_nano, u128::from(model.spent));
    let answered = model
        .requests
        .values()
        .filter(|known| known.answered)
        .count();
    prop_assert_eq!(report.answers, answered as u64);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_sequence_of_operations_ends_as_in_the_model(ops in prop::collection::vec(op(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(ops))?;
    }
}
