//! Why no plan is allowed, and the smallest change that would allow one.

use crate::median::{self, Count, Effort, Standing};
use crate::placement::Placement;
use crate::problem::{Model, Problem, SiteStatus, Tables};
use crate::solve::marks;
use crate::stability::Quiet;
use crate::watch::Watch;
use std::sync::Arc;

/// Names shown before the rest is counted.
const NAMED: usize = 3;

/// Required and closed sites against p.
pub(crate) fn contradiction(problem: &Problem) -> Option<String> {
    let p = problem.p?;
    let required = (problem.sites.iter())
        .filter(|site| site.status.is_open())
        .count();
    let allowed = (problem.sites.iter())
        .filter(|site| site.status != SiteStatus::Closed)
        .count();
    if required > p {
        return Some(format!(
            "{required} sites are required but p is {p}; raise p to {required}, or require fewer"
        ));
    }
    let exactly = !matches!(problem.model, Model::Warehouse | Model::Lscp);
    (exactly && p > allowed).then(|| {
        format!(
            "only {allowed} sites may open but p is {p}; lower p to {allowed}, or allow more sites"
        )
    })
}

fn named<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let ids: Vec<&str> = ids.collect();
    let mut text = ids
        .iter()
        .take(NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    if ids.len() > NAMED {
        text.push_str(&format!(" and {} more", ids.len() - NAMED));
    }
    text
}

/// Areas that no site that may open can serve.
pub(crate) fn unreachable(
    problem: &Problem,
    tables: &Tables,
    placement: &Placement,
) -> Option<String> {
    let allowed: Vec<bool> = (placement.instance.standing.iter())
        .map(|standing| *standing != Standing::Closed)
        .collect();
    let alone = placement.unserved(&allowed);
    if alone.is_empty() {
        return None;
    }
    let areas = named(alone.iter().map(|&row| problem.demand[row].id.as_str()));
    let nearest = alone
        .iter()
        .map(|&row| {
            (tables.reach[row].iter())
                .filter(|(site, _)| allowed[*site as usize])
                .map(|&(_, minutes)| minutes)
                .fold(f64::INFINITY, f64::min)
        })
        .fold(0.0, f64::max);
    Some(if nearest.is_finite() && problem.radius.is_some() {
        format!(
            "{areas}: no site that may open lies within the radius; raise the radius to {nearest}, or allow a site nearer"
        )
    } else {
        format!(
            "{areas}: no site that may open is reachable; add a pair to the travel table, allow a site there, or leave the area out"
        )
    })
}

/// How many sites it would take to reach everybody who must be served.
fn needed(placement: &Placement, watch: &dyn Watch) -> Option<usize> {
    let mut instance = placement.instance.clone();
    let open: Vec<bool> = vec![true; instance.sites()];
    let rows = (0..instance.points())
        .map(|row| {
            (instance.network.reach(row).0.iter())
                .map(|&site| (site, 0.0))
                .collect()
        })
        .collect();
    instance.weight = (0..instance.points())
        .map(|row| {
            let must = placement.must_be_served(row) && instance.nearest(row, &open).is_some();
            f64::from(u8::from(must))
        })
        .collect();
    instance.network = Arc::new(median::Network::new(instance.sites(), rows));
    instance.outside = vec![2.0; instance.points()];
    instance.fixed = vec![1.0; instance.sites()];
    instance.count = Count::Any;
    let solved = median::solve(&instance, Effort::default(), &Quiet(watch))?;
    solved.is_proven.then_some(solved.open.len())
}

/// p sites that cannot reach everybody.
pub(crate) fn too_few(
    problem: &Problem,
    _tables: &Tables,
    placement: &Placement,
    watch: &dyn Watch,
) -> String {
    match (needed(placement, watch), problem.p) {
        (Some(needed), Some(p)) if needed > p => {
            format!("{p} sites cannot reach everybody; raise p to {needed}, or the radius")
        }
        _ => "the sites allowed cannot reach everybody together; raise p or the radius".to_owned(),
    }
}

/// A p-center problem without a plan.
pub(crate) fn no_center(problem: &Problem, tables: &Tables) -> String {
    let allowed = marks(
        problem,
        &(0..problem.sites.len())
            .filter(|&site| problem.sites[site].status != SiteStatus::Closed)
            .collect::<Vec<_>>(),
    );
    let alone = (0..problem.demand.len()).filter(|&row| {
        problem.demand[row].demand > 0.0
            && !(tables.reach[row].iter()).any(|&(site, _)| allowed[site as usize])
    });
    let areas = named(alone.map(|row| problem.demand[row].id.as_str()));
    if areas.is_empty() {
        "p sites cannot reach everybody; raise p, or add pairs to the travel table".to_owned()
    } else {
        format!(
            "{areas}: no site that may open is reachable; add a pair to the travel table, allow a site there, or leave the area out"
        )
    }
}
