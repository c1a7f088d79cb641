//! Adds the answers of nodes cell by cell, with the variance of the sum.
//! Values stay as they are, negative ones too; only the display copy is cut at zero.

use crate::ComposeError;
use crate::bracket::{Bracket, close_bracket, raise_lower};
use crate::margin::{Confidence, margin_of_draws};
use query::Measure;
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

    /// The composition of all parts.
    ///
    /// # Errors
    /// [`ComposeError::NoAnswers`]; [`ComposeError::OtherCount`] where other than the announced number of parts were added, on which
    /// the bracket rests.
    pub fn finish(self) -> Result<Composed, ComposeError> {
        let (found, expected) = (self.variances.len(), self.nodes);
        if found == 0 {
            return Err(ComposeError::NoAnswers);
        }
        if found != expected {
            return Err(ComposeError::OtherCount { expected, found });
        }
        let (runs, values, variances) = (self.runs, self.values, self.variances);
        let cells = values.len();
        let mut composed = Composed {
            display: values
                .iter()
                .map(|&value| value.max(0).unsigned_abs())
                .collect(),
            variance: Vec::with_capacity(cells),
            margin_95: Vec::with_capacity(cells),
            margin_9999: Vec::with_capacity(cells),
            too_uncertain: Vec::with_capacity(cells),
            bracket: self
                .measure
                .is_presence()
                .then(|| close_bracket(self.lower, &variances, &runs, &values)),
            values,
        };
        for (cells, noise) in noise_of(&runs, |draws| Noise::of(&variances, draws)) {
            composed.variance.resize(cells.end, noise.variance);
            composed.margin_95.resize(cells.end, noise.margin_95);
            composed.margin_9999.resize(cells.end, noise.margin_9999);
            let uncertain = |value: &i64| noise.margin_95 > *value as f64;
            let values = composed.values[cells].iter();
            composed.too_uncertain.extend(values.map(uncertain));
        }
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

/// The noise of one composed cell.
#[derive(Clone, Copy)]
struct Noise {
    variance: f64,
    margin_95: f64,
    margin_9999: f64,
}

impl Noise {
    /// Of so many draws of each part.
    fn of(variances: &[f64], draws: u32) -> Noise {
        Noise {
            variance: variances.iter().sum::<f64>() * f64::from(draws),
            margin_95: margin_of_draws(variances, draws, Confidence::P95),
            margin_9999: margin_of_draws(variances, draws, Confidence::P9999),
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
