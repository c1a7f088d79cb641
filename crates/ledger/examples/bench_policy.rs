//! One decision of a policy against one commit of the ledger, as medians of the same run, at several numbers of rules. It asserts
//! nothing; below 1 a decision costs less than the commit that follows it.

use ledger::{Charge, Ledger, LogSigner};
use policy::{Ask, Authorizer};
use privacy_loss::NanoRho;
use protocol::{Envelope, PublicKey, Request, Study, VerifiedRequest, VerifiedStudy};
use query::AggregateQuery;
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const NOW: i64 = 1_790_000_000;
const NODE: &str = "node";
const ROUNDS: usize = 101;
const REQUESTERS: usize = 10;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

struct Key(Ed25519KeyPair);

impl Key {
    fn new(seed: u8) -> Outcome<Key> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).map_err(|_| "no key")?;
        Ok(Key(pair))
    }

    fn public(&self) -> Outcome<PublicKey> {
        Ok(PublicKey(self.0.public_key().as_ref().try_into()?))
    }

    fn signed(&self, bytes: &[u8]) -> [u8; 64] {
        // Unwrap safety: an Ed25519 signature has 64 bytes.
        self.0.sign(bytes).as_ref().try_into().expect("64 bytes")
    }

    fn seal(&self, payload_type: &str, payload: &[u8]) -> Outcome<Envelope> {
        let public = self.public()?;
        Ok(Envelope::sign(payload_type, payload, &public, |bytes| {
            self.signed(bytes)
        }))
    }
}

/// A policy of so many rules, over so many requesters; the last rule alone allows the question that is asked.
fn document(rules: usize, requesters: usize, asks: &PublicKey) -> Outcome<String> {
    let mut text = format!(
        "version = 2\norganisation = \"{NODE}\"\n[dpo]\nkeys = [\"{}\"]\n[releases]\ndisplay_minimum = 5\nretention_months = 12\n\
         audience = \"public\"\n[caps]\nlifetime = 900_000_000_000\nper_year = 900_000_000_000\nper_dataset = 900_000_000_000\n\
         per_purpose = 900_000_000_000\nper_study = 900_000_000_000\n[purposes]\nplanning = \"\"\nservice-planning = \"planning\"\nresearch = \"\"\n",
        "77".repeat(32)
    );
    for i in 0..requesters {
        let key = match i {
            0 => asks.to_string(),
            _ => format!("{i:02x}").repeat(32),
        };
        write!(
            text,
            "[[requesters]]\norganisation = \"r{i}\"\nrole = \"other\"\nkeys = [\"{key}\"]\n"
        )?;
    }
    for i in 0..rules {
        let of = (rules - 1 - i) % requesters;
        let target = if i + 1 == rules {
            "minors"
        } else {
            "elderly-75-plus"
        };
        write!(
            text,
            "[[rules]]\nid = \"rule-{i}\"\neffect = \"allow\"\napproval = \"auto\"\nrequesters = [\"r{of}\"]\npurposes = [\"planning\"]\n\
             lawful_bases = [\"art6-1-e\"]\ncategories = [\"any\"]\nmeasures = [\"persons\"]\ntargets = [\"{target}\"]\n\
             finest_level = \"micro-area\"\nmax_rho_per_query = 1_000_000\n"
        )?;
    }
    Ok(text)
}

fn study() -> Study {
    let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect();
    Study {
        version: 1,
        id: "s".to_owned(),
        title: "Planning".to_owned(),
        requester: "r0".to_owned(),
        purpose: "service-planning".to_owned(),
        lawful_basis: "art6-1-e".to_owned(),
        special_categories: Vec::new(),
        participants: ids(&[NODE]),
        measures: ids(&["persons"]),
        targets: ids(&["minors"]),
        finest_level: geography::Level::MicroArea,
        max_rho_per_query: NanoRho::new(1_000_000),
        max_rho_total: NanoRho::new(900_000_000_000),
        valid_from: NOW - 1_000,
        valid_until: NOW + 1_000_000,
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Median times of a decision and of a commit, in turn.
async fn measure(rules: usize, requesters: usize) -> Outcome<(Duration, Duration)> {
    let key = Key::new(1)?;
    let pinned = [key.public()?];
    let policy = Authorizer::from_toml(&document(rules, requesters, &pinned[0])?)?;
    let sealed = key.seal(Study::TYPE, &serde_json::to_vec(&study())?)?;
    let study = VerifiedStudy::verify(&sealed, &pinned)?;
    let folder = tempfile::tempdir()?;
    let log = Key::new(2)?;
    let signer = LogSigner::new("node/log", log.public()?.0, move |bytes| log.signed(bytes))?;
    let ledger = Ledger::open(&folder.path().join("node.db"), signer).await?;
    let (mut decisions, mut commits) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // A loss of its own makes each a question of its own, so that none is answered from store.
        let query = format!(
            r#"{{"version":1,"measure":"persons","by":{{"area":"nil","target":["minors"]}},"period":{{"from":"2025-01","to":"2025-12"}},
                "bounds":{{"cells":1,"per_cell":1}},"rho":{}}}"#,
            1_000 + round
        );
        let query =
            AggregateQuery::parse(query.as_bytes()).map_err(|refusal| refusal.to_string())?;
        let price = privacy_loss::price(&query);
        let request = Request {
            version: 1,
            id: format!("{round:032x}"),
            phase: "single".to_owned(),
            requester: "r0".to_owned(),
            node: NODE.to_owned(),
            dataset: "clients".to_owned(),
            edition: 83,
            study: "s".to_owned(),
            study_hash: protocol::hex(&study.hash()),
            purpose: "service-planning".to_owned(),
            query: query.canonical(),
            query_hash: query.hash().to_string(),
            rho: price.rho,
            issued_at: NOW - 10,
            expires_at: NOW + 1_000,
        };
        let request = VerifiedRequest::verify(
            &key.seal(Request::TYPE, &request.to_bytes())?,
            &pinned,
            NODE,
            NOW,
        )?;
        let began = Instant::now();
        let permit = policy.decide(&Ask {
            study: &study,
            request: &request,
            price: &price,
            now: NOW,
        })?;
        decisions.push(began.elapsed());
        let began = Instant::now();
        let Charge::Debited(debit) = ledger.charge(&permit, NOW).await? else {
            return Err("a question was not charged".into());
        };
        commits.push(began.elapsed());
        drop(debit);
    }
    Ok((median(decisions), median(commits)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    println!("one decision / one ledger commit, medians of {ROUNDS} in turn");
    for rules in [50, 500] {
        for (requesters, words) in [
            (REQUESTERS, "over ten requesters"),
            (1, "all for one requester and purpose"),
        ] {
            let (decision, commit) = measure(rules, requesters).await?;
            println!(
                "{rules:>4} rules, {words:34}  ratio {:.2}  ({:.3} ms / {:.3} ms)",
                decision.as_secs_f64() / commit.as_secs_f64(),
                decision.as_secs_f64() * 1e3,
                commit.as_secs_f64() * 1e3
            );
        }
    }
    Ok(())
}
