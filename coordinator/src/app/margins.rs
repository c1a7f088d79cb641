//! Several questions about the same people made to agree: each split by other keys of which everybody has exactly one. What one
//! question was told of its sums, the others then know too. Only sums that are equal in every register are made equal: questions
//! whose bounds cut something off, or cut it off differently, are refused by name.

use super::consistent::{Asked, CONFIDENCE, ConsistentView, NodeAnswer, level_view, of_level};
use super::derive::stored;
use super::release::Axis;
use super::volumes;
use crate::app::audience;
use crate::state::State;
use crate::store::accounts::Account;
use crate::{CoordinatorError, Problem};
use compose::{Consistent, Estimate, LevelledAnswer, Table};
use query::{AggregateQuery, Measure};
use std::collections::BTreeSet;

/// Axes of whose keys everybody has exactly one in a period.
const EXCLUSIVE: [&str; 4] = ["sex", "age_band", "citizenship", "household"];

/// Most questions taken together.
pub const MOST: usize = 4;

/// Most cells of one register's people by all keys of all axes: what least squares is done over.
const MOST_ATOMS: usize = 100_000;

fn unfit(code: &'static str, path: &'static str, remedy: &'static str) -> Problem {
    Problem::Unfit { code, path, remedy }
}

/// The estimates of a release's question and of others, which agree with each other. Nothing is stored, logged or spent.
///
/// # Errors
/// [`Problem`], naming what does not fit and the remedy.
pub async fn together(
    app: &State,
    account: &Account,
    id: &str,
    with: &[String],
) -> Result<ConsistentView, Problem> {
    if with.len() >= MOST {
        return Err(Problem::InvalidBody {
            path: "with".to_owned(),
            code: "out-of-range",
        });
    }
    let viewer = audience::viewer(app, account);
    let mut reader = app.database.read().await?;
    let mut questions: Vec<Asked> = Vec::new();
    for id in std::iter::once(id).chain(with.iter().map(String::as_str)) {
        let (query, release) = stored(&mut reader, &viewer, id)
            .await?
            .ok_or(Problem::NotFound)?;
        if release.summary.derived_from.is_some() {
            return Err(unfit(
                "derived-release",
                "with",
                "this release sums cells of another; name the one in its `derived_from`",
            ));
        }
        let asked = Asked::read(&mut reader, &app.vouched, query, release).await?;
        for known in &questions {
            alike(known, &asked)?;
        }
        questions.push(asked);
    }
    let axes = axes(&questions);
    let areas = geography::Partition::milan()
        .keys(geography::Level::MicroArea)
        .len();
    if areas * axes.iter().map(|(_, keys)| keys).product::<usize>() > MOST_ATOMS {
        return Err(unfit(
            "too-many-keys",
            "with",
            "the keys of these questions together are too many; take fewer questions together",
        ));
    }
    let orders: Vec<Order> = questions
        .iter()
        .map(|asked| Order::of(asked, &axes))
        .collect();
    let found = compose(&questions, &orders, &axes)?;

    let mut levels = Vec::new();
    let mut place = 0;
    for (asked, order) in questions.iter().zip(&orders) {
        for level in &asked.levels {
            let release = of_level(&mut reader, &viewer, &asked.release, *level).await?;
            let variance = found.variance(place);
            let (mut estimates, mut variances) = (Vec::new(), Vec::new());
            // Back into the release's own order of cells.
            let areas = geography::Partition::milan().keys(*level).len();
            for area in 0..areas {
                for within in &order.place {
                    let cell = area * order.place.len() + within;
                    let estimate = Estimate {
                        value: found.values(place)[cell],
                        variance: variance[cell / found.inner()],
                    };
                    variances.push(estimate.variance);
                    estimates.push(estimate);
                }
            }
            levels.push(level_view(release, &estimates, &variances));
            place += 1;
        }
    }
    let first = &questions[0];
    let answered_share =
        volumes::answered_share(&mut reader, &app.vouched, &viewer, &first.release).await?;
    Ok(ConsistentView {
        query: first.query.clone(),
        with: questions[1..]
            .iter()
            .map(|asked| asked.query.clone())
            .collect(),
        estimand: first.release.estimand.clone(),
        confidence: 1.0 - CONFIDENCE.miss(),
        levels,
        coverage: first.release.coverage.clone(),
        answered_share,
    })
}

/// Whether two questions count the same people in each period, of the same registers, with noise of their own.
fn alike(one: &Asked, other: &Asked) -> Result<(), Problem> {
    // No privacy cost is not a lawful purpose: another study's release is not there.
    if one.release.summary.study != other.release.summary.study {
        return Err(Problem::NotFound);
    }
    if one.query == other.query {
        return Err(unfit(
            "shared-noise",
            "with",
            "both are made of answers to one question; name a release of another",
        ));
    }
    let answered = |asked: &Asked| -> BTreeSet<(String, String, u32)> {
        (asked.release.coverage.answered.iter())
            .map(|node| (node.node.clone(), node.dataset.clone(), node.edition))
            .collect()
    };
    if answered(one) != answered(other) {
        return Err(unfit(
            "other-coverage",
            "with",
            "other organisations or editions answered the two; ask again so that both hold the same",
        ));
    }
    let (a, b) = (&one.question, &other.question);
    let same = a.measure() == b.measure()
        && a.filter() == b.filter()
        && a.services() == b.services()
        && (rest(one).eq(rest(other)))
        && a.bounds().per_cell == b.bounds().per_cell
        // Members of a household are clamped only where the household is read.
        && a.reads_household() == b.reads_household();
    let is_counted = |query: &AggregateQuery| {
        matches!(
            query.measure(),
            Measure::Persons | Measure::Households | Measure::Events | Measure::Sum(_)
        )
    };
    if !same || !is_counted(a) {
        return Err(unfit(
            "other-cells",
            "with",
            "both must count the same people: the same measure, filter, targets, services, periods and bounds, split by \
             other keys of sex, age, citizenship or household",
        ));
    }
    // No equality is claimed that hangs on which cells of a person a bound keeps.
    if [a, b]
        .iter()
        .any(|query| query.bounds().cells < query.reachable_cells())
    {
        return Err(unfit(
            "bounds-cut",
            "$.bounds.cells",
            "a bound on cells below what one person can reach cuts something off; ask with a higher bound",
        ));
    }
    Ok(())
}

fn is_exclusive(axis: &Axis) -> bool {
    EXCLUSIVE.contains(&axis.name.as_str())
}

/// The axes that are neither of areas nor exclusive.
fn rest(asked: &Asked) -> impl Iterator<Item = &Axis> {
    (asked.release.dimensions.iter().skip(1)).filter(|axis| !is_exclusive(axis))
}

/// The exclusive axes of any question, with their number of keys.
fn axes(questions: &[Asked]) -> Vec<(&'static str, usize)> {
    let keys = |name: &str| {
        let mut axes = questions.iter().flat_map(|asked| &asked.release.dimensions);
        axes.find(|axis| axis.name == name)
            .map(|axis| axis.keys.len())
    };
    (EXCLUSIVE.into_iter())
        .filter_map(|name| Some((name, keys(name)?)))
        .collect()
}

/// Where each cell within an area lies once the exclusive keys run slower than all others.
struct Order {
    split: Vec<bool>,
    /// By cell of the release within an area.
    place: Vec<usize>,
    /// Cells within each cell of areas and exclusive keys.
    inner: usize,
}

impl Order {
    fn of(asked: &Asked, axes: &[(&'static str, usize)]) -> Order {
        let dimensions = &asked.release.dimensions[1..];
        let sizes: Vec<usize> = dimensions.iter().map(|axis| axis.keys.len()).collect();
        let cells: usize = sizes.iter().product();
        let inner: usize = rest(asked).map(|axis| axis.keys.len()).product();
        let place = (0..cells)
            .map(|cell| {
                let (mut exclusive, mut others, mut left) = (0, 0, cells);
                for (axis, size) in dimensions.iter().zip(&sizes) {
                    left /= size;
                    let key = cell / left % size;
                    if is_exclusive(axis) {
                        exclusive = exclusive * size + key;
                    } else {
                        others = others * size + key;
                    }
                }
                exclusive * inner + others
            })
            .collect();
        let has = |name: &str| dimensions.iter().any(|axis| axis.name == name);
        Order {
            split: axes.iter().map(|(name, _)| has(name)).collect(),
            place,
            inner,
        }
    }

    fn sorted(&self, cells: &[i64]) -> Vec<i64> {
        let mut sorted = vec![0; cells.len()];
        for (cell, value) in cells.iter().enumerate() {
            let (area, within) = (cell / self.place.len(), cell % self.place.len());
            sorted[area * self.place.len() + self.place[within]] = *value;
        }
        sorted
    }
}

fn compose(
    questions: &[Asked],
    orders: &[Order],
    axes: &[(&'static str, usize)],
) -> Result<Consistent, Problem> {
    let tables: Vec<Table> = (questions.iter().zip(orders))
        .flat_map(|(asked, order)| {
            asked.levels.iter().map(|level| Table {
                level: *level,
                split: order.split.clone(),
            })
        })
        .collect();
    // Coverage lists the same nodes in the same order in all questions.
    let sorted: Vec<NodeAnswer> = (0..questions[0].answers.len())
        .map(|node| NodeAnswer {
            finest: questions[0].answers[node].finest,
            levels: (questions.iter().zip(orders))
                .flat_map(|(asked, order)| {
                    asked.answers[node]
                        .levels
                        .iter()
                        .map(|(cells, variance)| (order.sorted(cells), *variance))
                })
                .collect(),
        })
        .collect();
    let answers: Vec<LevelledAnswer<'_>> = (sorted.iter())
        .map(|answer| LevelledAnswer {
            finest: answer.finest,
            levels: (answer.levels.iter())
                .map(|(cells, variance)| (&cells[..], *variance))
                .collect(),
        })
        .collect();
    let sizes: Vec<usize> = axes.iter().map(|(_, keys)| *keys).collect();
    let found = Consistent::compose_tables(&tables, &sizes, orders[0].inner, &answers);
    Ok(found.map_err(CoordinatorError::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusive_keys_run_slower_than_all_others() {
        // Two targets, three sexes, two periods; a cell says which it is.
        let place = [0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11];
        let order = Order {
            split: vec![true],
            place: place.to_vec(),
            inner: 4,
        };
        let cells: Vec<i64> = (0..12).map(|cell| 100 + cell).collect();
        let sorted = order.sorted(&cells);
        for (cell, place) in place.iter().enumerate() {
            assert_eq!(sorted[*place], cells[cell]);
        }
        // Sex 1: target 0 and 1 in both periods.
        assert_eq!(sorted[4..8], [102, 103, 108, 109]);
    }
}
