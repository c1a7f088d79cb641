//! The query log as people read it: who asked what, what each organisation decided and why, what it cost and what remained.
//! It says what requests and signed answers say; the node's own ledger alone says what was charged.

use super::policies::{self, OwedView, RuleView};
use super::reach::Reach;
use crate::app::preview::Loss;
use crate::app::release::DELTA;
use crate::clock::rfc3339;
use crate::state::State;
use crate::store::decisions::{self, Decision, DecisionRow, Filter, Place, Word};
use crate::store::studies::StoredStudy;
use crate::store::{answers, checkpoints, log, organisations, published_policies, studies, totals};
use crate::{CoordinatorError, Problem};
use audit::SignedCheckpoint;
use policy::{Asked, Decided, Denial, Language, PolicyDocument, denial_in_words, is_of_a_policy};
use privacy_loss::NanoRho;
use protocol::{Answer, Outcome, PublicKey, Receipt, SubCap};
use serde::Serialize;
use serde_json::Value;
use sqlx::SqliteConnection;
use taxonomy::Taxonomy;
use utoipa::ToSchema;

/// Most rows of one page.
pub const PAGE: i64 = 200;
/// Most words of a search, and most characters of each.
const WORDS: usize = 6;
const WORD: usize = 64;

/// One decision, in a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DecisionView {
    /// Identifier of its page: the request's, or the query's where nobody was asked.
    pub id: String,
    /// The query.
    pub query: String,
    /// The question in canonical form.
    #[schema(value_type = Object)]
    pub question: Value,
    /// The study.
    pub study: String,
    /// Its title.
    pub study_title: String,
    /// Its purpose.
    pub purpose: String,
    /// The organisation that asks.
    pub requester: String,
    /// The account that asked.
    pub asked_by: String,
    /// When, RFC 3339.
    pub asked_at: String,
    /// The organisation asked; absent where nobody was.
    pub organisation: Option<String>,
    /// Its dataset.
    pub dataset: Option<String>,
    /// The edition asked about.
    pub edition: Option<u32>,
    /// `answered`, `refused`, `declined`, `waiting`, `unanswered` or `reused`.
    pub decision: String,
    /// The rule that refused, or that declined to sign.
    pub rule: Option<String>,
    /// The field at fault.
    pub field: Option<String>,
    /// Why.
    pub code: Option<String>,
    /// What it was to cost the organisation, nano-rho.
    pub rho: Option<u64>,
    /// Its release.
    pub release: Option<String>,
}

/// A page of decisions, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DecisionsView {
    /// The rows.
    pub decisions: Vec<DecisionView>,
    /// Where the next page begins; absent on the last.
    pub next: Option<String>,
}

/// A sentence in both languages of the website.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Sentence {
    /// Italian.
    pub it: String,
    /// English.
    pub en: String,
}

/// One part of what was released, as the node's receipt says.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SliceView {
    /// A level, or `cut-off`.
    pub of: String,
    /// Its cells.
    pub cells: usize,
    /// Its share of the loss, nano-rho.
    pub rho: u64,
    /// Parameter of the mechanism.
    pub sigma: f64,
}

/// What the node signed about its answer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ReceiptView {
    /// The mechanism.
    pub mechanism: String,
    /// The parts of the answer.
    pub slices: Vec<SliceView>,
    /// Most cells one person influences.
    pub cells_per_unit: u32,
    /// Most per cell.
    pub per_cell: u32,
    /// Where the noise came from.
    pub noise_source: String,
    /// Whether the same cells were released before, at no further loss.
    pub reused: bool,
    /// The rule that allowed it.
    pub rule: String,
    /// The policy, hex.
    pub policy_hash: String,
    /// The charge's entry in the node's own log.
    pub charge_index: u64,
    /// What whoever receives the answer owes, as the node signed it; absent in answers of earlier formats.
    pub owed: Option<OwedView>,
}

/// The head of the node's log that the coordinator cosigned last and that holds the charge.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NodeHead {
    /// Number of entries.
    pub size: u64,
    /// The checkpoint with its cosignature, C2SP text.
    pub note: String,
}

/// What was left after a decision, as far as it was asked from here.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Remaining {
    /// What the study may spend at this organisation in all.
    pub study_limit: Loss,
    /// What was left of it.
    pub study_left: Loss,
    /// The organisation's lifetime cap by its published policy.
    pub lifetime_limit: Option<Loss>,
    /// What was left of it.
    pub lifetime_left: Option<Loss>,
}

/// An entry of the coordinator's log.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EntryView {
    /// Its leaf's index.
    pub index: u64,
    /// Its kind.
    pub kind: &'static str,
    /// What happened.
    pub code: String,
    /// When, RFC 3339.
    pub at: String,
}

/// Everything about one decision.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DecisionRecord {
    /// As in the list.
    #[serde(flatten)]
    pub decision: DecisionView,
    /// Lawful basis of the study.
    pub lawful_basis: String,
    /// Grounds for special categories.
    pub special_categories: Vec<String>,
    /// Hash of the question, hex.
    pub question_hash: String,
    /// When the decision came, RFC 3339.
    pub decided_at: Option<String>,
    /// Why it was refused, in words.
    pub explanation: Option<Sentence>,
    /// A policy, hex: for an answer the one it was decided under, as the node's receipt says; otherwise the one in force when it was asked.
    pub policy_hash: Option<String>,
    /// Whether the decision was made under that policy. A refusal does not say under which it was made: another one may have come into
    /// force since it was asked, as while it waited for a person.
    pub policy_is_of_the_decision: bool,
    /// Whether the node published that policy.
    pub policy_is_published: bool,
    /// The rule that decided, as that policy has it, where it was published.
    pub rule_text: Option<RuleView>,
    /// What it cost.
    pub cost: Option<Loss>,
    /// The delta of every epsilon.
    pub delta: f64,
    /// What was left.
    pub remaining: Option<Remaining>,
    /// What the node signed about its answer.
    pub receipt: Option<ReceiptView>,
    /// Whether the stored answer still carries the signature of its node: `holds` or `broken`; absent without an answer.
    pub answer_signature: Option<&'static str>,
    /// The node's own log, where it is cosigned here.
    pub node_head: Option<NodeHead>,
    /// The entries of the coordinator's log about it, oldest first.
    pub entries: Vec<EntryView>,
}

/// What is looked for, as it comes in an address.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Filters that need no study.
    pub filter: Filter,
    /// A study.
    pub study: Option<String>,
    /// A purpose.
    pub purpose: Option<String>,
    /// Words.
    pub text: Option<String>,
}

fn loss(rho: u64) -> Loss {
    Loss {
        rho,
        epsilon: privacy_loss::epsilon(NanoRho::new(rho), DELTA),
    }
}

/// A page of the decisions within reach.
///
/// # Errors
/// [`CoordinatorError`].
pub async fn list(
    app: &State,
    reach: Reach<'_>,
    wanted: Wanted,
    after: Option<&Place>,
    limit: i64,
) -> Result<DecisionsView, CoordinatorError> {
    let limit = limit.clamp(1, PAGE);
    let mut reader = app.database.read().await?;
    let known = studies::studies(&mut reader).await?;
    let filter = filter(&mut reader, wanted, &known).await?;
    let mut rows = decisions::page(&mut reader, reach, &filter, after, limit + 1).await?;
    let more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = (rows.last().filter(|_| more)).map(|row| row.place().text());
    let decisions = (rows.into_iter())
        .map(|row| view(row, &known))
        .collect::<Result<_, _>>()?;
    Ok(DecisionsView { decisions, next })
}

/// The filter of a search: studies by purpose, words by what they may name.
async fn filter(
    reader: &mut SqliteConnection,
    wanted: Wanted,
    known: &[StoredStudy],
) -> Result<Filter, CoordinatorError> {
    let mut filter = wanted.filter;
    if wanted.study.is_some() || wanted.purpose.is_some() {
        let studies = (known.iter().map(|stored| &stored.study))
            .filter(|study| wanted.study.as_ref().is_none_or(|id| *id == study.id))
            .filter(|study| (wanted.purpose.as_ref()).is_none_or(|id| *id == study.purpose))
            .map(|study| study.id.clone());
        filter.studies = Some(studies.collect());
    }
    let text = wanted.text.unwrap_or_default().to_lowercase();
    if text.trim().is_empty() {
        return Ok(filter);
    }
    let named = organisations::organisations(reader).await?;
    for word in text.split_whitespace().take(WORDS) {
        let word: String = word.chars().take(WORD).collect();
        let has = |name: &str| name.to_lowercase().contains(&word);
        filter.words.push(Word {
            targets: (Taxonomy::built_in().targets().iter())
                .filter(|target| has(&target.id) || has(&target.it) || has(&target.en))
                .map(|target| target.id.clone())
                .collect(),
            studies: (known.iter().map(|stored| &stored.study))
                .filter(|study| has(&study.id) || has(&study.title) || has(&study.purpose))
                .map(|study| study.id.clone())
                .collect(),
            organisations: (named.iter())
                .filter(|organisation| has(&organisation.name))
                .map(|organisation| organisation.id.clone())
                .collect(),
            text: word,
        });
    }
    Ok(filter)
}

fn view(row: DecisionRow, known: &[StoredStudy]) -> Result<DecisionView, CoordinatorError> {
    let study = (known.iter()).find(|stored| stored.study.id == row.study);
    let decision = row.decision();
    let (rule, field, code) = match (&row.declined, &row.request) {
        (Some((field, code)), _) => (
            Some("requester".to_owned()),
            Some(field.clone()),
            Some(code.clone()),
        ),
        (None, Some(request)) => match request.refusal.clone() {
            Some((rule, field, code)) => (Some(rule), Some(field), Some(code)),
            None => (None, None, None),
        },
        (None, None) => (None, None, None),
    };
    Ok(DecisionView {
        id: row.id().to_owned(),
        question: serde_json::from_str(&row.question)?,
        study_title: study.map_or(String::new(), |stored| stored.study.title.clone()),
        purpose: study.map_or(String::new(), |stored| stored.study.purpose.clone()),
        requester: row.requester,
        asked_by: row.asked_by,
        asked_at: rfc3339(row.asked_at),
        organisation: (row.request.as_ref()).map(|request| request.organisation.clone()),
        dataset: (row.request.as_ref()).map(|request| request.dataset.clone()),
        edition: row.request.as_ref().map(|request| request.edition),
        decision: decision.id().to_owned(),
        rule,
        field,
        code,
        rho: row.request.as_ref().map(|request| request.rho),
        query: row.query,
        study: row.study,
        release: row.release,
    })
}

/// Everything about one decision; `None` where it is not there or out of reach.
///
/// # Errors
/// [`Problem::Internal`].
pub async fn record(
    app: &State,
    reach: Reach<'_>,
    id: &str,
) -> Result<Option<DecisionRecord>, Problem> {
    let mut reader = app.database.read().await?;
    let Some(row) = decisions::decision_by_id(&mut reader, reach, id).await? else {
        return Ok(None);
    };
    let study = studies::study_by_id(&mut reader, &row.study)
        .await?
        .ok_or(CoordinatorError::Corrupt { what: "study" })?;
    let entries = entries(&mut reader, &row).await?;
    let answer = answer(&mut reader, &row).await?;
    let receipt = answer.as_ref().and_then(|(_, receipt)| receipt.clone());
    let answer_signature = answer.map(|(signature, _)| signature);
    let policy_hash = match (&receipt, &row.request) {
        (Some(receipt), _) => Some(receipt.policy_hash.clone()),
        (None, request) => request.as_ref().map(|request| request.policy_hash.clone()),
    };
    let policy = policy(&mut reader, &row, policy_hash.as_deref()).await?;
    let decided_by = match (&receipt, &row.request) {
        (Some(receipt), _) => Some(receipt.rule.clone()),
        (None, Some(request)) => request.refusal.as_ref().map(|(rule, ..)| rule.clone()),
        _ => None,
    };
    let remaining = remaining(&mut reader, &row, &study, policy.as_ref()).await?;
    let node_head = node_head(&mut reader, &row, receipt.as_ref()).await?;
    let request = row.request.clone();
    let decision = row.decision();
    let question_hash = row.question_hash.clone();
    let document = policy.as_ref().and_then(|policy| policy.document.as_ref());
    let explanation = explanation(&row, &study, document);
    Ok(Some(DecisionRecord {
        lawful_basis: study.study.lawful_basis.clone(),
        special_categories: study.study.special_categories.clone(),
        question_hash,
        decided_at: (request.as_ref())
            .filter(|_| decision != Decision::Waiting)
            .map(|request| rfc3339(request.state_at)),
        explanation,
        policy_hash,
        policy_is_of_the_decision: receipt.is_some(),
        policy_is_published: policy.is_some(),
        rule_text: decided_by.and_then(|rule| {
            let document = policy.as_ref()?.document.as_ref()?;
            policies::rule(document, &rule)
        }),
        cost: (request.as_ref())
            .filter(|_| decision == Decision::Answered)
            .map(|request| loss(request.rho)),
        delta: DELTA,
        remaining,
        receipt: receipt.map(receipt_view),
        answer_signature,
        node_head,
        entries,
        decision: view(row, std::slice::from_ref(&study))?,
    }))
}

/// Why a node's policy refused, with what was asked and what its rule has; none for what the node itself or a person refused.
fn explanation(
    row: &DecisionRow,
    study: &StoredStudy,
    policy: Option<&PolicyDocument>,
) -> Option<Sentence> {
    let request = row.request.as_ref()?;
    let (rule, field, code) = request.refusal.clone()?;
    let denial = Denial { rule, field, code };
    if !is_of_a_policy(&denial) {
        return None;
    }
    let study = &study.study;
    let asked = Asked {
        version: 1,
        at: request.state_at,
        request: request.id.clone(),
        requester: row.requester.clone(),
        purpose: study.purpose.clone(),
        study: study.id.clone(),
        lawful_basis: study.lawful_basis.clone(),
        special_grounds: study.special_categories.clone(),
        query: row.question.clone(),
        decided: Decided::Denied,
    };
    let question = asked.question();
    let words = |language| denial_in_words(&denial, question.as_ref(), policy, language);
    Some(Sentence {
        it: words(Language::It),
        en: words(Language::En),
    })
}

/// The entries about a decision: its request's, and those about the whole question.
pub(super) async fn entries_of(
    reader: &mut SqliteConnection,
    row: &DecisionRow,
) -> Result<Vec<log::Leaf>, CoordinatorError> {
    let mut leaves = log::leaves_of_query(reader, &row.query).await?;
    leaves.retain(|leaf| match (leaf.header.text("request"), &row.request) {
        (Some(of), Some(request)) => of == request.id,
        (Some(_), None) => false,
        (None, _) => true,
    });
    Ok(leaves)
}

async fn entries(
    reader: &mut SqliteConnection,
    row: &DecisionRow,
) -> Result<Vec<EntryView>, CoordinatorError> {
    Ok((entries_of(reader, row).await?.into_iter())
        .map(|leaf| EntryView {
            index: leaf.header.index,
            kind: leaf.header.kind.as_str(),
            code: leaf.header.text("code").unwrap_or_default().to_owned(),
            at: rfc3339(leaf.header.at),
        })
        .collect())
}

/// Whether the stored answer holds, and its receipt.
async fn answer(
    reader: &mut SqliteConnection,
    row: &DecisionRow,
) -> Result<Option<(&'static str, Option<Receipt>)>, CoordinatorError> {
    let Some(request) = &row.request else {
        return Ok(None);
    };
    let Some(stored) = answers::answer_by_request(reader, &request.id).await? else {
        return Ok(None);
    };
    let signed = Answer::signed_by(&stored.envelope, &[stored.node_key]);
    let fits = signed.ok().filter(|answer| {
        answer.request_id == request.id
            && answer.request_hash == protocol::hex(&protocol::sha256(&stored.request_payload))
    });
    Ok(Some(match fits.map(|answer| answer.outcome) {
        Some(Outcome::Answered { receipt, .. }) => ("holds", Some(receipt)),
        Some(Outcome::Refused { .. }) => ("holds", None),
        None => ("broken", None),
    }))
}

async fn policy(
    reader: &mut SqliteConnection,
    row: &DecisionRow,
    hash: Option<&str>,
) -> Result<Option<policies::Readable>, CoordinatorError> {
    let (Some(request), Some(hash)) = (&row.request, hash) else {
        return Ok(None);
    };
    let stored = published_policies::policy_by_hash(reader, &request.organisation, hash).await?;
    Ok(stored.as_ref().map(policies::readable))
}

async fn remaining(
    reader: &mut SqliteConnection,
    row: &DecisionRow,
    study: &StoredStudy,
    policy: Option<&policies::Readable>,
) -> Result<Option<Remaining>, CoordinatorError> {
    let Some(request) = &row.request else {
        return Ok(None);
    };
    let organisation = &request.organisation;
    let (id, at) = (Some(study.study.id.as_str()), row.asked_at);
    let in_study = totals::asked_until(reader, organisation, id, at).await?;
    let in_all = totals::asked_until(reader, organisation, None, at).await?;
    let caps = policy
        .and_then(|policy| policy.document.as_ref())
        .map(|document| &document.caps);
    // The study's own signed limit and the policy's cap of one study hold beside each other.
    let of_study = study.study.max_rho_total.nano();
    let limit = caps.map_or(of_study, |caps| {
        of_study.min(caps.limit(SubCap::Study, &study.study.id).nano())
    });
    let lifetime = caps.map(|caps| caps.lifetime.nano());
    Ok(Some(Remaining {
        study_limit: loss(limit),
        study_left: loss(limit.saturating_sub(in_study)),
        lifetime_limit: lifetime.map(loss),
        lifetime_left: lifetime.map(|lifetime| loss(lifetime.saturating_sub(in_all))),
    }))
}

fn receipt_view(receipt: Receipt) -> ReceiptView {
    ReceiptView {
        slices: (receipt.slices.into_iter())
            .map(|slice| SliceView {
                of: slice.of,
                cells: slice.cells,
                rho: slice.rho.nano(),
                sigma: slice.sigma,
            })
            .collect(),
        mechanism: receipt.mechanism,
        cells_per_unit: receipt.cells_per_unit,
        per_cell: receipt.per_cell,
        noise_source: receipt.noise_source,
        reused: receipt.reused,
        rule: receipt.rule,
        policy_hash: receipt.policy_hash,
        charge_index: receipt.charge_index,
        owed: receipt.obligations.map(|owed| OwedView {
            audience: owed.audience.id(),
            display_minimum: owed.display_minimum,
            retention_months: owed.retention_months,
        }),
    }
}

async fn node_head(
    reader: &mut SqliteConnection,
    row: &DecisionRow,
    receipt: Option<&Receipt>,
) -> Result<Option<NodeHead>, CoordinatorError> {
    let (Some(request), Some(receipt)) = (&row.request, receipt) else {
        return Ok(None);
    };
    let known = organisations::organisation_by_id(reader, &request.organisation).await?;
    let Some(key) = known.and_then(|known| Some(known.keys?.node)) else {
        return Ok(None);
    };
    let head = checkpoints::checkpoint_latest(reader, &request.organisation, &key).await?;
    Ok(head
        .filter(|head| head.size > receipt.charge_index)
        .map(|head| NodeHead {
            size: head.size,
            note: head.cosigned,
        }))
}

/// The witness key of an organisation's node for heads of the coordinator's log.
pub(super) fn witness_key(
    organisation: &str,
    key: &PublicKey,
) -> Result<audit::NoteKey, CoordinatorError> {
    Ok(audit::NoteKey::witness(
        &protocol::node_log(organisation),
        key.0,
    )?)
}

/// The head of the log as it stands, with the signature of the coordinator.
pub(super) async fn present_head(
    app: &State,
    reader: &mut SqliteConnection,
) -> Result<SignedCheckpoint, CoordinatorError> {
    log::checkpoint(reader, app.database.signer()).await
}
