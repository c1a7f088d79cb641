//! Which questions a released answer answers already: a map from its cells to those of the question.
//! Summing released cells is post-processing, so it costs nobody any privacy; what does not follow is refused by name.

mod axes;

use axes::{area_axis, bin_axis, exclusive_axis, period_axis, service_axis, target_axis};
use query::{AggregateQuery, Filter, Measure};

/// Why a released answer does not answer a question: the part of the question that does not follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Underivable {
    /// Something else is counted.
    #[error("the release counts something else; ask for the measure and quantity it has")]
    Measure,
    /// Its bins are not unions of the released ones.
    #[error("the bins are not unions of the release's bins; use edges the release has")]
    Edges,
    /// Its filter is neither the release's nor names a group the release is split by.
    #[error(
        "the filter is not the release's; leave it as it is, or filter by a group the release is split by"
    )]
    Filter,
    /// Only one of the two leaves out people beyond the members of a household that are kept.
    #[error("only one of the two reads households, so that they count different people; ask anew")]
    Household,
    /// The level is no sum of the released areas.
    #[error("the areas are not sums of the release's areas; use its own level, or the city")]
    Area,
    /// A target group that is not in the release, or none where the release is split by groups, which overlap.
    #[error("the target groups are not those of the release; use some of them")]
    Target,
    /// Services that are not in the release, or whose people overlap.
    #[error(
        "the services are not sums of the release's; use its own, or events or sums over all of them"
    )]
    Service,
    /// A split the release does not have.
    #[error("the release is not split this way; leave the split out")]
    Split {
        /// `sex`, `age_band`, `citizenship` or `household`.
        axis: &'static str,
    },
    /// Periods that are neither the release's nor sums of them.
    #[error(
        "the periods do not follow from the release's: people who come in two periods are not two people; use its own periods"
    )]
    Period,
}

impl Underivable {
    /// Where in the question, as a JSON path.
    pub fn path(self) -> &'static str {
        match self {
            Underivable::Measure => "$.measure",
            Underivable::Edges => "$.edges",
            Underivable::Filter => "$.filter",
            Underivable::Household => "$.by",
            Underivable::Area => "$.by.area",
            Underivable::Target => "$.by.target",
            Underivable::Service => "$.services",
            Underivable::Split { axis: "sex" } => "$.by.sex",
            Underivable::Split { axis: "age_band" } => "$.by.age_band",
            Underivable::Split {
                axis: "citizenship",
            } => "$.by.citizenship",
            Underivable::Split { .. } => "$.by.household",
            Underivable::Period => "$.period",
        }
    }
}

/// From each cell of a released answer to the cell of a question it is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellMap {
    of: Vec<Option<usize>>,
    draws: Vec<u32>,
    cuts_more: bool,
}

/// One axis: for each released key the place of the question's key it belongs to, if it belongs to any.
type Axis = Vec<Option<usize>>;

impl CellMap {
    /// How the answer to `source` answers `wanted`.
    ///
    /// It does where each cell of `wanted` is a sum of cells of `source`, whatever the register holds:
    /// - areas: any level to the city, micro-areas to NIL. Not micro-areas to municipi: a register that knows homes by
    ///   municipio only counts them there, and as `unknown` everywhere finer.
    /// - sex, age band, citizenship and kind of household exclude one another within a period, so each may be left out
    ///   or be a filter. Targets overlap: some of them may be chosen, or one of them be a filter.
    /// - services add up for events and sums only; for people one of them may be chosen.
    /// - months add up to quarters for events, sums and first times only, and only where nobody is judged as of a
    ///   period's last day.
    /// - bins merge into wider ones, and all of them are everybody counted.
    ///
    /// What is derived is the bounded aggregate under the bounds of `source`: see [`CellMap::cuts_more`].
    ///
    /// # Errors
    /// [`Underivable`] names the part of `wanted` that does not follow.
    pub fn new(source: &AggregateQuery, wanted: &AggregateQuery) -> Result<CellMap, Underivable> {
        // Releases are of one level each, so a split question has no cells to start from or to fill.
        if source.is_split() || wanted.is_split() {
            return Err(Underivable::Area);
        }
        let bins = bin_axis(source, wanted)?;
        let fixed = Fixed::by_filter(source, wanted).ok_or(Underivable::Filter)?;
        // Whoever reads households leaves out people beyond the members kept; whoever does not counts them.
        let leaves_out = |query: &AggregateQuery| {
            query.measure() != Measure::Households && query.reads_household()
        };
        if leaves_out(source) != leaves_out(wanted) {
            return Err(Underivable::Household);
        }
        let mut axes = vec![
            area_axis(source.level(), wanted.level()).ok_or(Underivable::Area)?,
            target_axis(source, wanted, fixed.target).ok_or(Underivable::Target)?,
            service_axis(source, wanted).ok_or(Underivable::Service)?,
        ];
        let splits = [
            ("sex", fixed.sex),
            ("age_band", None),
            ("citizenship", fixed.citizenship),
            ("household", None),
        ];
        for (axis, key) in splits {
            axes.push(
                exclusive_axis(source, wanted, axis, key).ok_or(Underivable::Split { axis })?,
            );
        }
        axes.push(bins);
        axes.push(period_axis(source, wanted).ok_or(Underivable::Period)?);

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
        // Every key of each axis of the question is met, so every cell of it is.
        debug_assert!(draws.iter().all(|draws| *draws > 0));
        Ok(CellMap {
            of,
            draws,
            cuts_more: cuts_more(source, wanted),
        })
    }

    /// For each cell of the question, of how many released cells it is the sum.
    pub fn draws(&self) -> &[u32] {
        &self.draws
    }

    /// Whether the bounds of the release may have cut off more of somebody's contribution than those of the question
    /// would: its cells then lie below what asking anew would estimate, by an amount no margin shows.
    pub fn cuts_more(&self) -> bool {
        self.cuts_more
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

/// Whether the bounds of `source` may cut off more than those of `wanted`.
///
/// They cannot where they cut off no cell of anybody, or where both draw from the same cells, by target, service and period,
/// with the same seed: a unit then keeps under the looser bound whatever it keeps under the tighter one. And for what is
/// clamped per cell, the clamp must not be tighter; sums of clamped parts are at least the clamped sum.
fn cuts_more(source: &AggregateQuery, wanted: &AggregateQuery) -> bool {
    let (bounds, asked) = (source.bounds(), wanted.bounds());
    let keys = |query: &AggregateQuery| {
        let periods = query.periods().into_iter().map(|period| period.key);
        periods.collect::<Vec<_>>()
    };
    let same_draws = source.targets() == wanted.targets()
        && source.service_axis() == wanted.service_axis()
        && keys(source) == keys(wanted);
    let keeps =
        bounds.cells >= source.reachable_cells() || (same_draws && bounds.cells >= asked.cells);
    !keeps || (source.measure().is_weighted() && bounds.per_cell < asked.per_cell)
}

/// Keys of released axes at which a question's filter stands still.
#[derive(Default)]
struct Fixed<'a> {
    target: Option<&'a str>,
    sex: Option<&'static str>,
    citizenship: Option<&'static str>,
}

impl<'a> Fixed<'a> {
    /// What the filter of `wanted` asks beyond that of `source`; `None` where no axis of `source` shows it.
    fn by_filter(source: &AggregateQuery, wanted: &'a AggregateQuery) -> Option<Fixed<'a>> {
        fn parts(filter: Option<&Filter>) -> &[Filter] {
            match filter {
                None => &[],
                Some(Filter::All(parts)) => parts,
                Some(one) => std::slice::from_ref(one),
            }
        }
        let (from, to) = (parts(source.filter()), parts(wanted.filter()));
        if !from.iter().all(|part| to.contains(part)) {
            return None;
        }
        let mut fixed = Fixed::default();
        for part in to.iter().filter(|part| !from.contains(part)) {
            let is_new = match part {
                Filter::Target(id) if wanted.targets().is_empty() => {
                    fixed.target.replace(id).is_none()
                }
                Filter::Sex(sex) if !wanted.by_sex() => fixed.sex.replace(sex.id()).is_none(),
                Filter::Citizenship(group) if !wanted.by_citizenship() => {
                    fixed.citizenship.replace(group.id()).is_none()
                }
                _ => false,
            };
            if !is_new {
                return None;
            }
        }
        Some(fixed)
    }
}

/// Keys of one axis of a query, if it has it.
fn keys_of(query: &AggregateQuery, name: &str) -> Option<Vec<String>> {
    (query.dimensions().into_iter())
        .find(|dimension| dimension.name == name)
        .map(|dimension| dimension.keys)
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

#[cfg(test)]
mod tests {
    use super::*;
    use geography::{Level, MicroArea, Partition};

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

    fn bins(edges: &str) -> AggregateQuery {
        let more = format!(r#""quantity":"amount","edges":[{edges}],"#);
        query("bins", r#""area":"nil""#, &more, 1)
    }

    #[test]
    fn a_question_answers_itself_cell_by_cell() {
        let source = persons(r#""area":"nil","sex":true,"period":"quarter""#);
        let map = CellMap::new(&source, &source).expect("itself");
        let cells: Vec<i64> = (0..source.cells() as i64).collect();
        assert_eq!(map.apply(&cells), Some(cells));
        assert!(map.draws().iter().all(|draws| *draws == 1));
        assert!(!map.cuts_more());
    }

    #[test]
    fn coarser_areas_groups_and_splits_left_out_are_sums_of_released_cells() {
        let source = persons(r#""area":"micro-area","target":["low-income","minors"],"sex":true"#);
        let wanted = persons(r#""area":"nil","target":["minors"]"#);
        let map = CellMap::new(&source, &wanted).expect("sums");
        // One in each released cell: a NIL's cell holds its pieces in both sexes and the third key.
        let ones = vec![1; source.cells()];
        let sums = map.apply(&ones).expect("as many cells");
        assert_eq!(sums.iter().sum::<i64>(), source.cells() as i64 / 2);
        let draws: Vec<i64> = map.draws().iter().map(|draws| i64::from(*draws)).collect();
        assert_eq!(sums, draws);
        // Only the cells of minors count: mark one by hand. Micro-area 0, second target, first sex.
        let mut one = vec![0; source.cells()];
        one[3] = 7;
        let area = usize::from(Partition::milan().area_of(MicroArea(0), Level::Nil));
        let sums = map.apply(&one).expect("as many cells");
        assert_eq!((sums[area], sums.iter().sum::<i64>()), (7, 7));
    }

    #[test]
    fn a_group_the_release_is_split_by_answers_a_filter() {
        let source = persons(r#""area":"city","target":["low-income","minors"],"sex":true"#);
        let filter = r#""filter":{"all":[{"target":"minors"},{"sex":"F"}]},"#;
        let map = CellMap::new(&source, &query("persons", r#""area":"city""#, filter, 1));
        // City, minors, F: the fourth of six cells.
        let sums = map.expect("one cell").apply(&[1, 2, 4, 8, 16, 32]);
        assert_eq!(sums, Some(vec![8]));
        let other = r#""filter":{"target":"low-income"},"#;
        let kept = query("persons", r#""area":"city","target":["minors"]"#, other, 1);
        assert_eq!(CellMap::new(&source, &kept), Err(Underivable::Filter));
        let either = r#""filter":{"any":[{"target":"minors"},{"sex":"F"}]},"#;
        let either = query("persons", r#""area":"city""#, either, 1);
        assert_eq!(CellMap::new(&source, &either), Err(Underivable::Filter));
    }

    #[test]
    fn months_of_events_make_quarters_and_months_of_persons_do_not() {
        let monthly = |measure| query(measure, r#""area":"nil","period":"month""#, "", 1);
        let quarterly = |measure| query(measure, r#""area":"city","period":"quarter""#, "", 1);
        let map = CellMap::new(&monthly("events"), &quarterly("events")).expect("sums");
        assert!(map.draws().iter().all(|draws| *draws == 3 * 89));
        assert_eq!(
            CellMap::new(&monthly("persons"), &quarterly("persons")),
            Err(Underivable::Period)
        );
    }

    #[test]
    fn what_would_need_other_data_is_refused_by_name() {
        let none = |source: &AggregateQuery, wanted: &AggregateQuery, why| {
            let found = CellMap::new(source, wanted);
            assert_eq!(found, Err(why), "{}", wanted.canonical());
        };
        let sex = Underivable::Split { axis: "sex" };
        let nil = persons(r#""area":"nil""#);
        none(&nil, &persons(r#""area":"municipio""#), Underivable::Area);
        none(&nil, &persons(r#""area":"micro-area""#), Underivable::Area);
        // A register may know homes by municipio only.
        let finest = persons(r#""area":"micro-area""#);
        none(
            &finest,
            &persons(r#""area":"municipio""#),
            Underivable::Area,
        );
        none(&nil, &persons(r#""area":"nil","sex":true"#), sex);
        let minors = persons(r#""area":"nil","target":["minors"]"#);
        none(&nil, &minors, Underivable::Target);
        none(&minors, &nil, Underivable::Target);
        let quarterly = persons(r#""area":"nil","period":"quarter""#);
        none(&nil, &quarterly, Underivable::Period);
        let more = |more| query("persons", r#""area":"nil""#, more, 1);
        none(
            &nil,
            &more(r#""services":["home-care"],"#),
            Underivable::Service,
        );
        none(&nil, &more(r#""filter":{"sex":"F"},"#), sex);
        let age = r#""filter":{"age":{"min":0,"max":17}},"#;
        none(&nil, &more(age), Underivable::Filter);
        none(
            &nil,
            &query("events", r#""area":"nil""#, "", 1),
            Underivable::Measure,
        );
        // Several services of one person are one person.
        let by_service = persons(r#""area":"nil","service":true"#);
        none(&by_service, &nil, Underivable::Service);
        // Who splits by household leaves out people beyond its kept members.
        let household = persons(r#""area":"nil","household":true"#);
        none(&household, &nil, Underivable::Household);
        // Someone may come of age within the quarter.
        let monthly = r#""area":"city","target":["minors"],"period":"month""#;
        let quarterly = r#""area":"city","target":["minors"],"period":"quarter""#;
        none(
            &query("events", monthly, "", 1),
            &query("events", quarterly, "", 1),
            Underivable::Period,
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
        assert!(CellMap::new(&persons, &one).is_ok());
    }

    #[test]
    fn bins_merge_into_wider_ones_and_all_of_them_are_everybody() {
        let source = bins("10, 20, 30");
        let map = CellMap::new(&source, &bins("20")).expect("wider bins");
        let cells: Vec<i64> = [1, 2, 4, 8].repeat(89);
        let sums = map.apply(&cells).expect("as many cells");
        assert_eq!(sums[..2], [3, 12]);
        let map = CellMap::new(&source, &persons(r#""area":"nil""#)).expect("everybody");
        assert_eq!(map.apply(&cells).expect("as many cells"), vec![15; 89]);
        assert_eq!(CellMap::new(&source, &bins("15")), Err(Underivable::Edges));
    }

    #[test]
    fn tighter_bounds_than_asked_are_told() {
        let by = r#""area":"nil","target":["low-income","minors"],"period":"quarter""#;
        let coarse = r#""area":"city","target":["low-income","minors"],"period":"quarter""#;
        let cuts = |cells, by: &str, asked| {
            let map = CellMap::new(
                &query(
                    "persons",
                    r#""area":"nil","target":["low-income","minors"],"period":"quarter""#,
                    "",
                    cells,
                ),
                &query("persons", by, "", asked),
            );
            map.expect("sums").cuts_more()
        };
        // The same draws of the same cells: looser is never less.
        assert!(!cuts(2, coarse, 2) && !cuts(3, by, 2) && cuts(2, coarse, 3));
        // Other draws: only a bound nobody reaches is safe.
        let fewer = r#""area":"nil","target":["minors"],"period":"quarter""#;
        assert!(cuts(2, fewer, 2) && cuts(7, fewer, 1) && !cuts(8, fewer, 4));
        let events = |per_cell: u32| {
            let text = format!(
                r#"{{"version":1,"measure":"events","by":{{"area":"city"}},"period":{{"from":"2025-01","to":"2025-12"}},
                "bounds":{{"cells":1,"per_cell":{per_cell}}},"rho":1000000}}"#
            );
            AggregateQuery::parse(text.as_bytes()).expect("a legal query")
        };
        let cuts = |from, to| {
            CellMap::new(&events(from), &events(to))
                .expect("itself")
                .cuts_more()
        };
        assert!(!cuts(9, 9) && !cuts(9, 5) && cuts(5, 9));
    }
}
