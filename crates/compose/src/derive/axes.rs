//! Along each axis, which place of the question a released place is part of. An axis that does not follow has none.

use super::{Axis, Underivable, keys_of};
use geography::{Level, MicroArea, Partition};
use query::{AggregateQuery, Measure, Period};

pub(super) fn area_axis(source: Level, wanted: Level) -> Option<Axis> {
    let areas = Partition::milan();
    let count = areas.keys(source).len();
    match (source, wanted) {
        _ if source == wanted => Some((0..count).map(Some).collect()),
        (_, Level::City) => Some(vec![Some(0); count]),
        (Level::MicroArea, Level::Nil) => Some(
            (0..count)
                .map(|index| Some(usize::from(areas.area_of(MicroArea(index as u16), wanted))))
                .collect(),
        ),
        // NIL do not nest in municipi, and a home known by municipio only is `unknown` at every finer level.
        _ => None,
    }
}

/// Each of `wanted` among `source`; nothing wanted only where nothing is there.
fn chosen(source: &[String], wanted: &[String]) -> Option<Axis> {
    match (source.is_empty(), wanted.is_empty()) {
        (true, true) => Some(vec![Some(0)]),
        (false, false) if wanted.iter().all(|id| source.contains(id)) => Some(
            source
                .iter()
                .map(|id| wanted.iter().position(|other| other == id))
                .collect(),
        ),
        _ => None,
    }
}

pub(super) fn target_axis(
    source: &AggregateQuery,
    wanted: &AggregateQuery,
    fixed: Option<&str>,
) -> Option<Axis> {
    match fixed {
        None => chosen(source.targets(), wanted.targets()),
        Some(id) => one_of(source.targets(), id),
    }
}

/// The one key of an axis that counts; none where it is not there.
fn one_of(keys: &[String], id: &str) -> Option<Axis> {
    keys.iter()
        .any(|key| key == id)
        .then(|| keys.iter().map(|key| (key == id).then_some(0)).collect())
}

pub(super) fn service_axis(source: &AggregateQuery, wanted: &AggregateQuery) -> Option<Axis> {
    let axis = source.service_axis();
    match (source.by_service(), wanted.by_service()) {
        (false, false) => (source.services() == wanted.services()).then(|| vec![Some(0)]),
        (true, true) => chosen(&axis, &wanted.service_axis()),
        (false, true) => None,
        (true, false) => {
            // One person may use several services: only what is counted event by event adds up over them.
            let adds_up = matches!(source.measure(), Measure::Events | Measure::Sum(_));
            let known = taxonomy_services();
            let services = if wanted.services().is_empty() {
                &known[..]
            } else {
                wanted.services()
            };
            let there = services.iter().all(|id| axis.contains(id));
            (there && (adds_up || services.len() == 1)).then(|| {
                axis.iter()
                    .map(|id| services.contains(id).then_some(0))
                    .collect()
            })
        }
    }
}

fn taxonomy_services() -> Vec<String> {
    let all = taxonomy::Taxonomy::current().services().iter();
    all.map(|service| service.id.clone()).collect()
}

/// An axis whose keys exclude one another within a period: kept, held at one key, or summed over.
pub(super) fn exclusive_axis(
    source: &AggregateQuery,
    wanted: &AggregateQuery,
    name: &str,
    fixed: Option<&str>,
) -> Option<Axis> {
    match (keys_of(source, name), keys_of(wanted, name), fixed) {
        (None, None, None) => Some(vec![Some(0)]),
        (Some(keys), Some(_), None) => Some((0..keys.len()).map(Some).collect()),
        (Some(keys), None, None) => Some(vec![Some(0); keys.len()]),
        (Some(keys), None, Some(key)) => one_of(&keys, key),
        _ => None,
    }
}

/// Bins merge where every edge asked is an edge released. Everybody counted is in exactly one bin, so that all bins
/// together are the persons.
pub(super) fn bin_axis(
    source: &AggregateQuery,
    wanted: &AggregateQuery,
) -> Result<Axis, Underivable> {
    match (source.measure(), wanted.measure()) {
        (Measure::Bins(_), Measure::Persons) => Ok(vec![Some(0); source.edges().len() + 1]),
        (Measure::Bins(from), Measure::Bins(to)) if from == to => {
            let (from, to) = (source.edges(), wanted.edges());
            if !to.iter().all(|edge| from.contains(edge)) {
                return Err(Underivable::Edges);
            }
            let starts = std::iter::once(0).chain(from.iter().copied());
            Ok(starts
                .map(|start| Some(to.partition_point(|edge| *edge <= start)))
                .collect())
        }
        (from, to) if from == to => Ok(vec![Some(0)]),
        _ => Err(Underivable::Measure),
    }
}

pub(super) fn period_axis(source: &AggregateQuery, wanted: &AggregateQuery) -> Option<Axis> {
    let (from, to) = (source.periods(), wanted.periods());
    let same = |a: &Period, b: &Period| a.first == b.first && a.last == b.last;
    if to
        .iter()
        .all(|period| from.iter().any(|other| same(period, other)))
    {
        return Some(
            from.iter()
                .map(|period| to.iter().position(|other| same(other, period)))
                .collect(),
        );
    }
    let adds_up = matches!(
        source.measure(),
        Measure::Events | Measure::Sum(_) | Measure::FirstTime
    );
    // Ages, needs, benefits and kinds of household are those of a period's last day.
    let judged = !source.targets().is_empty()
        || source.filter().is_some()
        || source.by_age_band()
        || source.by_household();
    if !adds_up || judged {
        return None;
    }
    let within =
        |inner: &Period, outer: &Period| inner.first >= outer.first && inner.last <= outer.last;
    let months = |period: &Period| period.months().count();
    let whole = |outer: &Period| {
        let covered = from.iter().filter(|inner| within(inner, outer));
        covered.map(months).sum::<usize>() == months(outer)
    };
    to.iter().all(whole).then(|| {
        from.iter()
            .map(|period| to.iter().position(|outer| within(period, outer)))
            .collect()
    })
}
