//! One demo city: its registers built into snapshots, the default cube of needs asked of each with real noise, and the bounded truth
//! that the answers are estimates of.

use crate::Tally;
use anyhow::{Result, anyhow};
use compose::{Confidence, Consistent, Estimate, LevelledAnswer};
use demo_city::{CityConfig, generate, register_path};
use geography::Level;
use kernel::aggregate;
use mechanism::release;
use privacy_loss::price;
use query::{AggregateQuery, Month, SliceOf};
use serde_json::Value;
use snapshot::{Edition, Mapping, NodeKey, Snapshot};
use std::fs::File;

/// The levels of the cube, coarsest first.
pub(crate) const LEVELS: [Level; 3] = [Level::City, Level::Municipio, Level::Nil];
/// The cube covers these years.
const FROM: &str = "2021-01";
const TO: &str = "2025-12";

/// The answers of a city's six registers, and the truth.
pub(crate) struct City {
    /// The question of one level has so many cells within each area: targets, then periods.
    pub(crate) inner: usize,
    pub(crate) periods: usize,
    /// By level: the sum of the bounded aggregates, areas slowest.
    pub(crate) truth: Vec<Vec<i64>>,
    /// By level: the sum of the answers, and its noise variance.
    released: Vec<(Vec<i64>, f64)>,
    pub(crate) consistent: Consistent,
    /// What the bounds keep of the whole city's count, by cell of the coarsest level: groups, then periods. Nothing where nobody counts.
    kept: Vec<Option<f64>>,
    /// The finest level of all registers.
    pub(crate) finest: Option<Level>,
}

/// The default cube of needs over the five years, as it is asked of the past; or `uncut`, with bounds so wide that they cut nothing
/// off, at the loss that gives the same noise.
fn question(uncut: bool) -> Result<AggregateQuery> {
    let first = Month::parse(FROM).ok_or_else(|| anyhow!("a month"))?;
    let cube: Value = serde_json::from_str(&query::default_definitions("bench", first)[0])?;
    let mut question = cube["question"].clone();
    question["version"] = 1.into();
    question["period"] = serde_json::json!({ "from": FROM, "to": TO });
    question["bounds"] = cube["past"]["bounds"].clone();
    question["rho"] = cube["past"]["rho"].clone();
    let parsed = |question: &Value| {
        AggregateQuery::parse(question.to_string().as_bytes())
            .map_err(|refusal| anyhow!("{refusal}"))
    };
    let asked = parsed(&question)?;
    if !uncut {
        return Ok(asked);
    }
    let (cells, reachable) = (asked.bounds().cells, asked.reachable_cells());
    // The variance of the noise is as the cells over the loss.
    question["bounds"]["cells"] = reachable.into();
    question["rho"] = (asked.rho_nano() * u64::from(reachable) / u64::from(cells)).into();
    parsed(&question)
}

impl City {
    /// Makes the city of a seed and asks it, with the cube's bounds or `uncut`.
    pub(crate) fn asked(seed: u64, scale: f64, uncut: bool) -> Result<City> {
        let folder = tempfile::tempdir()?;
        let config = CityConfig {
            seed,
            scale,
            ..CityConfig::default()
        };
        let manifest = generate(&config, folder.path(), &mut |_| {})?;
        let query = question(uncut)?;
        let whole = question(true)?;
        let price = price(&query);
        let slices = query.slices();
        let mapping = Mapping::parse(Mapping::municipal_register())?;
        let mut truth: Vec<Vec<i64>> = Vec::new();
        let mut all = vec![0_i64; query.cells_per_area()];
        let mut answers: Vec<Vec<(Vec<i64>, f64)>> = Vec::new();
        for organisation in &manifest.organisations {
            let edition = Edition {
                number: 1,
                label: "2026-01".to_owned(),
                created_at: 1_767_225_600,
            };
            let register = File::open(register_path(folder.path(), &organisation.id))?;
            let key = NodeKey::new(&[seed as u8; 32]);
            let (snapshot, _) = Snapshot::build(&mapping, register, &key, edition)?;
            let exact = aggregate(&query, &snapshot).release_through(|cells| cells);
            let unbounded = aggregate(&whole, &snapshot).release_through(|cells| cells);
            // The coarsest level comes first: one area.
            all.iter_mut()
                .zip(&unbounded)
                .for_each(|(sum, cell)| *sum += cell);
            let noisy = release(aggregate(&query, &snapshot), &price)?;
            let mut answer = Vec::new();
            for (place, slice) in slices.iter().enumerate() {
                if !matches!(slice.of, SliceOf::Level(_)) {
                    continue;
                }
                let cells = &exact[slice.cells.clone()];
                match truth.get_mut(answer.len()) {
                    None => truth.push(cells.to_vec()),
                    Some(sum) => sum
                        .iter_mut()
                        .zip(cells)
                        .for_each(|(sum, cell)| *sum += cell),
                }
                let variance = price.slices[place].variance();
                answer.push((noisy.cells()[slice.cells.clone()].to_vec(), variance));
            }
            answers.push(answer);
        }
        let levelled: Vec<LevelledAnswer<'_>> = (answers.iter())
            .map(|answer| LevelledAnswer {
                finest: Some(mapping.finest_level()),
                levels: (answer.iter())
                    .map(|(cells, variance)| (&cells[..], *variance))
                    .collect(),
            })
            .collect();
        let inner = query.cells_per_area();
        let consistent = Consistent::compose(&LEVELS, inner, &levelled)?;
        let released = (0..LEVELS.len())
            .map(|level| {
                let mut sum = vec![0; truth[level].len()];
                for answer in &answers {
                    let cells = answer[level].0.iter();
                    sum.iter_mut()
                        .zip(cells)
                        .for_each(|(sum, cell)| *sum += cell);
                }
                let variance = answers.iter().map(|answer| answer[level].1).sum();
                (sum, variance)
            })
            .collect();
        let kept = (truth[0].iter().zip(&all))
            .map(|(kept, all)| (*all > 0).then(|| *kept as f64 / *all as f64))
            .collect();
        Ok(City {
            kept,
            inner,
            periods: query.periods().len(),
            truth,
            released,
            consistent,
            finest: Some(mapping.finest_level()),
        })
    }

    /// What the bounds keep of each group's count, by period.
    pub(crate) fn kept(&self) -> impl Iterator<Item = Vec<f64>> + '_ {
        (self.kept.chunks(self.periods)).map(|group| group.iter().flatten().copied().collect())
    }

    /// Whether estimates hold the truth.
    pub(crate) fn composed(&self, tally: &mut Tally) -> Result<()> {
        for (level, of) in LEVELS.iter().enumerate() {
            let truth = &self.truth[level];
            let (cells, variance) = &self.released[level];
            for (cell, truth) in truth.iter().enumerate() {
                let plain = Estimate {
                    value: cells[cell] as f64,
                    variance: *variance,
                };
                let coherent = Estimate {
                    value: self.consistent.values(level)[cell],
                    variance: self.consistent.variance(level)[cell / self.inner],
                };
                for (name, confidence) in [("90 %", Confidence::P90), ("95 %", Confidence::P95)] {
                    for (kind, estimate) in [("composed", plain), ("made consistent", coherent)] {
                        let (low, high) = estimate.interval(confidence);
                        let hit = (low..=high).contains(&(*truth as f64));
                        tally.add(&format!("{name} {kind}, {}", of.id()), hit);
                    }
                }
            }
        }
        Ok(())
    }
}
