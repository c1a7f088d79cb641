//! A query, ready for the pass: predicates, periods, the layout of cells, and the seed of the draws among them.

use crate::person::AsOf;
use geography::{Level, Partition};
use query::{AggregateQuery, CutOff, Measure, Period};
use snapshot::Snapshot;
use taxonomy::model::{AGE_BANDS, CitizenshipGroup, HouseholdKind, Sex, age_band};
use taxonomy::{Membership, PersonAsOf, PredicateSet, Taxonomy};

/// A query, ready for the pass.
pub(crate) struct Plan<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) areas: &'static Partition,
    /// The level of the pass, of which the areas of every level asked are unions.
    pub(crate) level: Level,
    pub(crate) measure: Measure,
    /// Targets in the order of their axis, then the filter where there is one.
    pub(crate) predicates: PredicateSet,
    targets: usize,
    has_filter: bool,
    /// Whether people beyond the kept members of their household are left out.
    pub(crate) reads_household: bool,
    by_sex: bool,
    by_age_band: bool,
    by_citizenship: bool,
    by_household: bool,
    pub(crate) edges: Vec<u32>,
    pub(crate) periods: Vec<Period>,
    pub(crate) months_per_period: u16,
    /// For each service of the taxonomy its place on the service axis, 0 where there is no such axis; `None` where its
    /// events do not count.
    pub(crate) slots: Vec<Option<u8>>,
    /// Length of the service axis, 1 where there is none.
    pub(crate) slot_count: usize,
    pub(crate) keep: usize,
    pub(crate) per_cell: u32,
    /// The seed of the draws among own cells.
    pub(crate) seed: u64,
    /// Number of cells of the pass.
    pub(crate) cells: usize,
    /// Number of cells of each area.
    pub(crate) per_area: usize,
    pub(crate) cut_off: Option<CutOff>,
}

/// Where a unit counts, besides its area and what its attributes say.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) area: usize,
    pub(crate) target: usize,
    pub(crate) slot: usize,
    pub(crate) bin: usize,
    pub(crate) period: usize,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(query: &AggregateQuery, snapshot: &'a Snapshot) -> Plan<'a> {
        let bounds = query.bounds();
        let periods = query.periods();
        let axis = query.service_axis();
        let level = pass_level(query);
        let (targets, filter) = (query.target_predicates(), query.filter_predicate());
        let slots = Taxonomy::current().services().iter().map(|service| {
            let counted = query.services().is_empty() || query.services().contains(&service.id);
            let place = || axis.iter().position(|id| *id == service.id).unwrap_or(0);
            counted.then(|| place() as u8)
        });
        Plan {
            snapshot,
            areas: Partition::milan(),
            level,
            measure: query.measure(),
            predicates: PredicateSet::compile(targets.iter().chain(&filter)),
            targets: targets.len(),
            has_filter: filter.is_some(),
            reads_household: query.reads_household(),
            by_sex: query.by_sex(),
            by_age_band: query.by_age_band(),
            by_citizenship: query.by_citizenship(),
            by_household: query.by_household(),
            edges: query.edges().to_vec(),
            months_per_period: periods
                .first()
                .map_or(1, |period| period.months().count() as u16),
            slots: slots.collect(),
            slot_count: axis.len().max(1),
            keep: bounds.cells as usize,
            per_cell: bounds.per_cell,
            seed: {
                let keys: Vec<String> = periods.iter().map(|period| period.key.clone()).collect();
                snapshot.sampling_seed(&[query.targets(), &axis, &keys])
            },
            periods,
            cells: query.cells_at(level),
            per_area: query.cells_per_area(),
            cut_off: query.cut_off(),
        }
    }

    /// Whether everybody counts, by area, service and period only, and what counts adds up event by event.
    pub(crate) fn is_plain(&self) -> bool {
        let adds_up = matches!(
            self.measure,
            Measure::Persons | Measure::Events | Measure::Sum(_)
        );
        let by_traits = self.by_sex || self.by_age_band || self.by_citizenship || self.by_household;
        adds_up && !by_traits && self.predicates.is_empty()
    }

    /// Number of groups on the target axis, 1 where there is none.
    pub(crate) fn target_count(&self) -> usize {
        self.targets.max(1)
    }

    /// Whether somebody belongs to the group at `target` of the axis; everybody does where there is none.
    pub(crate) fn in_target(&self, target: usize, membership: &Membership) -> bool {
        self.targets == 0 || membership.holds(target)
    }

    /// Whether somebody fulfils the filter; everybody does where there is none.
    pub(crate) fn passes_filter(&self, membership: &Membership) -> bool {
        !self.has_filter || membership.holds(self.targets)
    }

    /// Where an own cell stands among all that a unit could have. Area, sex, age, kind and bin do not matter: at
    /// every level and for every split, a unit keeps the same cells; and for measures that find the same cells filled.
    pub(crate) fn order(&self, place: Place) -> usize {
        (place.period * self.target_count() + place.target) * self.slot_count + place.slot
    }

    /// The index of a cell, row-major over the query's dimensions.
    pub(crate) fn index(&self, place: Place, as_of: &AsOf<'_>) -> usize {
        let mut index = place.area * self.target_count() + place.target;
        index = index * self.slot_count + place.slot;
        if self.by_sex {
            index = index * Sex::ALL.len() + as_of.sex() as usize;
        }
        if self.by_age_band {
            index = index * (AGE_BANDS.len() + 1) + age_band(as_of.age());
        }
        if self.by_citizenship {
            let unknown = CitizenshipGroup::ALL.len();
            index = index * (unknown + 1) + as_of.citizenship().map_or(unknown, |id| id as usize);
        }
        if self.by_household {
            let unknown = HouseholdKind::ALL.len();
            index = index * (unknown + 1) + as_of.household().map_or(unknown, |id| id as usize);
        }
        index = index * (self.edges.len() + 1) + place.bin;
        index * self.periods.len() + place.period
    }
}

/// The coarsest level of which the areas of every level asked are unions. Neighbourhoods do not nest in municipi: where
/// both are asked, it is the micro-areas.
fn pass_level(query: &AggregateQuery) -> Level {
    let asks_municipi = (query.levels().iter()).any(|share| share.level == Level::Municipio);
    match query.level() {
        Level::Nil if asks_municipi => Level::MicroArea,
        finest => finest,
    }
}
