//! Adds the answers of nodes cell by cell, with the variance of the sum.
//! Values stay as they are, negative ones too; only the display copy is cut at zero.

use crate::ComposeError;
use crate::bracket::{Bracket, raise_lower, reach_above};
use crate::margin::{Confidence, margin_of_draws};
use query::Measure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// One node's answer.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Noisy cells, row-major over the question's dimensions.
    pub cells: &'a [i64],
    /// An upper bound on the noise variance of each cell.
    pub variance: f64,
}

/// The composed answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Composed {
    /// Sums, unbiased for the sum of the bounded aggregates; they may be negative.
    pub values: Vec<i64>,
    /// The sums as people are shown them: never negative, hence biased upwards near zero.
    pub display: Vec<u64>,
    /// Noise variance of each sum.
    pub variance: Vec<f64>,
    /// Margin of each sum at 95 percent.
    pub margin_95: Vec<f64>,
    /// Margin of each sum at 99.99 percent.
    pub margin_9999: Vec<f64>,
    /// Whether the 95 percent margin is larger than the value, so that the value alone says little.
    pub too_uncertain: Vec<bool>,
    /// Bounds on distinct persons; for persons only, whose sums are presences.
    pub bracket: Option<Bracket>,
}

/// Composes the answers to a question of `cells` cells.
///
/// Noise of different nodes is independent, so variances add.
///
/// # Errors
/// See [`ComposeError`].
pub fn compose(
    measure: Measure,
    cells: usize,
    parts: &[Part<'_>],
) -> Result<Composed, ComposeError> {
    compose_sums(measure, &vec![1; cells], parts)
}

/// Composes answers whose cells are sums of released ones: cell i of each part holds `draws[i]` independent draws of
/// noise of the part's variance, and is 0 where none is drawn.
///
/// # Errors
/// See [`ComposeError`].
pub fn compose_sums(
    measure: Measure,
    draws: &[u32],
    parts: &[Part<'_>],
) -> Result<Composed, ComposeError> {
    let mut composition = Composition::new(measure, draws, parts.len());
    for part in parts {
        composition.add(*part)?;
    }
    composition.finish()
}

/// A composition in the making: parts are added one by one, and none needs to be kept.
#[derive(Clone, Debug)]
pub struct Composition {
    measure: Measure,
    runs: Vec<Run>,
    nodes: usize,
    values: Vec<i64>,
    /// For presences, the lower ends of the bracket so far.
    lower: Vec<i64>,
    variances: Vec<f64>,
}

impl Composition {
    /// Of so many parts; what `draws` are, [`compose_sums`] says.
    pub fn new(measure: Measure, draws: &[u32], nodes: usize) -> Composition {
        let bracketed = if measure.is_presence() {
            draws.len()
        } else {
            0
        };
        Composition {
            measure,
            nodes,
            values: vec![0; draws.len()],
            lower: vec![0; bracketed],
            variances: Vec::with_capacity(nodes),
            runs: runs(draws),
        }
    }

    /// Adds a part.
    ///
    /// # Errors
    /// See [`ComposeError`]; the composition is then of no further use.
    pub fn add(&mut self, part: Part<'_>) -> Result<(), ComposeError> {
        let cells = self.values.len();
        if part.cells.len() != cells {
            return Err(ComposeError::OtherShape {
                expected: cells,
                found: part.cells.len(),
            });
        }
        if !part.variance.is_finite() || part.variance < 0.0 {
            return Err(ComposeError::InvalidVariance);
        }
        // A sum overflows where its sign is neither that of the one nor of the other. Looked at afterwards, so that several are added at once.
        let mut signs = 0;
        for (sum, cell) in self.values.iter_mut().zip(part.cells) {
            let added = sum.wrapping_add(*cell);
            signs |= (*sum ^ added) & (*cell ^ added);
            *sum = added;
        }
        if signs < 0 {
            return Err(ComposeError::Overflow);
        }
        self.variances.push(part.variance);
        if self.measure.is_presence() {
            raise_lower(&mut self.lower, part, &self.runs, self.nodes);
        }
        Ok(())
    }

    /// The composition of all parts, cell by cell.
    ///
    /// # Errors
    /// As [`Composition::sums`].
    pub fn finish(self) -> Result<Composed, ComposeError> {
        self.sums()?.spread()
    }

    /// The composition of all parts, what cells share said once.
    ///
    /// # Errors
    /// [`ComposeError::NoAnswers`]; [`ComposeError::OtherCount`] where other than the announced number of parts were added, on which
    /// the bracket rests.
    pub fn sums(self) -> Result<Sums, ComposeError> {
        let (found, expected) = (self.variances.len(), self.nodes);
        if found == 0 {
            return Err(ComposeError::NoAnswers);
        }
        if found != expected {
            return Err(ComposeError::OtherCount { expected, found });
        }
        let bracketed = self.measure.is_presence();
        let mut sums = Sums {
            values: self.values,
            lower: bracketed.then_some(self.lower),
            noise: Vec::new(),
            runs: Vec::with_capacity(self.runs.len()),
        };
        let mut known: BTreeMap<u32, usize> = BTreeMap::new();
        for run in &self.runs {
            let noise = *known.entry(run.draws).or_insert_with(|| {
                sums.noise
                    .push(Noise::of(&self.variances, run.draws, bracketed));
                sums.noise.len() - 1
            });
            sums.runs.push((run.cells, noise));
        }
        Ok(sums)
    }
}

/// Composed answers whose noise is said once for all cells that share it: what is kept of a composition. A value for each cell would be
/// several times as large.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    /// As [`Composed::values`].
    pub values: Vec<i64>,
    /// As [`Bracket::lower`], where there is a bracket.
    pub lower: Option<Vec<i64>>,
    /// The different noises.
    pub noise: Vec<Noise>,
    /// How many cells in a row have which of them, by its place; together all cells.
    pub runs: Vec<(usize, usize)>,
}

impl Sums {
    /// The same cell by cell.
    ///
    /// # Errors
    /// [`ComposeError::OtherShape`] where its parts are not of as many cells, as parts that were stored may be.
    pub fn spread(self) -> Result<Composed, ComposeError> {
        let (cells, values) = (self.values.len(), self.values);
        let other = |found| ComposeError::OtherShape {
            expected: cells,
            found,
        };
        let bracketed = self.lower.is_some();
        let lower = self.lower.unwrap_or_default();
        let mut composed = Composed {
            display: (values.iter())
                .map(|value| value.max(&0).unsigned_abs())
                .collect(),
            variance: Vec::with_capacity(cells),
            margin_95: Vec::with_capacity(cells),
            margin_9999: Vec::with_capacity(cells),
            too_uncertain: Vec::with_capacity(cells),
            bracket: None,
            values,
        };
        let mut upper = Vec::with_capacity(lower.len());
        for (length, noise) in self.runs {
            let noise = self.noise.get(noise).ok_or(other(noise))?;
            let start = composed.variance.len();
            let end = start + length.min(cells - start + 1);
            let values = composed.values.get(start..end).ok_or(other(end))?;
            composed.variance.resize(end, noise.variance);
            composed.margin_95.resize(end, noise.margin_95);
            composed.margin_9999.resize(end, noise.margin_9999);
            let uncertain = |value: &i64| noise.margin_95 > *value as f64;
            (composed.too_uncertain).extend(values.iter().map(uncertain));
            if let Some(above) = noise.above {
                let lower = lower.get(start..end).ok_or(other(lower.len()))?;
                let ends = values.iter().zip(lower);
                upper.extend(ends.map(|(sum, lower)| sum.saturating_add(above).max(*lower)));
            }
        }
        let found = composed.variance.len();
        if found != cells {
            return Err(other(found));
        }
        if lower.len() != upper.len() {
            return Err(other(lower.len()));
        }
        composed.bracket = bracketed.then_some(Bracket { lower, upper });
        Ok(composed)
    }
}

/// Cells in a row with the same number of draws, mostly all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    cells: usize,
    draws: u32,
}

/// The runs of cells with these draws.
pub(crate) fn runs(draws: &[u32]) -> Vec<Run> {
    (draws.chunk_by(|one, next| one == next))
        .map(|run| Run {
            cells: run.len(),
            draws: run[0],
        })
        .collect()
}

/// Runs of cells, and what a function makes of their number of draws, worked out once for each that differs. A value for each cell would
/// be as large as the answers.
pub(crate) fn noise_of<T: Copy>(
    runs: &[Run],
    make: impl Fn(u32) -> T,
) -> impl Iterator<Item = (Range<usize>, T)> {
    let mut known: BTreeMap<u32, T> = BTreeMap::new();
    let mut start = 0;
    runs.iter().map(move |run| {
        let cells = start..start + run.cells;
        start = cells.end;
        let made = *(known.entry(run.draws)).or_insert_with(|| make(run.draws));
        (cells, made)
    })
}

/// The noise of a composed cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// As [`Composed::variance`].
    pub variance: f64,
    /// As [`Composed::margin_95`].
    pub margin_95: f64,
    /// As [`Composed::margin_9999`].
    pub margin_9999: f64,
    /// How far above its value the upper end of a cell's bracket lies, where there is a bracket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<i64>,
}

impl Noise {
    /// Of so many draws of each part.
    fn of(variances: &[f64], draws: u32, bracketed: bool) -> Noise {
        Noise {
            variance: variances.iter().sum::<f64>() * f64::from(draws),
            margin_95: margin_of_draws(variances, draws, Confidence::P95),
            margin_9999: margin_of_draws(variances, draws, Confidence::P9999),
            above: bracketed.then(|| reach_above(variances, draws)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answers() -> impl Strategy<Value = (usize, Vec<(Vec<i64>, f64)>)> {
        (1usize..20).prop_flat_map(|cells| {
            let one = (
                proptest::collection::vec(-1_000i64..100_000, cells),
                0.0f64..1e6,
            );
            (Just(cells), proptest::collection::vec(one, 1..7))
        })
    }

    fn parts(answers: &[(Vec<i64>, f64)]) -> Vec<Part<'_>> {
        (answers.iter())
            .map(|(cells, variance)| Part {
                cells,
                variance: *variance,
            })
            .collect()
    }

    proptest! {
        #[test]
        fn values_and_variances_are_sums((cells, answers) in answers()) {
            let composed = compose(Measure::Events, cells, &parts(&answers)).unwrap();
            for cell in 0..cells {
                prop_assert_eq!(composed.values[cell], answers.iter().map(|(c, _)| c[cell]).sum::<i64>());
                prop_assert_eq!(composed.variance[cell], answers.iter().map(|(_, v)| v).sum::<f64>());
            }
            prop_assert_eq!(composed.bracket, None);
        }

        #[test]
        fn the_order_of_nodes_does_not_matter((cells, mut answers) in answers()) {
            let one = compose(Measure::Persons, cells, &parts(&answers)).unwrap();
            answers.reverse();
            let other = compose(Measure::Persons, cells, &parts(&answers)).unwrap();
            prop_assert_eq!(one.values, other.values);
            prop_assert_eq!(one.margin_95, other.margin_95);
            prop_assert_eq!(one.bracket, other.bracket);
        }

        #[test]
        fn margins_widen_and_brackets_and_display_keep_order((cells, answers) in answers()) {
            let composed = compose(Measure::Persons, cells, &parts(&answers)).unwrap();
            let bracket = composed.bracket.unwrap();
            for cell in 0..cells {
                prop_assert!(composed.margin_95[cell] <= composed.margin_9999[cell]);
                prop_assert!(0 <= bracket.lower[cell] && bracket.lower[cell] <= bracket.upper[cell]);
                prop_assert!(bracket.upper[cell] >= composed.values[cell]);
                prop_assert_eq!(composed.display[cell] as i64, composed.values[cell].max(0));
                let certain = composed.margin_95[cell] <= composed.values[cell] as f64;
                prop_assert_eq!(composed.too_uncertain[cell], !certain);
            }
        }

        #[test]
        fn another_node_never_narrows_a_margin((cells, answers) in answers()) {
            let all = compose(Measure::Events, cells, &parts(&answers)).unwrap();
            let first = compose(Measure::Events, cells, &parts(&answers[..1])).unwrap();
            prop_assert!(all.margin_95[0] >= first.margin_95[0]);
            prop_assert!(all.margin_9999[0] >= first.margin_9999[0]);
        }
    }

    #[test]
    fn sums_whose_parts_do_not_fit_are_not_spread() {
        let part = Part {
            cells: &[1, 2, 3],
            variance: 4.0,
        };
        let mut composition = Composition::new(Measure::Persons, &[1, 2, 1], 1);
        composition.add(part).unwrap();
        let sums = composition.sums().unwrap();
        assert_eq!(
            (sums.noise.len(), &sums.runs[..]),
            (2, &[(1, 0), (1, 1), (1, 0)][..])
        );
        let damaged: [fn(&mut Sums); 7] = [
            |sums| sums.values.truncate(2),
            |sums| sums.values.push(1),
            |sums| sums.noise.truncate(1),
            |sums| sums.noise[0].above = None,
            |sums| sums.runs[1].0 = usize::MAX,
            |sums| sums.lower = None,
            |sums| sums.lower = Some(vec![0; 4]),
        ];
        for (place, damage) in damaged.iter().enumerate() {
            let mut sums = sums.clone();
            damage(&mut sums);
            let spread = sums.spread();
            assert!(
                matches!(spread, Err(ComposeError::OtherShape { .. })),
                "{place}"
            );
        }
        assert!(sums.spread().is_ok());
    }

    #[test]
    fn nothing_and_misfits_are_refused() {
        let one = Part {
            cells: &[1, 2],
            variance: 1.0,
        };
        assert_eq!(
            compose(Measure::Events, 2, &[]),
            Err(ComposeError::NoAnswers)
        );
        let mut one_of_two = Composition::new(Measure::Persons, &[1; 2], 2);
        assert_eq!(one_of_two.add(one), Ok(()));
        let count = ComposeError::OtherCount {
            expected: 2,
            found: 1,
        };
        assert_eq!(one_of_two.finish(), Err(count));
        let shape = ComposeError::OtherShape {
            expected: 3,
            found: 2,
        };
        assert_eq!(compose(Measure::Events, 3, &[one]), Err(shape));
        for variance in [f64::NAN, f64::INFINITY, -1.0] {
            let part = Part { variance, ..one };
            assert_eq!(
                compose(Measure::Events, 2, &[part]),
                Err(ComposeError::InvalidVariance)
            );
        }
        let huge = Part {
            cells: &[i64::MAX],
            variance: 1.0,
        };
        assert_eq!(
            compose(Measure::Events, 1, &[huge, huge]),
            Err(ComposeError::Overflow)
        );
    }
}
