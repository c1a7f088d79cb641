//! A node as a library: the real policy, ledger, kernel, mechanism and seal, witnessed over real TLS, without a process around
//! them and without the tick on which a serving node sends. For tests that need thousands of answers as they are sent.

use crate::requester::{REQUESTER, Requester, now, request};
use crate::witness::Witness;
use anyhow::{Context, Result};
use identity::SigningKey;
use node_agent::config::{Config, Dataset, NodeDir, Retention, write_private};
use node_agent::node::Node;
use node_agent::studies::Studies;
use node_agent::{answer, editions, join, keys};
use protocol::{Answer, Envelope, Outcome, PublicKey, Request, VerifiedAnswer};
use query::AggregateQuery;
use std::path::Path;

/// A node and the key its answers are checked with.
pub struct LibraryNode {
    /// The node.
    pub node: Node,
    key: PublicKey,
}

/// What a test policy allows, in nano-rho.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Every cap.
    pub cap: u64,
    /// The most of one question.
    pub per_query: u64,
}

impl LibraryNode {
    /// Makes a node for `register` under `home`, joins it to the witness and countersigns every study published there.
    /// Pseudonyms and keyed choices derive from `secret`, as in every node that was given the same one.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn enrol(
        home: &Path,
        organisation: &str,
        register: &Path,
        secret: &[u8; 32],
        requester: &Requester,
        witness: &Witness,
        allowance: Allowance,
    ) -> Result<LibraryNode> {
        let as_it_is = |_: &NodeDir| Ok(());
        let about = (organisation, register, secret, allowance);
        LibraryNode::enrol_prepared(home, about, requester, witness, as_it_is).await
    }

    /// As [`LibraryNode::enrol`], with something done to the folder before the register is read: another mapping, other sources.
    ///
    /// # Errors
    /// When a step fails.
    pub async fn enrol_prepared(
        home: &Path,
        (organisation, register, secret, allowance): (&str, &Path, &[u8; 32], Allowance),
        requester: &Requester,
        witness: &Witness,
        prepare: impl FnOnce(&NodeDir) -> Result<()>,
    ) -> Result<LibraryNode> {
        let asks = Asks {
            organisation: REQUESTER,
            key: requester.public_key(),
        };
        let (dir, officer) = folder(home, organisation, register, secret, Some(asks), allowance)?;
        let officer_key = keys::public(&officer);
        prepare(&dir)?;
        join::join(&dir, &witness.invite(organisation)?, None).await?;
        let studies = Studies::new(&dir, organisation);
        let requesters = [requester.public_key()];
        for envelope in witness.studies() {
            studies.keep(&envelope, &requesters)?;
        }
        for id in studies.ids() {
            studies.countersign(&id, &officer, &[officer_key], &requesters, now())?;
        }
        let edition = editions::open_current(&dir, &dir.read_config()?, now())?;
        let node = Node::open(dir, Some(edition)).await?;
        let key = keys::public(node.signing_key());
        Ok(LibraryNode { node, key })
    }

    /// The signed request of a question in a study, with an id of its own.
    ///
    /// # Errors
    /// When the question is not legal.
    pub fn request(&self, study: &Envelope, query: &str) -> Result<Request> {
        request(self.node.organisation(), study, query)
    }

    /// Asks, and opens the answer as a coordinator does: only after its signature and its binding to the request hold.
    ///
    /// # Errors
    /// When there is no answer, or it is not accepted.
    pub async fn ask(
        &self,
        requester: &Requester,
        study: &Envelope,
        query: &str,
    ) -> Result<Answer> {
        let request = self.request(study, query)?;
        self.answer(requester, &request).await
    }

    /// As [`LibraryNode::ask`], for a request made before.
    ///
    /// # Errors
    /// When there is no answer, or it is not accepted.
    pub async fn answer(&self, requester: &Requester, request: &Request) -> Result<Answer> {
        let signed = requester.sign_request(request);
        let sealed = answer::answer(&self.node, &signed, now()).await?;
        let envelope = Envelope::from_bytes(sealed.envelope())?;
        let query = AggregateQuery::parse(request.query.as_bytes())
            .map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        let verified =
            VerifiedAnswer::verify(&envelope, &self.key, request, &request.to_bytes(), &query)?;
        Ok(verified.answer().clone())
    }

    /// Asks, and returns the cells, which must have been released.
    ///
    /// # Errors
    /// When there is no answer, or a refusal.
    pub async fn cells(
        &self,
        requester: &Requester,
        study: &Envelope,
        query: &str,
    ) -> Result<Vec<i64>> {
        match self.ask(requester, study, query).await?.outcome {
            Outcome::Answered { cells, .. } => Ok(cells),
            Outcome::Refused { field, code, .. } => {
                anyhow::bail!("refused at {field}: {code}: {query}")
            }
        }
    }
}

/// Who may ask a node.
#[derive(Clone, Copy, Debug)]
pub struct Asks<'a> {
    /// The organisation.
    pub organisation: &'a str,
    /// The key it signs requests with.
    pub key: PublicKey,
}

/// Makes a node's folder, which has not joined anything yet, and its officer's key. Without anybody who asks, the node is its own
/// requester.
///
/// # Errors
/// When it cannot be written.
pub fn folder(
    home: &Path,
    organisation: &str,
    register: &Path,
    secret: &[u8; 32],
    asks: Option<Asks<'_>>,
    allowance: Allowance,
) -> Result<(NodeDir, SigningKey)> {
    let dir = NodeDir::new(home.join(organisation));
    std::fs::create_dir_all(dir.path())?;
    keys::create(&dir, asks.is_none())?;
    write_private(&dir.key(keys::PSEUDONYM), secret)?;
    let officer = SigningKey::ephemeral()?;
    let officer_key = keys::public(&officer);
    let officer_text = officer_key.to_string();
    write_private(&dir.key(keys::DPO_PUBLIC), officer_text.as_bytes())?;
    let asks = match asks {
        Some(asks) => asks,
        None => Asks {
            organisation,
            key: keys::public(&SigningKey::load(&dir.key(keys::REQUESTER))?),
        },
    };
    let policy = policy(organisation, asks, &officer_key, allowance)?;
    write_private(&dir.policy(), policy.as_bytes())?;
    let mapping = snapshot::Mapping::municipal_register();
    write_private(&dir.mapping(), mapping.as_bytes())?;
    dir.write_config(&Config {
        version: 1,
        organisation: organisation.to_owned(),
        coordinator: None,
        taxonomy: None,
        witnesses: Vec::new(),
        retention: Retention::default(),
        page: Default::default(),
        dataset: Dataset {
            id: "clients".to_owned(),
            register: register.to_owned(),
        },
    })?;
    Ok((dir, officer))
}

/// The starter policy with other amounts.
fn policy(
    organisation: &str,
    asks: Asks<'_>,
    officer: &PublicKey,
    allowance: Allowance,
) -> Result<String> {
    let text = policy::starter(organisation, asks.organisation, &asks.key, officer);
    let mut policy: toml::Table = text.parse()?;
    let cap = i64::try_from(allowance.cap)?;
    let caps = policy
        .get_mut("caps")
        .and_then(toml::Value::as_table_mut)
        .context("caps")?;
    for (_, amount) in caps.iter_mut() {
        *amount = toml::Value::Integer(cap);
    }
    let rules = policy
        .get_mut("rules")
        .and_then(toml::Value::as_array_mut)
        .context("rules")?;
    for rule in rules.iter_mut().filter_map(toml::Value::as_table_mut) {
        if let Some(amount) = rule.get_mut("max_rho_per_query") {
            *amount = toml::Value::Integer(i64::try_from(allowance.per_query)?);
        }
    }
    Ok(toml::to_string(&policy)?)
}
