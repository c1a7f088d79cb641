//! Verifying the kept requests against the log, of which they are no part: whatever the log says was decided of a request must be kept, and
//! the decision kept must be one that the log allows. What no entry tells of a request is not found altered here: one that still
//! waits, that expired while it waited, or a decision under another policy, on another day, or of a study that began or ended meanwhile.

use crate::policies;
use crate::report::Problem;
use crate::requests::{self, DecidedRequest};
use crate::verify::Log;
use crate::{LedgerError, RULE};
use audit::{EntryKind, Header};
use policy::Decided;
use protocol::{PolicyText, Study};
use sqlx::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};

/// Rules that refuse a request before any policy decides it, so that it is not kept.
const BEFORE_POLICY: [&str; 3] = ["request", "study", "edition"];
/// A policy decides by the day, in UTC.
const DAY: i64 = 86_400;

/// Id and hash of a request, as entries state them.
type Key = (String, String);

pub(crate) async fn check_requests(
    connection: &mut SqliteConnection,
    log: &mut Log,
) -> Result<(), LedgerError> {
    let altered: BTreeSet<String> = requests::altered(&mut *connection)
        .await?
        .into_iter()
        .collect();
    let (mut contradicted, mut missing) = (BTreeSet::new(), BTreeSet::new());
    let kept: BTreeMap<Key, DecidedRequest> =
        (requests::all_readable(&mut *connection).await?.into_iter())
            .map(|kept| {
                (
                    (kept.request_id.clone(), protocol::hex(&kept.request_hash)),
                    kept,
                )
            })
            .collect();
    let told = Told {
        policies: policies_told(&mut *connection).await?,
        rules: rules(&mut *connection).await?,
    };
    let impossible = kept.iter().filter(|(_, row)| !told.is_possible(row));
    contradicted.extend(impossible.map(|((id, _), _)| id.clone()));
    let mut has_policies = false;
    // What refusals on the same day and under the same policy named.
    let mut refused: BTreeMap<&Key, Vec<&str>> = BTreeMap::new();
    for header in log.headers.values() {
        has_policies |= header.kind == EntryKind::PolicyChange;
        // A ledger of before there were policies kept no requests, nor is one kept that a restoration booked again.
        if !has_policies || !decides(header) {
            continue;
        }
        let text = |name| header.text(name).unwrap_or_default().to_owned();
        let key = (text("request"), text("request-hash"));
        let Some((key, row)) = kept.get_key_value(&key) else {
            missing.insert(key.0);
            continue;
        };
        let is_same = is_same_question(header, row);
        let fits = match header.kind {
            EntryKind::Decision => row.decided == Decided::Manual,
            EntryKind::Refusal if is_same => {
                let rule = header.text("rule").unwrap_or_default();
                if row.decided == Decided::Denied {
                    refused.entry(key).or_default().push(rule);
                }
                // What was denied first may have been left to a person since, for which its row alone changes.
                row.decided != Decided::Allowed || rule == RULE
            }
            EntryKind::Refusal => true,
            _ => told.allows(header, row, is_same),
        };
        if !fits {
            contradicted.insert(key.0.clone());
        }
    }
    for (key, rules) in refused {
        if !kept.get(key).is_some_and(|row| rules.contains(&&*row.rule)) {
            contradicted.insert(key.0.clone());
        }
    }
    contradicted.retain(|id| !altered.contains(id));
    missing.retain(|id| !altered.contains(id));
    let altered = (altered.into_iter()).map(|request_id| Problem::RequestAltered { request_id });
    let contradicted =
        (contradicted.into_iter()).map(|request_id| Problem::RequestContradicted { request_id });
    let missing = (missing.into_iter()).map(|request_id| Problem::RequestMissing { request_id });
    (log.problems).extend(altered.chain(contradicted).chain(missing));
    Ok(())
}

/// Whether the policy must have decided alike what an entry tells of and what is kept: the same policy, on the same day, of a study
/// in force at both times or at neither.
fn is_same_question(header: &Header, row: &DecidedRequest) -> bool {
    let study = (row.study.unverified_payload())
        .and_then(|study| serde_json::from_slice::<Study>(&study).ok());
    let in_force = |at| study.as_ref().map(|study| study.in_force(at));
    row.policy_hash.is_some()
        && row.policy_hash.as_deref() == header.text("policy-hash")
        && header.at >= row.at
        && header.at.div_euclid(DAY) == row.at.div_euclid(DAY)
        && in_force(header.at) == in_force(row.at)
}

/// Whether an entry says what became of a request that a policy had decided.
fn decides(header: &Header) -> bool {
    match header.kind {
        EntryKind::Charge | EntryKind::Reuse => header.number("recovered-by").is_none(),
        EntryKind::Refusal => !BEFORE_POLICY.contains(&header.text("rule").unwrap_or_default()),
        EntryKind::Decision => true,
        _ => false,
    }
}

/// What the log tells beside its headers.
struct Told {
    /// Every policy that came into force, by hash, with the rules of it that wait for a person where it can be read; none where any was altered.
    policies: BTreeMap<String, Option<BTreeSet<String>>>,
    /// The rule that allowed each charge and reuse, by entry.
    rules: BTreeMap<u64, String>,
}

impl Told {
    fn manual_rules(&self, policy: Option<&str>) -> Option<&BTreeSet<String>> {
        self.policies.get(policy?)?.as_ref()
    }

    /// Whether some policy can have decided what is kept: one that was in force, and by a rule that decides so.
    fn is_possible(&self, row: &DecidedRequest) -> bool {
        let policy = row.policy_hash.as_deref();
        if policy.is_some_and(|hash| !self.policies.is_empty() && !self.policies.contains_key(hash))
        {
            return false;
        }
        let waits = self
            .manual_rules(policy)
            .map(|manual| manual.contains(&row.rule));
        match (row.decided, waits) {
            (Decided::Manual, Some(waits)) => waits,
            (Decided::Allowed, Some(waits)) => !waits,
            // A denial names the rule that comes nearest, whatever that one asks for.
            (Decided::Denied, _) | (_, None) => true,
        }
    }

    /// Whether a request can have been allowed by this entry and be kept like this; `is_same` where the policy decided both alike.
    fn allows(&self, header: &Header, row: &DecidedRequest, is_same: bool) -> bool {
        let Some(rule) = self.rules.get(&header.index) else {
            return true;
        };
        let manual = self.manual_rules(header.text("policy-hash"));
        let waited = manual.map(|manual| manual.contains(rule));
        // Without a person's word, which only what waited gets, such a rule allows nothing.
        if waited == Some(true) && row.decided != Decided::Manual {
            return false;
        }
        let same = row.rule == *rule
            && row.decided != Decided::Denied
            && waited.is_none_or(|waited| waited == (row.decided == Decided::Manual));
        same || !is_same
    }
}

async fn policies_told(
    connection: &mut SqliteConnection,
) -> Result<BTreeMap<String, Option<BTreeSet<String>>>, LedgerError> {
    let policies = match policies::history(connection).await {
        // That it is altered is told where policies are verified.
        Err(LedgerError::Corrupt { .. }) => Vec::new(),
        policies => policies?,
    };
    Ok((policies.into_iter())
        .map(|policy| {
            let rules = PolicyText::read(&policy.document).map(|text| text.manual_rules);
            (policy.hash, rules)
        })
        .collect())
}

async fn rules(connection: &mut SqliteConnection) -> Result<BTreeMap<u64, String>, LedgerError> {
    let bodies: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT b.entry_index, b.body FROM bodies b JOIN entries e ON e.entry_index = b.entry_index \
         WHERE e.kind IN ('charge', 'reuse')",
    )
    .fetch_all(connection)
    .await?;
    Ok((bodies.into_iter())
        .filter_map(|(index, body)| {
            Some((u64::try_from(index).ok()?, String::from_utf8(body).ok()?))
        })
        .collect())
}
