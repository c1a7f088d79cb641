//! Why no plan is allowed, and the smallest change that would allow one.

use crate::median::{self, Count, Effort, Instance, Standing};
use crate::placement::Placement;
use crate::plan::Reason;
use crate::problem::{Model, Problem, SiteStatus, Tables};
use crate::solve::marks;
use crate::stability::Quiet;
use crate::watch::Watch;
use std::sync::Arc;

/// Names shown before the rest is counted.
const NAMED: usize = 3;

/// Required and closed sites against p.
pub(crate) fn contradiction(problem: &Problem) -> Option<Reason> {
    let p = problem.p?;
    let required = (problem.sites.iter())
        .filter(|site| site.status.is_open())
        .count();
    let allowed = (problem.sites.iter())
        .filter(|site| site.status != SiteStatus::Closed)
        .count();
    if required > p {
        let words = format!(
            "{required} sites are required but p is {p}; raise p to {required}, or require fewer"
        );
        let (from, to) = (Some(p as f64), Some(required as f64));
        return Some(Reason::of(words, "p", from, to));
    }
    let exactly = !matches!(problem.model, Model::Warehouse | Model::Lscp);
    (exactly && p > allowed).then(|| {
        let words = format!(
            "only {allowed} sites may open but p is {p}; lower p to {allowed}, or allow more sites"
        );
        Reason::of(words, "p-down", Some(p as f64), Some(allowed as f64))
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
) -> Option<Reason> {
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
    let reason = if nearest.is_finite() && problem.radius.is_some() {
        let words = format!(
            "{areas}: no site that may open lies within the radius; raise the radius to {nearest}, or allow a site nearer"
        );
        Reason::of(words, "radius", problem.radius, Some(nearest))
    } else {
        let words = format!(
            "{areas}: no site that may open is reachable; add a pair to the travel table, allow a site there, or leave the area out"
        );
        Reason::of(words, "travel", None, None)
    };
    let ids = alone.iter().map(|&row| problem.demand[row].id.clone());
    Some(reason.at(ids.collect()))
}

/// How many sites it would take to reach everybody who must be served.
fn needed(
    instance: &Instance,
    must_be_served: impl Fn(usize) -> bool,
    watch: &dyn Watch,
) -> Option<usize> {
    let mut instance = instance.clone();
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
            let must = must_be_served(row) && instance.nearest(row, &open).is_some();
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
) -> Reason {
    let must = |row| placement.must_be_served(row);
    match (needed(&placement.instance, must, watch), problem.p) {
        (Some(needed), Some(p)) if needed > p => {
            let words = format!(
                "{p} sites cannot reach everybody; {}",
                more_sites(problem, needed)
            );
            Reason::of(words, "p", Some(p as f64), Some(needed as f64))
        }
        _ => Reason {
            words: "the sites allowed cannot reach everybody together; raise p or the radius"
                .to_owned(),
            relaxations: Vec::new(),
        },
    }
}

/// What helps where too few sites may open.
fn more_sites(problem: &Problem, needed: usize) -> String {
    let further = if problem.radius.is_some() {
        "or the radius"
    } else {
        "or add pairs to the travel table"
    };
    format!("raise p to {needed}, {further}")
}

/// A p-center problem without a plan. `instance` has the rows that must be reached, each with all sites it reaches.
pub(crate) fn no_center(
    problem: &Problem,
    tables: &Tables,
    instance: &Instance,
    watch: &dyn Watch,
) -> Reason {
    let allowed = marks(
        problem,
        &(0..problem.sites.len())
            .filter(|&site| problem.sites[site].status != SiteStatus::Closed)
            .collect::<Vec<_>>(),
    );
    let alone: Vec<String> = (0..problem.demand.len())
        .filter(|&row| {
            problem.demand[row].demand > 0.0
                && !(tables.reach[row].iter()).any(|&(site, _)| allowed[site as usize])
        })
        .map(|row| problem.demand[row].id.clone())
        .collect();
    if let (true, Some(p), Some(needed)) = (
        alone.is_empty(),
        problem.p,
        needed(instance, |_| true, watch),
    ) {
        let words = format!(
            "{p} sites cannot reach everybody; {}",
            more_sites(problem, needed)
        );
        return Reason::of(words, "p", Some(p as f64), Some(needed as f64));
    }
    if alone.is_empty() {
        return Reason {
            words: "p sites cannot reach everybody; raise p, or add pairs to the travel table"
                .to_owned(),
            relaxations: Vec::new(),
        };
    }
    let areas = named(alone.iter().map(String::as_str));
    let words = format!(
        "{areas}: no site that may open is reachable; add a pair to the travel table, allow a site there, or leave the area out"
    );
    Reason::of(words, "travel", None, None).at(alone)
}
