//! Policies as nodes publish them: taken in once, read as documents, and compared in decisions.
//! They say what an organisation promised; that its node decides so is what receipts and its log show.

use super::reach::Reach;
use crate::CoordinatorError;
use crate::Problem;
use crate::app::policy_history::{PolicyHistory, PolicyLinks, Step};
use crate::clock::rfc3339;
use crate::node_problem::NodeProblem;
use crate::state::State;
use crate::store::log::{self, Entry};
use crate::store::organisations::{self, Organisation};
use crate::store::published_policies::{self, PublishedPolicy};
use audit::EntryKind;
use policy::diff::Direction;
use policy::{Authorizer, Day, Effect, PolicyDocument, Rule};
use protocol::{Envelope, PublicKey, VerifiedPolicyPublication};
use serde::Serialize;
use utoipa::ToSchema;

use super::changes::{Folded, folded};

/// Most rows of a comparison.
const CHANGES: usize = 400;

/// A rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleView {
    /// Its name, as receipts and refusals give it.
    pub id: String,
    /// `allow` or `deny`.
    pub effect: &'static str,
    /// Whether a person approves each question.
    pub manual: bool,
    /// Who asks.
    pub requesters: Vec<String>,
    /// For which purposes.
    pub purposes: Vec<String>,
    /// On which lawful bases.
    pub lawful_bases: Vec<String>,
    /// About which categories of data.
    pub categories: Vec<String>,
    /// Counting what.
    pub measures: Vec<String>,
    /// About which targets.
    pub targets: Vec<String>,
    /// How finely at most.
    pub finest_level: Option<&'static str>,
    /// Most loss of one question, nano-rho.
    pub max_rho_per_query: Option<u64>,
    /// First day.
    pub valid_from: Option<String>,
    /// Last day.
    pub valid_until: Option<String>,
    /// What answers under it owe; absent for a denial.
    pub owed: Option<OwedView>,
}

impl From<&Rule> for RuleView {
    fn from(rule: &Rule) -> RuleView {
        RuleView {
            id: rule.id.clone(),
            effect: match rule.effect {
                Effect::Allow => "allow",
                Effect::Deny => "deny",
            },
            manual: rule.approval() == policy::Approval::Manual,
            requesters: rule.requesters.clone(),
            purposes: rule.purposes.clone(),
            lawful_bases: rule.lawful_bases.clone(),
            categories: rule.categories().to_vec(),
            measures: rule.measures.clone(),
            targets: rule.targets.clone(),
            finest_level: rule.finest_level.map(|level| level.id()),
            max_rho_per_query: rule.max_rho_per_query.map(|rho| rho.nano()),
            valid_from: rule.valid_from.map(|day| day.to_string()),
            valid_until: rule.valid_until.map(|day| day.to_string()),
            owed: None,
        }
    }
}

/// What whoever receives an answer owes, as a policy or a node's receipt states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwedView {
    /// `requester`, `participants` or `public`: who may see what is made of it.
    pub audience: &'static str,
    /// Values below it are shown as "fewer than".
    pub display_minimum: u32,
    /// How many months it may be kept.
    pub retention_months: u32,
}

impl RuleView {
    /// A rule as it reads in its document.
    fn of(rule: &Rule, document: &PolicyDocument) -> RuleView {
        let allows = rule.effect == Effect::Allow;
        let owed = document.releases_of(rule);
        RuleView {
            owed: allows.then_some(OwedView {
                audience: owed.audience.id(),
                display_minimum: owed.display_minimum,
                retention_months: owed.retention_months,
            }),
            ..RuleView::from(rule)
        }
    }
}

/// A rule of a document.
pub(super) fn rule(document: &PolicyDocument, id: &str) -> Option<RuleView> {
    (document.rules.iter())
        .find(|rule| rule.id == id)
        .map(|rule| RuleView::of(rule, document))
}

/// What a published policy says, where this version can read it.
#[derive(Clone, Debug)]
pub(crate) struct Readable {
    pub(crate) document: Option<PolicyDocument>,
}

/// Reads a published policy.
pub(crate) fn readable(stored: &PublishedPolicy) -> Readable {
    Readable {
        document: PolicyDocument::parse(&stored.document).ok(),
    }
}

/// A version of a policy, in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VersionView {
    /// SHA-256 of the document, hex.
    pub hash: String,
    /// The version it replaced; absent where it was installed with the node.
    pub replaces: Option<String>,
    /// Why, in the officers' words.
    pub reason: Option<String>,
    /// Keys of the officers known here who signed it, hex: those of the version it replaced, where that one follows, otherwise at most
    /// the one pinned when the organisation joined; none where it was installed.
    pub signers: Vec<String>,
    /// How many officers of the version it replaced had to sign it; absent where it was installed, or that version does not follow.
    pub signers_needed: Option<usize>,
    /// Whether it follows, signature by signature, from the officers known here: it is the first one installed that names the key pinned
    /// when the organisation joined, or enough officers of one that follows signed it.
    pub follows: bool,
    /// When it was signed or first published, RFC 3339.
    pub signed_at: String,
    /// When it came here, RFC 3339.
    pub received_at: String,
    /// Whether it is in force.
    pub in_force: bool,
    /// Whether this coordinator can read it as a document; its text is there all the same.
    pub readable: bool,
}

/// An organisation's policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrganisationPolicies {
    /// The organisation.
    pub organisation: String,
    /// Its name.
    pub name: String,
    /// Hash of the policy its node says is in force, hex.
    pub in_force: Option<String>,
    /// Whether its node published that one.
    pub published: bool,
    /// All versions it published, newest first.
    pub versions: Vec<VersionView>,
}

fn version(step: &Step, organisation: &Organisation) -> VersionView {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let policy = &step.policy;
    VersionView {
        in_force: policy.hash == organisation.policy_hash,
        readable: PolicyDocument::parse(&policy.document).is_ok(),
        hash: policy.hash.clone(),
        replaces: some(&policy.replaces),
        reason: some(&policy.reason),
        signers: step.signers.iter().map(PublicKey::to_string).collect(),
        signers_needed: step.signers_needed,
        follows: step.follows,
        signed_at: rfc3339(policy.signed_at),
        received_at: rfc3339(policy.received_at),
    }
}

/// Most signatures that an act may have: each is checked against each officer wherever the policies are read.
const MOST_SIGNATURES: usize = 32;
/// Most policies taken in of one organisation within a day, each counted once for each that it replaced. Nobody is shut out by it for longer.
const MOST_A_DAY: usize = 100;
const DAY: i64 = 86_400;

/// Takes in a policy that an organisation's node publishes; the same again is fine.
///
/// # Errors
/// [`NodeProblem`] where it is not the node's word, or neither the policy it says is in force nor one that a published one replaced.
pub async fn publish(
    app: &State,
    organisation: &str,
    envelope: &Envelope,
) -> Result<(), NodeProblem> {
    let now = app.clock.now();
    let mut transaction = app.database.write().await?;
    let known = organisations::organisation_by_id(&mut transaction, organisation).await?;
    let missing = || CoordinatorError::Corrupt {
        what: "organisation",
    };
    let known = known.ok_or_else(missing)?;
    let keys = known.keys.ok_or_else(missing)?;
    let verified = VerifiedPolicyPublication::verify(envelope, &keys.node, organisation);
    let Ok(publication) = verified else {
        return Err(NodeProblem::refused(
            422,
            "signature-not-accepted",
            "publish the policy signed with the node key shown when joining",
        ));
    };
    if publication.signatures() > MOST_SIGNATURES {
        return Err(NodeProblem::refused(
            422,
            "too-many-signatures",
            "publish the act with its officers' signatures only, 32 at most",
        ));
    }
    let hash = publication.policy_hash();
    let links = PolicyLinks::of(&mut transaction, organisation).await?;
    if hash != known.policy_hash && !links.replaced(&hash) {
        return Err(NodeProblem::refused(
            409,
            "other-policy",
            "greet with the hash of the policy in force before publishing it, and publish each after the one that replaced it",
        ));
    }
    let is_new = published_policies::policy_insert(
        &mut transaction,
        organisation,
        &publication,
        envelope,
        now,
    )
    .await?;
    let since = now - DAY;
    if is_new
        && published_policies::count_since(&mut transaction, organisation, since).await?
            > MOST_A_DAY
    {
        return Err(NodeProblem::refused(
            429,
            "too-many-policies",
            "100 policies of this organisation came here within a day; hand in the others tomorrow",
        ));
    }
    if is_new {
        let mut entry = Entry::new(EntryKind::PolicyChange, "policy-published")
            .node(organisation)
            .fact("policy-hash", hash);
        if let Some(act) = publication.act() {
            entry = (entry.fact("act", act.id.as_str())).fact("replaces", act.replaces.as_str());
        }
        log::append(&mut transaction, now, entry).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// All policies within reach.
///
/// # Errors
/// [`Problem::Forbidden`] to whoever belongs to no organisation.
pub async fn list(app: &State, reach: Reach<'_>) -> Result<Vec<OrganisationPolicies>, Problem> {
    if matches!(reach, Reach::Asker(_)) {
        return Err(Problem::Forbidden);
    }
    let mut reader = app.database.read().await?;
    let mut published = published_policies::policies(&mut reader, None).await?;
    Ok(
        (organisations::organisations(&mut reader).await?.into_iter())
            .filter(|organisation| reach.has_organisation(&organisation.id))
            .map(|organisation| {
                let own = |policy: &mut PublishedPolicy| policy.organisation == organisation.id;
                let pinned = organisation.keys.as_ref().map(|keys| &keys.dpo);
                let own = published.extract_if(.., own).collect();
                let history = PolicyHistory::new(own, pinned);
                let versions: Vec<VersionView> = (history.steps().iter().rev())
                    .map(|step| version(step, &organisation))
                    .collect();
                OrganisationPolicies {
                    published: versions.iter().any(|version| version.in_force),
                    in_force: Some(organisation.policy_hash).filter(|hash| !hash.is_empty()),
                    versions,
                    organisation: organisation.id,
                    name: organisation.name,
                }
            })
            .collect(),
    )
}

/// What differs between two policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ComparisonView {
    /// The earlier one, hex.
    pub before: String,
    /// Points at which more is allowed than before.
    pub wider: usize,
    /// Points at which less is.
    pub narrower: usize,
    /// Points at which other losses are.
    pub other: usize,
    /// The points, those that read alike together.
    pub changes: Vec<Folded>,
    /// How many such groups are not shown.
    pub left_out: usize,
    /// What else differs: caps, officers, keys, obligations, validity; each as `what: before -> after`.
    pub terms: Vec<String>,
}

/// A policy in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PolicyRecord {
    /// The organisation.
    pub organisation: String,
    /// Its name.
    pub name: String,
    /// As in the list.
    pub version: VersionView,
    /// The document as it is kept, TOML.
    pub document: String,
    /// Its rules, where this version can read them.
    pub rules: Vec<RuleView>,
    /// Lifetime cap, nano-rho, where this version can read it.
    pub lifetime: Option<u64>,
    /// How many officers must sign the next one.
    pub threshold: Option<usize>,
    /// What changed from the version before, in decisions; absent where that one was not published or cannot be read.
    pub comparison: Option<ComparisonView>,
    /// Versions it can be compared with.
    pub others: Vec<String>,
}

/// One policy, compared with `against` or, without, with the one it replaced.
///
/// # Errors
/// [`Problem::Forbidden`] or [`Problem::NotFound`].
pub async fn record(
    app: &State,
    reach: Reach<'_>,
    organisation: &str,
    hash: &str,
    against: Option<&str>,
) -> Result<PolicyRecord, Problem> {
    if !reach.has_organisation(organisation) {
        return Err(match reach {
            Reach::Asker(_) => Problem::Forbidden,
            _ => Problem::NotFound,
        });
    }
    let mut reader = app.database.read().await?;
    let known = organisations::organisation_by_id(&mut reader, organisation)
        .await?
        .ok_or(Problem::NotFound)?;
    let pinned = known.keys.as_ref().map(|keys| &keys.dpo);
    let history = PolicyHistory::of(&mut reader, organisation, pinned).await?;
    drop(reader);
    let step = history.find(hash).ok_or(Problem::NotFound)?;
    let policy = &step.policy;
    let before = match against {
        Some(against) => Some(history.find(against).ok_or(Problem::NotFound)?),
        None => history.find(&policy.replaces),
    }
    .map(|step| step.policy.clone());
    let day = Day::of(app.clock.now());
    let after = policy.document.clone();
    let compared = match before {
        None => None,
        // Deciding every point twice takes its time.
        Some(before) => {
            let compare = move || compare(&before, &after, day);
            (tokio::task::spawn_blocking(compare).await)
                .map_err(|_| CoordinatorError::Corrupt { what: "policy" })?
        }
    };
    let document = PolicyDocument::parse(&policy.document).ok();
    Ok(PolicyRecord {
        version: version(step, &known),
        organisation: known.id,
        name: known.name,
        document: policy.document.clone(),
        rules: (document.iter())
            .flat_map(|document| (document.rules.iter()).map(|rule| RuleView::of(rule, document)))
            .collect(),
        lifetime: (document.as_ref()).map(|document| document.caps.lifetime.nano()),
        threshold: document.as_ref().map(|document| document.dpo.threshold()),
        comparison: compared,
        others: (history.steps().iter().rev())
            .map(|step| step.policy.hash.clone())
            .filter(|other| *other != policy.hash)
            .collect(),
    })
}

fn compare(before: &PublishedPolicy, after: &str, day: Day) -> Option<ComparisonView> {
    let first = Authorizer::from_toml(&before.document).ok()?;
    let second = Authorizer::from_toml(after).ok()?;
    let changes = policy::diff::decisions(&first, &second, day);
    let count = |direction| {
        (changes.iter())
            .filter(|change| change.direction() == direction)
            .count()
    };
    let mut folded = folded(&changes);
    let left_out = folded.len().saturating_sub(CHANGES);
    folded.truncate(CHANGES);
    Some(ComparisonView {
        before: before.hash.clone(),
        wider: count(Direction::Wider),
        narrower: count(Direction::Narrower),
        other: count(Direction::Other),
        changes: folded,
        left_out,
        terms: policy::diff::terms(&first, &second),
    })
}
