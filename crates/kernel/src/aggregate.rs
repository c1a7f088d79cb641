//! The one pass: each person adds at most Linf to each of at most L0 cells, by area, group and period.
//! Order of bounding: filter, count per (person, cell), clamp the count, keep L0 cells, add up.

use crate::exact::Exact;
use crate::person::AsOf;
use geography::{Level, Partition};
use query::{AggregateQuery, Measure, Period};
use snapshot::{HouseholdOf, PersonRow, Snapshot};
use std::num::NonZero;
use std::thread;
use taxonomy::model::{AGE_BANDS, Sex, age_band};
use taxonomy::{PersonAsOf, Predicate, Taxonomy};

/// Most threads of one answer; an answer must not take a whole office computer.
const MAX_THREADS: usize = 8;

/// The bounded aggregate of `query` over `snapshot`, cells in the query's row-major order.
///
/// # Guarantee
/// Let S and S' be snapshots of registers that differ in one person's rows, under one key and edition
/// label. Then the results differ by at most `price(query).sensitivity` in Euclidean distance:
///
/// - Every person's contribution is a vector with at most L0 non-zero cells, each in 1..=Linf. It is a
///   function of that person's own rows, the key, the label and, only where the query reads households, the
///   birth months of the at most M kept members of their household.
/// - A query that reads no household: one such vector is added or removed.
/// - A query that reads households: people beyond the M kept members of their household contribute
///   nothing, so before and after at most M people of the one household concerned contribute, and the vectors of all other
///   people are the same. The difference of two sums x and y of at most M such vectors each satisfies
///   |x - y|^2 <= |x|^2 + |y|^2 <= 2 M^2 L0 Linf^2, because neither has a negative cell.
///   Were the people beyond M counted as 'household unknown', a displaced member would come on top, and
///   the distance could reach (M^2 + (M + 1)^2) L0 Linf^2.
///
/// Cells of a person beyond L0 are dropped by rank: a keyed hash of pseudonym and (target, period). It does not
/// depend on counts, on other cells or on other people, so each of a person's cells is as likely to be kept as any other.
/// The rank is the same at each level and for each split by sex and age, so that answers at different
/// levels keep the same cells.
pub fn aggregate(query: &AggregateQuery, snapshot: &Snapshot) -> Exact<Vec<i64>> {
    let plan = Plan::new(query, snapshot);
    let persons = snapshot.person_count();
    let threads = thread::available_parallelism()
        .map_or(2, NonZero::get)
        .clamp(2, MAX_THREADS);
    let share = persons.div_ceil(threads).max(1);
    let mut cells = vec![0i64; query.cells()];
    thread::scope(|scope| {
        let workers: Vec<_> = (0..persons)
            .step_by(share)
            .map(|first| {
                let plan = &plan;
                scope.spawn(move || {
                    let mut cells = vec![0i64; plan.cells];
                    let mut own = Vec::new();
                    for index in first..(first + share).min(persons) {
                        plan.add_person(snapshot.person(index), &mut own, &mut cells);
                    }
                    cells
                })
            })
            .collect();
        for worker in workers {
            // Unwrap safety: a worker only adds integers that cannot overflow (see `add_person`), at indices
            // below the number of cells; were it to panic, no answer may be given.
            let part = worker.join().expect("a worker of the kernel");
            for (cell, value) in cells.iter_mut().zip(part) {
                *cell += value;
            }
        }
    });
    Exact::new(cells)
}

/// One cell of one person, before the choice of L0 of them.
struct OwnCell {
    rank: u64,
    index: usize,
    value: u32,
}

/// A query, ready for the pass.
struct Plan<'a> {
    snapshot: &'a Snapshot,
    areas: &'static Partition,
    level: Level,
    measure: Measure,
    targets: Vec<Predicate>,
    filter: Option<Predicate>,
    reads_household: bool,
    by_sex: bool,
    by_age_band: bool,
    periods: Vec<Period>,
    months_per_period: u16,
    /// For each service of the taxonomy, whether its events count.
    counted: Vec<bool>,
    keep: usize,
    per_cell: u32,
    /// Keyed words of each (target, period), target by target.
    tags: Vec<[u64; 4]>,
    cells: usize,
}

impl<'a> Plan<'a> {
    fn new(query: &AggregateQuery, snapshot: &'a Snapshot) -> Plan<'a> {
        let bounds = query.bounds();
        let periods = query.periods();
        let services = Taxonomy::built_in().services().iter();
        let counted = services
            .map(|service| query.services().is_empty() || query.services().contains(&service.id));
        // A query without target axis has one row of cells, whose key names no target.
        let names = if query.targets().is_empty() {
            &[String::new()][..]
        } else {
            query.targets()
        };
        let tags = (names.iter())
            .flat_map(|target| {
                periods
                    .iter()
                    .map(move |period| format!("{target}\n{}", period.key))
            })
            .map(|key| words(&snapshot.cell_tag(&key)))
            .collect();
        Plan {
            snapshot,
            areas: Partition::milan(),
            level: query.level(),
            measure: query.measure(),
            targets: query.target_predicates(),
            filter: query.filter_predicate(),
            reads_household: query.reads_household(),
            by_sex: query.by_sex(),
            by_age_band: query.by_age_band(),
            months_per_period: periods
                .first()
                .map_or(1, |period| period.months().count() as u16),
            periods,
            counted: counted.collect(),
            keep: bounds.cells as usize,
            per_cell: bounds.per_cell,
            tags,
            cells: query.cells(),
        }
    }

    /// Adds one person's bounded contribution to `cells`. `own` is scratch space.
    ///
    /// Each person adds at most 100,000 (`query::MAX_PER_CELL`) to a cell and there are fewer than 2^32 people, so
    /// no cell reaches 2^49 and no sum overflows.
    fn add_person(&self, person: PersonRow<'_>, own: &mut Vec<OwnCell>, cells: &mut [i64]) {
        if self.reads_household && person.household == HouseholdOf::Beyond {
            return;
        }
        own.clear();
        let (Some(first), Some(last)) = (self.periods.first(), self.periods.last()) else {
            return;
        };
        let (first, last) = (first.first.index(), last.last.index());
        let start = person.events.partition_point(|event| event.month < first);
        let mut rest = &person.events[start..];
        while let Some(next) = rest.first().filter(|event| event.month <= last) {
            let period = usize::from((next.month - first) / self.months_per_period);
            let end = self.periods[period].last.index();
            let (mut all, mut counted) = (0u32, 0u32);
            let length = rest.partition_point(|event| event.month <= end);
            for event in &rest[..length] {
                all = all.saturating_add(event.count);
                if self
                    .counted
                    .get(usize::from(event.service))
                    .is_some_and(|counted| *counted)
                {
                    counted = counted.saturating_add(event.count);
                }
            }
            rest = &rest[length..];
            if counted > 0 {
                self.add_period(person, period, all, counted, own);
            }
        }
        if own.len() > self.keep {
            own.select_nth_unstable_by_key(self.keep, |cell| (cell.rank, cell.index));
            own.truncate(self.keep);
        }
        for cell in own.iter() {
            cells[cell.index] += i64::from(cell.value);
        }
    }

    /// The cells of one person in one period.
    fn add_period(
        &self,
        person: PersonRow<'_>,
        period: usize,
        all: u32,
        counted: u32,
        own: &mut Vec<OwnCell>,
    ) {
        let as_of = AsOf {
            snapshot: self.snapshot,
            person,
            month: self.periods[period].last,
            events: all,
        };
        if self
            .filter
            .as_ref()
            .is_some_and(|filter| !filter.holds(&as_of))
        {
            return;
        }
        let value = match self.measure {
            Measure::Persons => 1,
            Measure::Events => counted.min(self.per_cell),
        };
        let area = usize::from(person.home.area(self.areas, self.level));
        for target in 0..self.targets.len().max(1) {
            if self
                .targets
                .get(target)
                .is_some_and(|predicate| !predicate.holds(&as_of))
            {
                continue;
            }
            let mut index = area;
            index = index * self.targets.len().max(1) + target;
            if self.by_sex {
                index = index * Sex::ALL.len() + as_of.sex() as usize;
            }
            if self.by_age_band {
                index = index * (AGE_BANDS.len() + 1) + age_band(as_of.age());
            }
            index = index * self.periods.len() + period;
            let tag = &self.tags[target * self.periods.len() + period];
            own.push(OwnCell {
                rank: rank(person.pseudonym, tag),
                index,
                value,
            });
        }
    }
}

pub(crate) fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = chunk
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
    }
    words
}

/// The rank of a cell among a person's cells: a mix of two HMAC-SHA-256 values, the pseudonym and the
/// cell's tag under the edition's sampling key. Both are unknown outside the node, so the mix needs to be
/// even, not secret; the sensitivity holds for any function of these two.
pub(crate) fn rank(pseudonym: &[u8; 32], tag: &[u64; 4]) -> u64 {
    let mut state = 0;
    for (word, tag) in words(pseudonym).iter().zip(tag) {
        state = finalise(state ^ word ^ tag.rotate_left(32));
        state = finalise(state.wrapping_add(*tag));
    }
    state
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection that spreads every bit.
fn finalise(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
