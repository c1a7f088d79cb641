//! Which questions a released answer answers already: a map from its cells to those of the question.
//! Summing released cells is post-processing, so it costs nobody any privacy; what it cannot answer, it says.

use geography::{Level, MicroArea, Partition};
use query::{AggregateQuery, Measure, Period};

/// From each cell of a released answer to the cell of a question it is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellMap {
    of: Vec<Option<usize>>,
    draws: Vec<u32>,
}

impl CellMap {
    /// How the answer to `source` answers `wanted`, or `None` where it does not.
    ///
    /// It does where `wanted` counts the same in the same filter and each of its cells is a sum of cells of `source`:
    /// areas of a coarser level, groups and services among those released, splits left out that exclude one
    /// another (sex, age band, citizenship, kind of household), and the same periods; and where both read households or neither. Months add up to quarters only for
    /// events, sums and first times, and only where nobody is judged as of a period's last day. The bounds are those of
    /// `source`: persons and bins are cut the same way at every level; events and sums per cell of `source`.
    pub fn new(source: &AggregateQuery, wanted: &AggregateQuery) -> Option<CellMap> {
        // Releases are of one level each, so a split question has no cells to start from or to fill.
        if source.is_split()
            || wanted.is_split()
            || source.measure() != wanted.measure()
            || source.edges() != wanted.edges()
            || source.filter() != wanted.filter()
        {
            return None;
        }
        // Whoever reads households leaves out people beyond the members kept; whoever does not counts them.
        let leaves_out = |query: &AggregateQuery| {
            query.measure() != Measure::Households && query.reads_household()
        };
        if leaves_out(source) != leaves_out(wanted) {
            return None;
        }
        let areas = area_axis(source.level(), wanted.level())?;
        let targets = chosen(source.targets(), wanted.targets())?;
        let services = service_axis(source, wanted)?;
        let periods = period_axis(source, wanted)?;
        let mut axes = vec![areas, targets, services];
        for name in ["sex", "age_band", "citizenship", "household", "bin"] {
            axes.push(exclusive_axis(source, wanted, name)?);
        }
        axes.push(periods);

        let lengths: Vec<usize> = axes.iter().map(Vec::len).collect();
        let wanted_lengths = axis_lengths(wanted);
        let cells = source.cells();
        debug_assert_eq!(lengths.iter().product::<usize>(), cells);
        let mut of = Vec::with_capacity(cells);
        let mut draws = vec![0u32; wanted.cells()];
        let mut at = vec![0usize; axes.len()];
        for _ in 0..cells {
            let index = (axes.iter().zip(&at).zip(&wanted_lengths))
                .try_fold(0, |index, ((axis, at), length)| {
                    axis[*at].map(|place| index * length + place)
                });
            if let Some(index) = index {
                draws[index] += 1;
            }
            of.push(index);
            // The next cell, the last axis fastest.
            for axis in (0..at.len()).rev() {
                at[axis] += 1;
                if at[axis] < lengths[axis] {
                    break;
                }
                at[axis] = 0;
            }
        }
        draws
            .iter()
            .all(|draws| *draws > 0)
            .then_some(CellMap { of, draws })
    }

    /// For each cell of the question, of how many released cells it is the sum.
    pub fn draws(&self) -> &[u32] {
        &self.draws
    }

    /// The question's cells from released ones; `None` where these are not as many as expected, or a sum overflows.
    pub fn apply(&self, cells: &[i64]) -> Option<Vec<i64>> {
        if cells.len() != self.of.len() {
            return None;
        }
        let mut sums = vec![0i64; self.draws.len()];
        for (value, of) in cells.iter().zip(&self.of) {
            if let Some(of) = of {
                sums[*of] = sums[*of].checked_add(*value)?;
            }
        }
        Some(sums)
    }
}

/// Lengths of all nine axes, 1 where the query has none.
fn axis_lengths(query: &AggregateQuery) -> Vec<usize> {
    const NAMES: [&str; 9] = [
        "area",
        "target",
        "service",
        "sex",
        "age_band",
        "citizenship",
        "household",
        "bin",
        "period",
    ];
    let dimensions = query.dimensions();
    let length = |name: &str| {
        (dimensions.iter())
            .find(|dimension| dimension.name == name)
            .map_or(1, |dimension| dimension.keys.len())
    };
    NAMES.into_iter().map(length).collect()
}

fn area_axis(source: Level, wanted: Level) -> Option<Vec<Option<usize>>> {
    let areas = Partition::milan();
    let count = areas.keys(source).len();
    match (source, wanted) {
        _ if source == wanted => Some((0..count).map(Some).collect()),
        (_, Level::City) => Some(vec![Some(0); count]),
        (Level::MicroArea, _) => Some(
            (0..count)
                .map(|index| Some(usize::from(areas.area_of(MicroArea(index as u16), wanted))))
                .collect(),
        ),
        // Neighbourhoods do not nest in municipi.
        _ => None,
    }
}

/// Each of `wanted` among `source`; nothing wanted only where nothing is there.
fn chosen(source: &[String], wanted: &[String]) -> Option<Vec<Option<usize>>> {
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

fn service_axis(source: &AggregateQuery, wanted: &AggregateQuery) -> Option<Vec<Option<usize>>> {
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
    let all = taxonomy::Taxonomy::built_in().services().iter();
    all.map(|service| service.id.clone()).collect()
}

/// An axis whose keys exclude one another within a period: kept, or summed over.
fn exclusive_axis(
    source: &AggregateQuery,
    wanted: &AggregateQuery,
    name: &str,
) -> Option<Vec<Option<usize>>> {
    let length = |query: &AggregateQuery| {
        (query.dimensions().into_iter())
            .find(|dimension| dimension.name == name)
            .map(|dimension| dimension.keys.len())
    };
    match (length(source), length(wanted)) {
        (None, None) => Some(vec![Some(0)]),
        (Some(keys), Some(_)) => Some((0..keys).map(Some).collect()),
        // Bins exclude one another too, but a question by bin has bins.
        (Some(keys), None) => Some(vec![Some(0); keys]),
        (None, Some(_)) => None,
    }
}

fn period_axis(source: &AggregateQuery, wanted: &AggregateQuery) -> Option<Vec<Option<usize>>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn query(measure: &str, by: &str, more: &str, cells: u32) -> AggregateQuery {
        let per_cell = if measure == "events" { 9 } else { 1 };
        let text = format!(
            r#"{{"version":1,"measure":"{measure}","by":{{{by}}},"period":{{"from":"2025-01","to":"2025-12"}},{more}
            "bounds":{{"cells":{cells},"per_cell":{per_cell}}},"rho":1000000}}"#
        );
        AggregateQuery::parse(text.as_bytes()).expect("a legal query")
    }

    fn persons(by: &str) -> AggregateQuery {
        query("persons", by, "", 1)
    }

    #[test]
    fn a_question_answers_itself_cell_by_cell() {
        let source = persons(r#""area":"nil","sex":true,"period":"quarter""#);
        let map = CellMap::new(&source, &source).expect("itself");
        let cells: Vec<i64> = (0..source.cells() as i64).collect();
        assert_eq!(map.apply(&cells), Some(cells));
        assert!(map.draws().iter().all(|draws| *draws == 1));
    }

    #[test]
    fn coarser_areas_groups_and_splits_left_out_are_sums_of_released_cells() {
        let source = persons(r#""area":"micro-area","target":["low-income","minors"],"sex":true"#);
        let wanted = persons(r#""area":"municipio","target":["minors"]"#);
        let map = CellMap::new(&source, &wanted).expect("sums");
        // One in each released cell: a municipio's cell holds its pieces in both sexes and the third key.
        let ones = vec![1; source.cells()];
        let sums = map.apply(&ones).expect("as many cells");
        assert_eq!(sums.iter().sum::<i64>(), source.cells() as i64 / 2);
        let draws: Vec<i64> = map.draws().iter().map(|draws| i64::from(*draws)).collect();
        assert_eq!(sums, draws);
        // Only the cells of minors count: mark one by hand. Micro-area 0, second target, first sex.
        let mut one = vec![0; source.cells()];
        one[3] = 7;
        let area = usize::from(Partition::milan().area_of(MicroArea(0), Level::Municipio));
        let sums = map.apply(&one).expect("as many cells");
        assert_eq!((sums[area], sums.iter().sum::<i64>()), (7, 7));
    }

    #[test]
    fn months_of_events_make_quarters_and_months_of_persons_do_not() {
        let monthly = |measure| query(measure, r#""area":"nil","period":"month""#, "", 1);
        let quarterly = |measure| query(measure, r#""area":"city","period":"quarter""#, "", 1);
        let map = CellMap::new(&monthly("events"), &quarterly("events")).expect("sums");
        assert!(map.draws().iter().all(|draws| *draws == 3 * 89));
        assert_eq!(
            CellMap::new(&monthly("persons"), &quarterly("persons")),
            None
        );
    }

    #[test]
    fn what_would_need_other_data_is_not_answered() {
        let none = |source: &AggregateQuery, wanted: &AggregateQuery| {
            assert_eq!(CellMap::new(source, wanted), None, "{}", wanted.canonical());
        };
        let nil = persons(r#""area":"nil""#);
        none(&nil, &persons(r#""area":"municipio""#));
        none(&nil, &persons(r#""area":"micro-area""#));
        none(&nil, &persons(r#""area":"nil","sex":true"#));
        none(&nil, &persons(r#""area":"nil","target":["minors"]"#));
        none(&nil, &persons(r#""area":"nil","period":"quarter""#));
        none(
            &nil,
            &query(
                "persons",
                r#""area":"nil""#,
                r#""services":["home-care"],"#,
                1,
            ),
        );
        none(
            &nil,
            &query("persons", r#""area":"nil""#, r#""filter":{"sex":"F"},"#, 1),
        );
        none(&nil, &query("events", r#""area":"nil""#, "", 1));
        none(&persons(r#""area":"nil","target":["minors"]"#), &nil);
        // Several services of one person are one person.
        none(&persons(r#""area":"nil","service":true"#), &nil);
        // Someone may come of age within the quarter.
        let monthly = r#""area":"city","target":["minors"],"period":"month""#;
        let quarterly = r#""area":"city","target":["minors"],"period":"quarter""#;
        none(
            &query("events", monthly, "", 1),
            &query("events", quarterly, "", 1),
        );
    }

    #[test]
    fn services_of_events_add_up_and_one_service_of_persons_is_there() {
        let events = query("events", r#""area":"nil","service":true"#, "", 1);
        let all = CellMap::new(&events, &query("events", r#""area":"nil""#, "", 1));
        assert!(all.expect("sums").draws().iter().all(|draws| *draws == 10));
        let persons = query("persons", r#""area":"nil","service":true"#, "", 1);
        let one = query(
            "persons",
            r#""area":"nil""#,
            r#""services":["home-care"],"#,
            1,
        );
        assert!(CellMap::new(&persons, &one).is_some());
    }
}
