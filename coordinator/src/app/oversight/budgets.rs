//! What each organisation has been asked to spend, under the caps of its published policy, and when that will be used up.
//! It is counted from requests, refused ones aside, so it is at least what the nodes charged; their own ledgers alone decide.

use super::policies;
use super::reach::Reach;
use crate::Problem;
use crate::app::preview::Loss;
use crate::app::release::DELTA;
use crate::clock::rfc3339;
use crate::state::State;
use crate::store::studies::StoredStudy;
use crate::store::totals::{self, DayLoss};
use crate::store::{organisations, published_policies, studies};
use policy::Caps;
use privacy_loss::{Exhaustion, NanoRho, Pace, exhaustion};
use protocol::SubCap;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What one cap stands at.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BudgetLine {
    /// The year, dataset, purpose or study; empty for the whole.
    pub key: String,
    /// What was asked of it.
    pub spent: Loss,
    /// The cap, where a policy or study states it.
    pub cap: Option<Loss>,
    /// What is left of it.
    pub left: Option<Loss>,
    /// `used-up`, `at`, `not-in-period`, or `no-pace` where nothing was asked lately; absent without a cap.
    pub exhaustion: Option<&'static str>,
    /// When it will be used up at the pace of the last 90 days, RFC 3339; for `at`.
    pub exhausted_at: Option<String>,
}

/// An organisation's budget.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NodeBudget {
    /// The organisation.
    pub organisation: String,
    /// Its name.
    pub name: String,
    /// Whether its node published the policy in force, so that its caps are known.
    pub caps_are_known: bool,
    /// The lifetime cap.
    pub lifetime: BudgetLine,
    /// Calendar years, latest first.
    pub years: Vec<BudgetLine>,
    /// Datasets.
    pub datasets: Vec<BudgetLine>,
    /// Purposes.
    pub purposes: Vec<BudgetLine>,
    /// Studies.
    pub studies: Vec<BudgetLine>,
}

/// What a person known to several organisations may have lost in all.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CitywideLoss {
    /// `1`, `3` or `all`.
    pub known_to: &'static str,
    /// How many organisations that is.
    pub organisations: usize,
    /// The most they have been asked to spend in sum.
    pub spent: Loss,
    /// The same once every lifetime cap is reached; absent where a cap is not known.
    pub at_caps: Option<Loss>,
}

/// All budgets within reach.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BudgetsView {
    /// The delta of every epsilon.
    pub delta: f64,
    /// Organisations.
    pub nodes: Vec<NodeBudget>,
    /// Over all organisations, whoever looks.
    pub citywide: Vec<CitywideLoss>,
}

fn loss(rho: NanoRho) -> Loss {
    Loss {
        rho: rho.nano(),
        epsilon: privacy_loss::epsilon(rho, DELTA),
    }
}

/// One cap with the charges that count against it.
fn line(
    key: &str,
    charges: &[(i64, NanoRho)],
    cap: Option<NanoRho>,
    now: i64,
    until: Option<i64>,
) -> BudgetLine {
    let spent = total(charges.iter().map(|(_, rho)| *rho));
    let left = cap.map(|cap| cap.saturating_sub(spent));
    let ends = left.map(|left| exhaustion(charges, left, Pace::Recent, now, until));
    BudgetLine {
        key: key.to_owned(),
        spent: loss(spent),
        cap: cap.map(loss),
        left: left.map(loss),
        exhausted_at: match ends {
            Some(Exhaustion::At(at)) => Some(rfc3339(at)),
            _ => None,
        },
        exhaustion: ends.map(|ends| match ends {
            Exhaustion::UsedUp => "used-up",
            Exhaustion::At(_) => "at",
            Exhaustion::NotInPeriod => "not-in-period",
            Exhaustion::NoPace => "no-pace",
        }),
    }
}

fn total(amounts: impl Iterator<Item = NanoRho>) -> NanoRho {
    NanoRho::new(amounts.fold(0, |sum, rho| sum.saturating_add(rho.nano())))
}

/// The calendar year of a second, and its first second after, UTC.
fn year(at: i64) -> Option<(String, i64)> {
    let date = (jiff::Timestamp::from_second(at).ok()?)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let next = jiff::civil::date(date.year().checked_add(1)?, 1, 1);
    let end = next.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some((date.year().to_string(), end.as_second()))
}

/// The budget of one organisation.
fn node(
    organisation: &organisations::Organisation,
    losses: &[DayLoss],
    caps: Option<&Caps>,
    known: &[StoredStudy],
    now: i64,
) -> NodeBudget {
    let study = |id: &str| (known.iter()).find(|stored| stored.study.id == id);
    let mut parts: BTreeMap<(SubCap, String), Vec<(i64, NanoRho)>> = BTreeMap::new();
    let mut all = Vec::new();
    for day in losses {
        let charge = (day.day, NanoRho::new(day.rho));
        all.push(charge);
        let purpose = study(&day.study).map(|stored| stored.study.purpose.clone());
        let keys = [
            (SubCap::Year, year(day.day).map(|(year, _)| year)),
            (SubCap::Dataset, Some(day.dataset.clone())),
            (SubCap::Purpose, purpose),
            (SubCap::Study, Some(day.study.clone())),
        ];
        for (part, key) in keys {
            if let Some(key) = key {
                parts.entry((part, key)).or_default().push(charge);
            }
        }
    }
    // A year in which nothing was asked has a cap all the same, and so has a study.
    if let Some((this, _)) = year(now) {
        parts.entry((SubCap::Year, this)).or_default();
    }
    for stored in known {
        let asks = stored.study.participants.contains(&organisation.id);
        if asks && stored.study.in_force(now) {
            let id = stored.study.id.clone();
            parts.entry((SubCap::Study, id)).or_default();
        }
    }
    let lines = |part: SubCap| {
        (parts.iter().filter(move |((kind, _), _)| *kind == part)).map(
            move |((_, key), charges)| {
                let by_policy = caps.map(|caps| caps.limit(part, key).min(caps.lifetime));
                let by_study = (part == SubCap::Study)
                    .then(|| study(key).map(|stored| stored.study.max_rho_total))
                    .flatten();
                let cap = by_policy.into_iter().chain(by_study).min();
                let until = match part {
                    SubCap::Year => charges
                        .last()
                        .map_or(Some(now), |(at, _)| Some(*at))
                        .and_then(|at| Some(year(at)?.1)),
                    SubCap::Study => study(key).map(|stored| stored.study.valid_until),
                    SubCap::Dataset | SubCap::Purpose => None,
                };
                line(key, charges, cap, now, until)
            },
        )
    };
    NodeBudget {
        caps_are_known: caps.is_some(),
        lifetime: line("", &all, caps.map(|caps| caps.lifetime), now, None),
        years: lines(SubCap::Year).rev().collect(),
        datasets: lines(SubCap::Dataset).collect(),
        purposes: lines(SubCap::Purpose).collect(),
        studies: lines(SubCap::Study).collect(),
        organisation: organisation.id.clone(),
        name: organisation.name.clone(),
    }
}

/// The largest losses in sum of one, of three and of all organisations. zCDP adds up.
fn citywide(nodes: &[NodeBudget]) -> Vec<CitywideLoss> {
    let mut spent: Vec<u64> = (nodes.iter()).map(|node| node.lifetime.spent.rho).collect();
    spent.sort_unstable_by(|a, b| b.cmp(a));
    let caps: Option<Vec<u64>> = (nodes.iter())
        .map(|node| Some(node.lifetime.cap.as_ref()?.rho))
        .collect();
    let caps = caps.map(|mut caps| {
        caps.sort_unstable_by(|a, b| b.cmp(a));
        caps
    });
    let most = |amounts: &[u64], m: usize| {
        loss(total(amounts.iter().take(m).map(|rho| NanoRho::new(*rho))))
    };
    [("1", 1), ("3", 3), ("all", nodes.len())]
        .into_iter()
        .map(|(known_to, m)| CitywideLoss {
            known_to,
            organisations: m.min(nodes.len()),
            spent: most(&spent, m),
            at_caps: caps.as_ref().map(|caps| most(caps, m)),
        })
        .collect()
}

/// All budgets within reach.
///
/// # Errors
/// [`Problem::Forbidden`] to whoever belongs to no organisation.
pub async fn budgets(app: &State, reach: Reach<'_>) -> Result<BudgetsView, Problem> {
    if matches!(reach, Reach::Asker(_)) {
        return Err(Problem::Forbidden);
    }
    let now = app.clock.now();
    let mut reader = app.database.read().await?;
    let known = studies::studies(&mut reader).await?;
    let losses = totals::losses_by_day(&mut reader).await?;
    let mut nodes = Vec::new();
    for organisation in organisations::organisations(&mut reader).await? {
        let own: Vec<DayLoss> = (losses.iter())
            .filter(|day| day.organisation == organisation.id)
            .cloned()
            .collect();
        if organisation.keys.is_none() && own.is_empty() {
            continue;
        }
        let (id, hash) = (&organisation.id, &organisation.policy_hash);
        let policy = published_policies::policy_by_hash(&mut reader, id, hash).await?;
        let document = policy.and_then(|policy| policies::readable(&policy).document);
        let caps = document.as_ref().map(|document| &document.caps);
        nodes.push(node(&organisation, &own, caps, &known, now));
    }
    let citywide = citywide(&nodes);
    nodes.retain(|node| reach.has_organisation(&node.organisation));
    Ok(BudgetsView {
        delta: DELTA,
        nodes,
        citywide,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000;

    fn organisation(id: &str) -> organisations::Organisation {
        organisations::Organisation {
            id: id.to_owned(),
            name: id.to_uppercase(),
            revoked: false,
            keys: None,
            policy_hash: String::new(),
            last_seen: None,
        }
    }

    fn day(days_ago: i64, rho: u64) -> DayLoss {
        DayLoss {
            organisation: "a".to_owned(),
            dataset: "services".to_owned(),
            study: "home-care".to_owned(),
            day: NOW - days_ago * 86_400,
            rho,
        }
    }

    #[test]
    fn every_cap_shows_what_is_left_and_until_when_it_lasts() {
        let mut caps = Caps::undivided(NanoRho::new(1_000));
        caps.per_dataset = NanoRho::new(300);
        let losses = [day(45, 100), day(10, 200)];
        let budget = node(&organisation("a"), &losses, Some(&caps), &[], NOW);
        assert_eq!(budget.lifetime.spent.rho, 300);
        assert_eq!(
            budget.lifetime.left.as_ref().map(|left| left.rho),
            Some(700)
        );
        assert_eq!(budget.lifetime.exhaustion, Some("at"));
        // 300 in 45 days: 700 last 105 days more.
        let expected = rfc3339(NOW + 105 * 86_400);
        assert_eq!(budget.lifetime.exhausted_at.as_ref(), Some(&expected));
        assert_eq!(budget.datasets[0].key, "services");
        assert_eq!(budget.datasets[0].exhaustion, Some("used-up"));
        assert_eq!(budget.years[0].key, "2026");
        assert_eq!(budget.years[0].exhaustion, Some("not-in-period"));
        let unknown = node(&organisation("a"), &losses, None, &[], NOW);
        assert!(!unknown.caps_are_known && unknown.lifetime.left.is_none());
        assert_eq!(unknown.lifetime.spent.rho, 300);
    }

    #[test]
    fn citywide_loss_adds_the_largest_up() {
        let caps = Caps::undivided(NanoRho::new(1_000));
        let nodes: Vec<NodeBudget> = [10, 40, 20, 30]
            .into_iter()
            .map(|rho| node(&organisation("a"), &[day(1, rho)], Some(&caps), &[], NOW))
            .collect();
        let sums: Vec<(u64, Option<u64>)> = (citywide(&nodes).iter())
            .map(|it| (it.spent.rho, it.at_caps.as_ref().map(|caps| caps.rho)))
            .collect();
        assert_eq!(
            sums,
            [(40, Some(1_000)), (90, Some(3_000)), (100, Some(4_000))]
        );
        let without = node(&organisation("b"), &[], None, &[], NOW);
        let mixed = [nodes, vec![without]].concat();
        assert!(citywide(&mixed).iter().all(|it| it.at_caps.is_none()));
    }
}
