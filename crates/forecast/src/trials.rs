//! Series that are forecast together, tried from earlier ends of their past: everything is done there as it is done for the forecast that
//! is shown, the agreement of all levels and the calibration by what was known then included. Each forecast serves twice: it is scored,
//! and it calibrates those that came after what it was of. It makes none itself: the caller does, with what it does to all of them.

use crate::backtest::{Backtest, Cut, Plan, Scored};
use crate::calibrate::{Calibration, deviations, origins_before};
use crate::combine::Forecast;
use crate::lattice::Lattice;
use crate::series::{ForecastError, Season, Series};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Standardised distances by series of what followed one end of the past, each with its period ahead.
type Window = Vec<Vec<(usize, f64)>>;

/// Trials of all series of a lattice.
pub struct Trials<'a> {
    lattice: &'a Lattice,
    series: &'a [Series],
    /// Periods of all series, and their season.
    past: (usize, Season),
    horizon: usize,
    plan: Plan,
    origins: Vec<usize>,
    windows: BTreeMap<usize, Window>,
    /// By series and horizon, the latest origin last.
    scored: Vec<Vec<Vec<Scored>>>,
}

impl<'a> Trials<'a> {
    /// Trials of forecasts of so many periods; `scored` where they are to be backtested, and not only to calibrate.
    ///
    /// # Errors
    /// [`ForecastError::InvalidHierarchy`] where there is not one series for each of the lattice, or where they do not end together.
    pub fn try_new(
        lattice: &'a Lattice,
        series: &'a [Series],
        horizon: usize,
        scored: bool,
    ) -> Result<Self, ForecastError> {
        let past = (series.first()).map_or((0, Season::None), |s| (s.values().len(), s.season()));
        let alike = |s: &Series| (s.values().len(), s.season()) == past;
        if series.len() != lattice.levels().len() || !series.iter().all(alike) {
            return Err(ForecastError::InvalidHierarchy(
                "there must be one series for each of the lattice, all of the same periods"
                    .to_owned(),
            ));
        }
        let (n, season) = past;
        let mut plan = Plan::of(n, season, horizon, scored);
        // What calibrates the forecast that is shown, and each that is scored.
        let ends = plan.origins.iter().copied().chain([n]);
        let windows = ends.flat_map(|end| origins_before(end, season, horizon));
        let wanted: BTreeSet<usize> = windows.chain(plan.origins.iter().copied()).collect();
        // All series must have begun, or nothing could agree.
        let begun = |origin: &usize| series.iter().all(|one| one.until(*origin).is_some());
        plan.origins.retain(begun);
        Ok(Self {
            lattice,
            series,
            past,
            horizon,
            scored: vec![vec![Vec::new(); plan.horizons.len()]; series.len()],
            plan,
            origins: wanted.into_iter().filter(begun).collect(),
            windows: BTreeMap::new(),
        })
    }

    /// Where the past is cut, the earliest first, in the order in which forecasts are to be added.
    pub fn origins(&self) -> &[usize] {
        &self.origins
    }

    /// All series as they were known at one of the origins.
    pub fn past(&self, origin: usize) -> Vec<Series> {
        (self.series.iter())
            .filter_map(|one| one.until(origin))
            .collect()
    }

    /// Takes the forecasts made of [`Trials::past`] at an origin, not yet in agreement. Where they cannot be brought to agree, nothing
    /// would have been shown then, so that origin is left out.
    ///
    /// # Errors
    /// [`ForecastError::InvalidHierarchy`] where there is not one forecast for each series.
    pub fn add(&mut self, origin: usize, found: &[Forecast]) -> Result<(), ForecastError> {
        let found = match self.lattice.reconcile(found) {
            Ok(found) => found,
            Err(ForecastError::NotReconciled { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.plan.origins.contains(&origin) {
            let calibrations = self.calibrations_at(origin);
            let Some(longest) = self.plan.horizons.last().copied() else {
                return Ok(());
            };
            let horizons = &self.plan.horizons;
            let levels = self.lattice.levels();
            (self
                .scored
                .par_iter_mut()
                .zip(self.series)
                .zip(&found)
                .zip(levels))
            .for_each(|(((scored, series), ahead), level)| {
                let past = series.until(origin);
                let cut = past.and_then(|past| Cut::of(series, &past, origin, longest));
                let Some(cut) = cut else { return };
                for (scored, horizon) in scored.iter_mut().zip(horizons) {
                    if cut.is_known(*horizon) {
                        scored.push(cut.score(*horizon, ahead, &calibrations[*level]));
                    }
                }
            });
        }
        let window = (self.series.iter().zip(&found))
            .map(|(series, ahead)| deviations(series, origin, ahead).collect())
            .collect();
        self.windows.insert(origin, window);
        Ok(())
    }

    /// A calibration for each level, for forecasts of what is known now. A level of few series has few windows, and keeps most of the
    /// distribution assumed.
    pub fn calibrations(&self) -> Vec<Calibration> {
        self.calibrations_at(self.past.0)
    }

    /// The same for forecasts of what was known at an end of the past.
    fn calibrations_at(&self, end: usize) -> Vec<Calibration> {
        let levels = self.lattice.levels();
        let count = levels.iter().map(|level| level + 1).max().unwrap_or(0);
        let mut by_level: Vec<Window> = vec![Vec::new(); count];
        let windows = origins_before(end, self.past.1, self.horizon)
            .filter_map(|origin| self.windows.get(&origin));
        for window in windows {
            for (one, level) in window.iter().zip(levels) {
                by_level[*level].push(one.clone());
            }
        }
        (by_level.iter())
            .map(|level| Calibration::from_deviations(level, self.horizon))
            .collect()
    }

    /// Of each series how forecasts of it did, by horizon.
    pub fn backtests(&self) -> Vec<Vec<Backtest>> {
        (self.scored.iter())
            .map(|by_horizon| {
                let latest_first: Vec<Vec<Scored>> = (by_horizon.iter())
                    .map(|scored| scored.iter().rev().copied().collect())
                    .collect();
                Backtest::all(&self.plan.horizons, &latest_first)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::borrow::Prior;
    use crate::combine::forecast;
    use crate::series::Kind;

    const HORIZON: usize = 4;

    /// Two parts and their whole, quarterly, all of noise, with a gap in the first part's second year.
    fn series() -> Vec<Series> {
        let part = |at: usize, t: usize| {
            let level = [60.0, 140.0][at] + 0.8 * t as f64;
            level + (((t * (at + 3) * 7919) % 17) as f64 - 8.0)
        };
        let made = |of: &[usize]| {
            let values = (0..48)
                .map(|t| {
                    let gap = t == 5 && of.contains(&0);
                    let sum: f64 = of.iter().map(|at| part(*at, t)).sum();
                    if gap { f64::NAN } else { sum }
                })
                .collect();
            let noise = vec![25.0 * of.len() as f64; 48];
            Series::try_new(values, Some(noise), Season::Quarters, Kind::Counts).unwrap()
        };
        vec![made(&[0, 1]), made(&[0]), made(&[1])]
    }

    fn lattice() -> Lattice {
        Lattice::try_new(
            vec![0, 1, 1],
            vec![2.0, 1.0, 1.0],
            vec![vec![(0, 1.0), (1, -1.0), (2, -1.0)]],
            &[vec![50.0], vec![25.0, 25.0], vec![25.0, 0.0, 25.0]],
        )
        .unwrap()
    }

    fn ahead(past: &[Series]) -> Vec<Forecast> {
        (past.iter())
            .map(|one| forecast(one, HORIZON, &Prior::default()).unwrap())
            .collect()
    }

    #[test]
    fn what_is_scored_at_an_origin_is_what_would_have_been_shown_there() {
        let (lattice, series) = (lattice(), series());
        let mut trials = Trials::try_new(&lattice, &series, HORIZON, true).unwrap();
        for origin in trials.origins().to_vec() {
            let found = ahead(&trials.past(origin));
            trials.add(origin, &found).unwrap();
        }
        let found = trials.backtests();
        for (at, one) in series.iter().enumerate() {
            let horizons: Vec<usize> = found[at].iter().map(|b| b.horizon).collect();
            assert_eq!(horizons, [1, 3]);
            for tried in &found[at] {
                assert_eq!(tried.origins, 12);
                let (mut inside, mut errors) = (0.0, 0.0);
                for origin in (48 - tried.horizon + 1 - 12)..=(48 - tried.horizon) {
                    let past: Vec<Series> =
                        series.iter().map(|s| s.until(origin).unwrap()).collect();
                    let shown = &lattice.reconcile(&ahead(&past)).unwrap()[at];
                    let calibration =
                        &lattice.calibrate(&past, HORIZON).unwrap()[usize::from(at > 0)];
                    let step = tried.horizon - 1;
                    let noise = one.privacy().unwrap()[origin + step];
                    let deviations = calibration.deviations(0.95, step, shown);
                    let (low, high) = shown.interval_of_release(step, noise, deviations);
                    let actual = one.values()[origin + step];
                    inside += f64::from(u8::from(low <= actual && actual <= high)) / 12.0;
                    let scale = crate::score::seasonal_scale(past[at].values(), 4).unwrap();
                    errors += (actual - shown.centre()[step]).abs() / scale / 12.0;
                }
                assert!((tried.coverage - inside).abs() < 1e-12);
                assert!((tried.mase.unwrap() - errors).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn trials_calibrate_the_forecast_shown_whether_or_not_they_are_scored() {
        let (lattice, series) = (lattice(), series());
        let mut trials = Trials::try_new(&lattice, &series, HORIZON, true).unwrap();
        for origin in trials.origins().to_vec() {
            let found = ahead(&trials.past(origin));
            trials.add(origin, &found).unwrap();
        }
        let shown = lattice.reconcile(&ahead(&series)).unwrap();
        let alone = lattice.calibrate(&series, HORIZON).unwrap();
        for (level, calibration) in trials.calibrations().iter().enumerate() {
            assert_eq!(calibration.windows(), 2 * [1, 2][level]);
            for step in 0..HORIZON {
                let of = |c: &Calibration| c.deviations(0.95, step, &shown[level]);
                assert_eq!(of(calibration), of(&alone[level]));
            }
        }
        assert!(Trials::try_new(&lattice, &series[1..], HORIZON, true).is_err());
    }
}
