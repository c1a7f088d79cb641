//! What a serving node holds: its keys, policy, studies, ledger, current edition and link to its witness.
//! It offers the steps of the flow in `answer`; their order stands there alone.

use crate::acts;
use crate::config::{Config, NodeDir};
use crate::editions::Edition;
use crate::keys;
use crate::link::{Link, LinkError};
use crate::policies;
use crate::sealed::SealedAnswer;
use crate::studies::{Studies, StudyUnusable};
use crate::witnessing::Witnessing;
use crate::words::Language;
use crate::words::faults::said;
use anyhow::{Context, Result};
use audit::NoteKey;
use identity::SigningKey;
use ledger::{Debit, Ledger, LedgerError, LogSigner, Reuse};
use mechanism::MechanismError;
use policy::{Authorizer, Denial, Permit};
use protocol::exchange::{DatasetNotice, GuaranteeNotice, Hello};
use protocol::{
    COORDINATOR_LOG, Envelope, PublicKey, Request, RequestError, VerifiedRequest, VerifiedStudy,
};
use snapshot::Snapshot;
use std::sync::{Arc, PoisonError, RwLock};

/// Why a request is left open. Never a function of the data.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The ledger could not be written or read.
    #[error("the ledger could not be used")]
    Ledger(#[from] LedgerError),
    /// The coordinator did not confirm the log.
    #[error("the log could not be witnessed")]
    Unwitnessed(#[from] LinkError),
    /// The witness holds another history than this log.
    #[error(
        "the witness holds another history of this log: restored from a backup? nothing is answered"
    )]
    HistoryDiffers,
    /// A further witness did not confirm the log.
    #[error("the log could not be confirmed by a second witness")]
    SecondWitness(#[source] witness::SubmitError),
    /// Witnesses did not confirm the log to another answer that asked them for both.
    #[error("the log could not be witnessed, which was asked for several answers at once")]
    Together(#[source] Arc<NodeError>),
    /// No noise could be drawn.
    #[error("the mechanism did not run")]
    Mechanism(#[from] MechanismError),
    /// A person has to approve it first.
    #[error("the request waits for a person")]
    WaitsForApproval,
    /// A person paused the node before anything was spent.
    #[error("the node is paused")]
    Paused,
    /// A computing task was lost.
    #[error("a computing task was lost")]
    Lost(#[from] tokio::task::JoinError),
    /// A stored or built format did not fit.
    #[error("a format of this program did not fit")]
    Format(#[from] serde_json::Error),
}

impl NodeError {
    /// What was wrong, also where it was found for several answers at once.
    pub fn cause(&self) -> &NodeError {
        match self {
            NodeError::Together(error) => error.cause(),
            error => error,
        }
    }
}

/// A serving node.
pub struct Node {
    dir: NodeDir,
    config: Config,
    key: SigningKey,
    requester: Option<SigningKey>,
    coordinator_log_key: NoteKey,
    policy: RwLock<Arc<Authorizer>>,
    studies: Studies,
    ledger: Ledger,
    edition: RwLock<Served>,
    link: Link,
    witnessing: Witnessing,
}

/// The edition a node serves.
#[derive(Clone, Default)]
struct Served {
    /// The last one that was built; none until the first is.
    edition: Option<Edition>,
    /// Why the one that is due could not be built.
    fault: Option<NotBuilt>,
}

/// Why an edition could not be built, in both languages of the node's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotBuilt {
    pub(crate) italian: String,
    pub(crate) english: String,
}

impl NotBuilt {
    pub(crate) fn of(error: &anyhow::Error) -> NotBuilt {
        NotBuilt {
            italian: said(error, Language::It),
            english: said(error, Language::En),
        }
    }
}

/// Opens a node's ledger with its log key.
///
/// # Errors
/// When the key or the database cannot be opened, or a restore is not finished.
pub async fn open_ledger(dir: &NodeDir, organisation: &str) -> Result<Ledger> {
    dir.ensure_not_restoring()?;
    open_ledger_to_restore(dir, organisation).await
}

/// Opens a node's ledger while it is being restored, to book what was lost.
pub(crate) async fn open_ledger_to_restore(dir: &NodeDir, organisation: &str) -> Result<Ledger> {
    let key = SigningKey::load(&dir.key(keys::NODE))?;
    let public = *key.public_key().as_bytes();
    let signer = LogSigner::new(&protocol::node_log(organisation), public, move |bytes| {
        key.sign(bytes)
    })?;
    Ok(Ledger::open(&dir.ledger(), signer).await?)
}

/// The policy in force: as the log holds it, so that a file edited on disk changes nothing; where none is in the log yet, the
/// file, which is what the node will install.
///
/// # Errors
/// When the document is not valid; the message names the key and the remedy.
pub async fn read_policy(dir: &NodeDir) -> Result<Authorizer> {
    match policies::in_force(dir).await? {
        Some(policy) => Authorizer::from_toml(&policy.document)
            .context("the policy in force cannot be read by this version"),
        None => policies::read_file(dir).map(|(_, policy)| policy),
    }
}

impl Node {
    /// Opens everything a node needs to serve; without an edition it answers nothing until one is published.
    ///
    /// # Errors
    /// When the node has not joined, or a file is missing or damaged.
    pub async fn open(dir: NodeDir, edition: Option<Edition>) -> Result<Node> {
        let link = Link::open(&dir, &dir.read_config()?)?;
        Node::open_with_link(dir, edition, link).await
    }

    /// As [`Node::open`], with a link of the caller's choosing.
    ///
    /// # Errors
    /// When a file is missing or damaged.
    pub async fn open_with_link(
        dir: NodeDir,
        edition: Option<Edition>,
        link: Link,
    ) -> Result<Node> {
        let config = dir.read_config()?;
        let requester = dir.key(keys::REQUESTER);
        let key = SigningKey::load(&dir.key(keys::NODE))?;
        let coordinator = keys::read_public(&dir.key(keys::COORDINATOR))?;
        let ledger = open_ledger(&dir, &config.organisation).await?;
        Ok(Node {
            witnessing: Witnessing::open(&dir, &config, &key, coordinator, &ledger).await?,
            key,
            requester: if requester.exists() {
                Some(SigningKey::load(&requester)?)
            } else {
                None
            },
            coordinator_log_key: NoteKey::log(COORDINATOR_LOG, coordinator.0)?,
            policy: RwLock::new(Arc::new(read_policy(&dir).await?)),
            studies: Studies::new(&dir, &config.organisation),
            ledger,
            edition: RwLock::new(Served {
                edition,
                fault: None,
            }),
            link,
            config,
            dir,
        })
    }

    /// Records the policy of the folder as installed, unless one is in force: the first is trusted as it was installed.
    ///
    /// # Errors
    /// When the file is not valid or the ledger cannot be written.
    pub async fn install_policy(&self, now: i64) -> Result<()> {
        if self.ledger.reader().policy().await?.is_none() {
            let (text, _) = policies::read_file(&self.dir)?;
            self.ledger.install_policy(&text, now).await?;
        }
        self.reload_policy().await?;
        Ok(())
    }

    /// Fixes the lifetime cap of the policy in force as what is promised, unless one is promised already.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn open_account(&self, now: i64) -> Result<(), LedgerError> {
        let lifetime = self.policy().caps().lifetime;
        self.ledger.open_account(lifetime, now).await
    }

    /// The organisation.
    pub fn organisation(&self) -> &str {
        &self.config.organisation
    }

    /// The folder.
    pub fn dir(&self) -> &NodeDir {
        &self.dir
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The studies.
    pub fn studies(&self) -> &Studies {
        &self.studies
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn witnessing(&self) -> &Witnessing {
        &self.witnessing
    }

    /// The link to the coordinator.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The key that signs answers and the log.
    pub fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    /// The key that signs the coordinator's log.
    pub fn coordinator_log_key(&self) -> &NoteKey {
        &self.coordinator_log_key
    }

    /// The key that signs requests, where this organisation asks questions.
    pub fn requester_key(&self) -> Option<&SigningKey> {
        self.requester.as_ref()
    }

    /// Hash of the policy in force.
    pub fn policy_hash(&self) -> String {
        self.policy().policy_hash().to_owned()
    }

    /// Keys that may sign as officers, and keys that may add a second signature only.
    pub(crate) fn signers(&self) -> (Vec<PublicKey>, Vec<PublicKey>) {
        let policy = self.policy();
        (policy.dpo_keys(), policy.second_keys())
    }

    /// Studies kept here that the officer has not countersigned.
    pub(crate) fn studies_to_countersign(&self) -> Vec<String> {
        let policy = self.policy();
        let (requesters, officers) = (policy.requester_keys(), policy.dpo_keys());
        let mut ids = self.studies.ids();
        ids.retain(|id| {
            (self.studies.study(id, &requesters)).is_ok_and(|study| {
                let hash = protocol::hex(&study.hash());
                let consented = self.studies.consented(id, &hash, &requesters, &officers);
                consented.is_err()
            })
        });
        ids
    }

    pub(crate) fn policy(&self) -> Arc<Authorizer> {
        match self.policy.read() {
            Ok(policy) => policy.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    /// Reads the policy in force again, and swaps it whole if it is another: built aside, or not at all.
    ///
    /// # Errors
    /// When the ledger cannot be read; then the policy stays as it was.
    pub async fn reload_policy(&self) -> Result<bool> {
        let in_force = self.ledger.reader().policy().await?;
        if in_force.is_none_or(|policy| policy.hash == self.policy().policy_hash()) {
            return Ok(false);
        }
        let fresh = read_policy(&self.dir).await?;
        let fresh = Arc::new(fresh);
        match self.policy.write() {
            Ok(mut policy) => *policy = fresh,
            Err(poisoned) => *poisoned.into_inner() = fresh,
        }
        Ok(true)
    }

    /// Replaces the edition served.
    pub fn publish(&self, edition: Edition) {
        self.serve_from(Served {
            edition: Some(edition),
            fault: None,
        });
    }

    /// Keeps why the edition that is due could not be built, for the organisation's own eyes.
    pub(crate) fn note_not_built(&self, fault: NotBuilt) {
        self.serve_from(Served {
            edition: self.current_edition(),
            fault: Some(fault),
        });
    }

    fn serve_from(&self, served: Served) {
        *(self.edition.write()).unwrap_or_else(PoisonError::into_inner) = served;
    }

    fn served(&self) -> Served {
        (self.edition.read())
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn current_edition(&self) -> Option<Edition> {
        self.served().edition
    }

    /// Number of the edition served, once there is one.
    pub fn edition_number(&self) -> Option<u32> {
        self.current_edition().map(|edition| edition.number)
    }

    /// Why the edition that is due could not be built.
    pub(crate) fn edition_fault(&self) -> Option<NotBuilt> {
        self.served().fault
    }

    /// What the node says of itself: public facts. Without an edition it serves no dataset.
    pub fn hello(&self) -> Hello {
        let dataset = self.current_edition().map(|edition| DatasetNotice {
            id: self.config.dataset.id.clone(),
            edition: edition.number,
            finest_level: edition.snapshot.finest_level(),
        });
        Hello {
            version: protocol::VERSION,
            datasets: dataset.into_iter().collect(),
            policy_hash: self.policy().policy_hash().to_owned(),
        }
    }

    /// Keys of the requesters that the policy pins.
    pub fn pinned_requesters(&self) -> Vec<PublicKey> {
        self.policy().requester_keys()
    }

    /// Keys of the data protection officers that the policy pins.
    pub fn pinned_officers(&self) -> Vec<PublicKey> {
        self.policy().dpo_keys()
    }

    /// The new guarantees to be made known.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn promised(&self) -> Result<Vec<GuaranteeNotice>, LedgerError> {
        acts::promised(self.ledger.reader()).await
    }

    pub(crate) fn consented_study(
        &self,
        request: &Request,
    ) -> Result<VerifiedStudy, StudyUnusable> {
        self.studies.consented(
            &request.study,
            &request.study_hash,
            &self.pinned_requesters(),
            &self.pinned_officers(),
        )
    }

    /// The snapshot a request was signed for.
    pub(crate) fn edition(
        &self,
        verified: &VerifiedRequest,
    ) -> Result<Arc<Snapshot>, (&'static str, &'static str)> {
        let request = verified.request();
        if request.dataset != self.config.dataset.id {
            return Err(("dataset", "unknown-dataset"));
        }
        let current = (self.current_edition())
            .filter(|edition| edition.number == request.edition)
            .ok_or(("edition", "not-the-current-edition"))?;
        // A public fact of the mapping: the register knows no finer areas.
        if !verified
            .query()
            .level()
            .within(current.snapshot.finest_level())
        {
            return Err(("level", "finer-than-the-register"));
        }
        // So is whether it records a quantity.
        let quantity = verified.query().measure().quantity();
        if quantity.is_some_and(|quantity| !current.snapshot.records(quantity)) {
            return Err(("quantity", "not-in-the-register"));
        }
        // And which targets it can be asked about.
        let lacks = (verified.query().needs_fields()).without(current.snapshot.attributes());
        if !lacks.is_empty() {
            return Err(("targets", "not-evaluable"));
        }
        Ok(current.snapshot)
    }

    pub(crate) async fn refuse(
        &self,
        request: &VerifiedRequest,
        denial: Denial,
        now: i64,
    ) -> Result<SealedAnswer, NodeError> {
        let id = &request.request().id;
        self.ledger
            .record_refusal(id, request.hash(), &denial, now)
            .await?;
        SealedAnswer::refusal(
            id,
            request.hash_hex(),
            self.organisation(),
            denial,
            &self.key,
        )
    }

    /// Refuses what is not even a valid request; only its claimed id and the hash of its bytes are kept.
    pub(crate) async fn refuse_unverified(
        &self,
        envelope: &Envelope,
        error: &RequestError,
        now: i64,
    ) -> Result<SealedAnswer, NodeError> {
        let payload = envelope.unverified_payload().unwrap_or_default();
        let hash = protocol::sha256(&payload);
        let id = serde_json::from_slice::<Request>(&payload)
            .ok()
            .map(|request| request.id)
            .filter(|id| protocol::from_hex::<16>(id).is_some())
            .unwrap_or_else(|| "unreadable".to_owned());
        let denial = denial("request", error.field_and_code());
        self.ledger.record_refusal(&id, hash, &denial, now).await?;
        SealedAnswer::refusal(
            &id,
            protocol::hex(&hash),
            self.organisation(),
            denial,
            &self.key,
        )
    }

    pub(crate) async fn reseal(
        &self,
        permit: Permit,
        reuse: Reuse,
        request: &VerifiedRequest,
        now: i64,
    ) -> Result<SealedAnswer, NodeError> {
        let sealed = SealedAnswer::reseal(permit, reuse.body(), request, &self.key)?;
        self.ledger
            .store_reused(reuse, sealed.envelope(), now)
            .await?;
        self.witness(now).await?;
        Ok(sealed)
    }

    /// Stores a sealed answer. Where another was stored meanwhile, that one is the answer.
    pub(crate) async fn store(
        &self,
        debit: Debit,
        sealed: SealedAnswer,
        now: i64,
    ) -> Result<SealedAnswer, NodeError> {
        let stored = self
            .ledger
            .store_answer(debit, sealed.outcome(), sealed.envelope(), now)
            .await;
        match stored {
            Ok(_) => Ok(sealed),
            Err(LedgerError::AlreadyAnswered { request_id }) => {
                match self.ledger.reader().answer(&request_id).await? {
                    Some(envelope) => Ok(SealedAnswer::stored(envelope)),
                    None => Err(LedgerError::AlreadyAnswered { request_id }.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A refusal by a step that is no policy.
pub(crate) fn denial(rule: &str, (field, code): (&str, &str)) -> Denial {
    Denial {
        rule: rule.to_owned(),
        field: field.to_owned(),
        code: code.to_owned(),
    }
}
