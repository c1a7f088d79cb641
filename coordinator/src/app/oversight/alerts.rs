//! What somebody who answers for the data should look at now: alarms and refusals of the log, questions at unusual hours, nodes that
//! are behind, certificates and budgets near their end. Each has a code, for which the website says why and what to do next.

use super::budgets::{self, NodeBudget};
use super::italy::is_unusual;
use super::reach::Reach;
use super::study_records;
use crate::app::policy_history::PolicyHistory;
use crate::app::second_witness::Fault;
use crate::clock::rfc3339;
use crate::state::State;
use crate::store::organisations::Organisation;
use crate::store::{certificates, checkpoints, datasets, log, organisations, queries};
use crate::{CoordinatorError, Problem};
use audit::{EntryKind, Header};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::SqliteConnection;
use std::collections::BTreeMap;
use utoipa::ToSchema;

const DAY: i64 = 86_400;
/// How far back alarms are shown.
pub const ALARM_DAYS: i64 = 90;
/// How far back refusals and hours are looked at.
pub const RECENT_DAYS: i64 = 30;
/// A node that has not called for so long is behind.
const SILENT: i64 = DAY;
/// A study that an officer has not countersigned for so long.
const UNSIGNED: i64 = 14 * DAY;
/// Refused sign-ins of a week that are worth a look.
const SIGN_INS: u64 = 10;
/// Most entries that are read.
const ENTRIES: i64 = 5_000;
/// The code of the alarm that a node saw another log of the coordinator than this one.
pub(crate) const SET_BACK: &str = "coordinator-set-back";

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Alert {
    /// `danger`, `warning` or `info`.
    pub severity: &'static str,
    /// What it is.
    pub code: String,
    /// The organisation it concerns.
    pub node: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// When it last happened, RFC 3339.
    pub at: String,
    /// How often.
    pub count: u64,
    /// What its sentence needs.
    #[schema(value_type = Object)]
    pub params: Map<String, Value>,
    /// The latest entry of the coordinator's log about it.
    pub entry: Option<u64>,
}

/// All alerts within reach, the gravest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AlertsView {
    /// The alerts.
    pub alerts: Vec<Alert>,
    /// How many days back alarms are looked for.
    pub alarm_days: i64,
    /// How many days back everything else is.
    pub recent_days: i64,
}

impl Alert {
    fn new(severity: &'static str, code: &str, at: i64) -> Alert {
        Alert {
            severity,
            code: code.to_owned(),
            node: None,
            name: None,
            at: rfc3339(at),
            count: 1,
            params: Map::new(),
            entry: None,
        }
    }

    fn of(mut self, node: &str) -> Alert {
        self.node = Some(node.to_owned());
        self
    }

    fn param(mut self, key: &str, value: Value) -> Alert {
        self.params.insert(key.to_owned(), value);
        self
    }

    fn rank(&self) -> u8 {
        match self.severity {
            "danger" => 0,
            "warning" => 1,
            _ => 2,
        }
    }
}

/// Entries that say the same of the same organisation, as one alert with the latest of them.
fn grouped(headers: &[Header]) -> Vec<Alert> {
    let text = |header: &Header, key: &str| header.text(key).unwrap_or_default().to_owned();
    let mut groups: BTreeMap<[String; 4], Vec<&Header>> = BTreeMap::new();
    for header in headers {
        let key = ["code", "node", "rule", "reason"].map(|key| text(header, key));
        groups.entry(key).or_default().push(header);
    }
    (groups.into_iter())
        .filter_map(|([code, node, rule, reason], headers)| {
            let latest = headers.iter().max_by_key(|header| header.index)?;
            let severity = match latest.kind {
                EntryKind::Alarm => "danger",
                // A policy that refuses does its work.
                _ if code == "node-refused" || code == "query-declined" => "info",
                _ => "warning",
            };
            let mut alert = Alert::new(severity, &code, latest.at);
            alert.count = headers.len() as u64;
            alert.entry = Some(latest.index);
            if !node.is_empty() {
                alert = alert.of(&node);
            }
            for (key, value) in [
                ("rule", rule),
                ("reason", reason),
                ("field", text(latest, "field")),
            ] {
                if !value.is_empty() {
                    alert = alert.param(key, json!(value));
                }
            }
            Some(alert)
        })
        .collect()
}

/// Questions at unusual hours, one alert per account that asked them; `asked` is newest first.
fn unusual_hours(asked: &[(i64, String)]) -> Vec<Alert> {
    let mut by_account: BTreeMap<&str, (i64, u64)> = BTreeMap::new();
    for (at, account) in asked.iter().filter(|(at, _)| is_unusual(*at)) {
        let (latest, count) = by_account.entry(account).or_insert((*at, 0));
        *latest = (*latest).max(*at);
        *count += 1;
    }
    (by_account.into_iter())
        .map(|(account, (at, count))| {
            let alert = Alert::new("warning", "unusual-hours", at);
            Alert {
                count,
                ..alert.param("account", json!(account))
            }
        })
        .collect()
}

/// Certificates that should have been renewed: nodes do so with a third of the life left.
fn certificate(node: &str, not_before: i64, not_after: i64, now: i64) -> Option<Alert> {
    let life = not_after - not_before;
    if now >= not_after {
        Some(Alert::new("danger", "certificate-expired", not_after).of(node))
    } else if (not_after - now) < life / 4 {
        let days = (not_after - now) / DAY;
        let alert = Alert::new("warning", "certificate-near-expiry", now).of(node);
        Some(alert.param("days", json!(days)))
    } else {
        None
    }
}

/// A lifetime cap that is used up, or nearly so.
fn budget(node: &NodeBudget, now: i64) -> Option<Alert> {
    let (cap, left) = (node.lifetime.cap.as_ref()?, node.lifetime.left.as_ref()?);
    let (severity, code) = if left.rho == 0 {
        ("danger", "budget-used-up")
    } else if left.rho < cap.rho / 5 {
        ("warning", "budget-low")
    } else {
        return None;
    };
    let percent = u128::from(left.rho) * 100 / u128::from(cap.rho.max(1));
    let mut alert = Alert::new(severity, code, now).of(&node.organisation);
    alert = alert.param("percent", json!(u64::try_from(percent).unwrap_or(100)));
    Some(match &node.lifetime.exhausted_at {
        Some(at) => alert.param("until", json!(at)),
        None => alert,
    })
}

/// A further witness that does not cosign this log. After a day it matters: whoever demands that witness finds entries uncosigned.
fn witness(fault: &Fault, now: i64) -> Alert {
    let severity = match now - fault.since < DAY {
        true => "warning",
        false => "danger",
    };
    let code = match fault.status {
        None => "witness-out-of-reach",
        Some(_) => "witness-refuses",
    };
    let alert = Alert::new(severity, code, fault.since).param("witness", json!(fault.name));
    match fault.status {
        None => alert,
        Some(status) => alert.param("status", json!(status)),
    }
}

/// A policy in force of which only the hash is known, or that does not follow from the officers known here.
async fn policy(
    reader: &mut SqliteConnection,
    organisation: &Organisation,
    now: i64,
) -> Result<Option<Alert>, CoordinatorError> {
    let hash = &organisation.policy_hash;
    if hash.is_empty() {
        return Ok(None);
    }
    let pinned = organisation.keys.as_ref().map(|keys| &keys.dpo);
    let history = PolicyHistory::of(reader, &organisation.id, pinned).await?;
    let (severity, code) = match history.find(hash) {
        None => ("info", "policy-unpublished"),
        Some(step) if !step.follows => ("warning", "policy-does-not-follow"),
        Some(_) => return Ok(None),
    };
    Ok(Some(Alert::new(severity, code, now).of(&organisation.id)))
}

/// All alerts within reach.
///
/// # Errors
/// [`Problem::Forbidden`] to whoever belongs to no organisation.
pub async fn alerts(app: &State, reach: Reach<'_>) -> Result<AlertsView, Problem> {
    let budgets = budgets::budgets(app, reach).await?;
    let now = app.clock.now();
    let mut alerts: Vec<Alert> = (budgets.nodes.iter())
        .filter_map(|node| budget(node, now))
        .collect();
    alerts.extend((app.witness_faults.all().iter()).map(|fault| witness(fault, now)));
    let mut reader = app.database.read().await?;
    let (long, recent) = (now - ALARM_DAYS * DAY, now - RECENT_DAYS * DAY);
    let mut alarms = log::latest_of_kinds(&mut reader, &[EntryKind::Alarm], long, ENTRIES).await?;
    // A node that cosigns again holds this log for its past: its officers have accepted that it was set back.
    let cosigned = checkpoints::cosigned_last(&mut reader).await?;
    alarms.retain(|alarm| {
        let again = alarm.text("node").and_then(|node| cosigned.get(node));
        alarm.text("code") != Some(SET_BACK) || again.is_none_or(|again| *again < alarm.at)
    });
    let refusals =
        log::latest_of_kinds(&mut reader, &[EntryKind::Refusal], recent, ENTRIES).await?;
    alerts.extend(grouped(&alarms));
    alerts.extend(grouped(&refusals));
    alerts.extend(unusual_hours(
        &queries::asked_since(&mut reader, recent, ENTRIES).await?,
    ));
    let week = now - 7 * DAY;
    let mut sign_ins =
        log::latest_of_kinds(&mut reader, &[EntryKind::Login], week, ENTRIES).await?;
    sign_ins.retain(|header| header.text("code") == Some("sign-in-refused"));
    if sign_ins.len() as u64 >= SIGN_INS {
        let latest = sign_ins.first().map_or(now, |header| header.at);
        let mut alert = Alert::new("warning", "sign-ins-refused", latest);
        alert.count = sign_ins.len() as u64;
        alerts.push(alert);
    }
    for (node, not_before, not_after) in certificates::certificates_in_use(&mut reader).await? {
        alerts.extend(certificate(&node, not_before, not_after, now));
    }
    let known = organisations::organisations(&mut reader).await?;
    let served = datasets::datasets(&mut reader).await?;
    let latest_edition = served.iter().map(|dataset| dataset.notice.edition).max();
    for organisation in known.iter().filter(|it| it.keys.is_some() && !it.revoked) {
        let id = &organisation.id;
        let seen = app.hub.last_seen(id).max(organisation.last_seen);
        if seen.is_none_or(|seen| now - seen > SILENT) {
            let alert = Alert::new("warning", "node-silent", seen.unwrap_or(now)).of(id);
            alerts.push(alert);
        }
        let own = served.iter().filter(|dataset| dataset.organisation == *id);
        for dataset in own.filter(|dataset| Some(dataset.notice.edition) < latest_edition) {
            let alert = Alert::new("warning", "edition-behind", now).of(id);
            let alert = alert.param("dataset", json!(dataset.notice.id));
            let alert = alert.param("edition", json!(dataset.notice.edition));
            alerts.push(alert.param("latest", json!(latest_edition)));
        }
        // Its documents are read and its signatures counted, which nobody has to wait for who does not see it.
        if reach.has_organisation(id) {
            alerts.extend(policy(&mut reader, organisation, now).await?);
        }
    }
    drop(reader);
    for study in study_records::list(app, reach).await? {
        let since: Option<jiff::Timestamp> = study.added_at.parse().ok();
        let since = since.map_or(now, |since| since.as_second());
        if study.state == "ended" || now - since < UNSIGNED {
            continue;
        }
        for missing in study
            .countersignatures
            .iter()
            .filter(|it| it.state == "missing")
        {
            let alert = Alert::new("info", "study-unsigned", since).of(&missing.organisation);
            alerts.push(alert.param("study", json!(study.id)));
        }
    }
    alerts.retain(|alert| match &alert.node {
        Some(node) => reach.has_organisation(node),
        None => reach == Reach::All,
    });
    for alert in &mut alerts {
        let organisation = known.iter().find(|it| Some(&it.id) == alert.node.as_ref());
        alert.name = organisation.map(|it| it.name.clone());
    }
    alerts.sort_by(|a, b| (a.rank(), &b.at, &a.code).cmp(&(b.rank(), &a.at, &b.code)));
    Ok(AlertsView {
        alerts,
        alarm_days: ALARM_DAYS,
        recent_days: RECENT_DAYS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_worth_a_look_once_its_node_missed_renewing_it() {
        let alert = |day: i64| certificate("a", 0, 90 * DAY, day * DAY).map(|alert| alert.code);
        assert_eq!(alert(60), None);
        assert_eq!(alert(67), None);
        assert_eq!(alert(68).as_deref(), Some("certificate-near-expiry"));
        assert_eq!(alert(90).as_deref(), Some("certificate-expired"));
    }

    #[test]
    fn a_witness_that_does_not_cosign_is_an_alert_and_after_a_day_a_grave_one() {
        let fault = |status| Fault {
            name: "university.example/witness".to_owned(),
            status,
            since: 0,
        };
        let alert = witness(&fault(None), 60);
        assert_eq!(
            (alert.severity, &*alert.code),
            ("warning", "witness-out-of-reach")
        );
        assert_eq!(alert.params["witness"], "university.example/witness");
        let alert = witness(&fault(Some(403)), DAY);
        assert_eq!(
            (alert.severity, &*alert.code),
            ("danger", "witness-refuses")
        );
        assert_eq!(alert.params["status"], 403);
    }

    #[test]
    fn entries_that_say_the_same_are_one_alert_with_the_latest_of_them() {
        let header = |index: u64, kind, code: &str, node: &str| Header {
            at: index as i64,
            facts: [("code", code), ("node", node)]
                .map(|(key, value)| (key.to_owned(), audit::Fact::from(value)))
                .into(),
            index,
            kind,
            version: 1,
        };
        let alerts = grouped(&[
            header(9, EntryKind::Refusal, "node-refused", "a"),
            header(7, EntryKind::Refusal, "node-refused", "a"),
            header(5, EntryKind::Alarm, "history-differs", "b"),
        ]);
        let facts: Vec<_> = (alerts.iter())
            .map(|it| (it.code.as_str(), it.severity, it.count, it.entry))
            .collect();
        assert_eq!(
            facts,
            [
                ("history-differs", "danger", 1, Some(5)),
                ("node-refused", "info", 2, Some(9))
            ]
        );
    }
}
