//! Which answers this process verified itself, so that composing need not verify their signatures again: it reads them from the
//! database and holds them to the bytes and hashes remembered here. After a restart nothing is remembered, and signatures are verified.
//!
//! Nothing of it is stored. Whoever could alter a stored answer could alter a stored hash.

use protocol::Vouched;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most bytes of cells that are remembered. Of answers beyond it only hashes are.
const MOST_BYTES: usize = 64 << 20;

/// Answers to open queries, by request.
pub struct Vouchers {
    held: Mutex<Held>,
    most_bytes: usize,
}

impl Default for Vouchers {
    fn default() -> Vouchers {
        Vouchers {
            held: Mutex::default(),
            most_bytes: MOST_BYTES,
        }
    }
}

#[derive(Default)]
struct Held {
    answers: HashMap<String, Vouched>,
    /// Of the cells of all of them.
    bytes: usize,
}

impl Held {
    fn forget(&mut self, request: &str) {
        if let Some(answer) = self.answers.remove(request) {
            self.bytes -= answer.cells_held();
        }
    }
}

impl Vouchers {
    fn held(&self) -> MutexGuard<'_, Held> {
        // Nothing panics while holding the lock; if it did, answers would still be whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers an answer until its query ends.
    pub fn remember(&self, request: &str, answer: Vouched) {
        let mut held = self.held();
        held.forget(request);
        let answer = match held.bytes + answer.cells_held() {
            bytes if bytes <= self.most_bytes => answer,
            _ => answer.without_cells(),
        };
        held.bytes += answer.cells_held();
        held.answers.insert(request.to_owned(), answer);
    }

    /// What is remembered of the answer to a request.
    pub fn of(&self, request: &str) -> Option<Vouched> {
        self.held().answers.get(request).cloned()
    }

    /// A query ended: its requests' answers are not composed again soon.
    pub fn forget<'a>(&self, requests: impl Iterator<Item = &'a str>) {
        let mut held = self.held();
        for request in requests {
            held.forget(request);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::SigningKey;
    use privacy_loss::NanoRho;
    use protocol::{
        Answer, Obligations, Outcome, PublicKey, Receipt, Request, SliceReceipt, VerifiedAnswer,
    };
    use query::AggregateQuery;

    /// What is remembered of a signed answer of a few cells.
    fn answer() -> Vouched {
        let asked = r#"{"version":1,"measure":"persons","by":{"area":"nil","period":"month"},"period":{"from":"2025-01","to":"2025-01"},"bounds":{"cells":1,"per_cell":1},"rho":1000000}"#;
        let query = AggregateQuery::parse(asked.as_bytes()).unwrap();
        let request = Request {
            version: protocol::VERSION,
            id: "ab".repeat(16),
            phase: "single".to_owned(),
            requester: "comune".to_owned(),
            node: "lambro".to_owned(),
            dataset: "clients".to_owned(),
            edition: 1,
            study: "study".to_owned(),
            study_hash: "cd".repeat(32),
            purpose: "planning".to_owned(),
            query: query.canonical(),
            query_hash: query.hash().to_string(),
            rho: NanoRho::new(query.rho_nano()),
            issued_at: 1,
            expires_at: 2,
        };
        let payload = request.to_bytes();
        let price = privacy_loss::price(&query);
        let answer = Answer {
            version: Answer::VERSION,
            request_id: request.id.clone(),
            request_hash: protocol::hex(&protocol::sha256(&payload)),
            node: request.node.clone(),
            outcome: Outcome::Answered {
                cells: vec![7; query.cells()],
                receipt: Receipt {
                    mechanism: "discrete-gaussian".to_owned(),
                    slices: price.slices.iter().map(SliceReceipt::from).collect(),
                    cells_per_unit: query.bounds().cells,
                    per_cell: query.bounds().per_cell,
                    rho: price.rho,
                    reused: false,
                    noise_source: "none: a test".to_owned(),
                    edition: request.edition,
                    rule: "planning".to_owned(),
                    policy_hash: "ef".repeat(32),
                    charge_index: 1,
                    obligations: Some(Obligations::UNSTATED),
                },
            },
        };
        let key = SigningKey::ephemeral().unwrap();
        let public = PublicKey(*key.public_key().as_bytes());
        let envelope = answer.seal(&public, |bytes| key.sign(bytes)).unwrap();
        let checked = VerifiedAnswer::check(&envelope, &public, &request, &payload, &query);
        checked.unwrap().vouched().clone()
    }

    #[test]
    fn of_answers_beyond_the_limit_hashes_are_remembered_and_cells_are_not() {
        assert_eq!(Vouchers::default().most_bytes, 64 << 20);
        let answer = answer();
        let vouchers = Vouchers {
            most_bytes: 2 * answer.cells_held() + 1,
            ..Vouchers::default()
        };
        let cells = |request| vouchers.of(request).map(|answer| answer.cells_held());
        for request in ["a", "b", "c"] {
            vouchers.remember(request, answer.clone());
        }
        let held = answer.cells_held();
        assert!(held > 0);
        assert_eq!(
            [cells("a"), cells("b"), cells("c"), cells("d")],
            [Some(held), Some(held), Some(0), None]
        );
        // It is known again by its hash.
        assert_eq!(vouchers.of("c"), Some(answer.clone().without_cells()));
        // One that is remembered once more takes its own place.
        vouchers.remember("b", answer.clone());
        assert_eq!(cells("b"), Some(held));
        // What is forgotten makes room.
        vouchers.forget(["a", "d"].into_iter());
        vouchers.remember("c", answer.clone());
        assert_eq!([cells("a"), cells("c")], [None, Some(held)]);
    }
}
