//! What a short series borrows from its parent: the season under two years, the level too under one
//! (empirical Bayes: the parent gives the mean, its children their spread). What is borrowed is said.

use crate::combine::forecast;
use crate::kalman::{Layout, State, add_season};
use crate::series::{ForecastError, Series};

/// What is known of a series before its first value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prior {
    season: Option<(Vec<f64>, f64)>,
    level: Option<(f64, f64)>,
}

/// What a forecast took from the parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Borrowed {
    /// The season.
    pub season: bool,
    /// The level.
    pub level: bool,
}

impl Prior {
    /// Whether there is anything.
    pub fn is_some(&self) -> bool {
        self.season.is_some() || self.level.is_some()
    }

    /// What it holds.
    pub fn borrowed(&self) -> Borrowed {
        Borrowed {
            season: self.season.is_some(),
            level: self.level.is_some(),
        }
    }

    /// The state before the first period.
    pub(crate) fn start<const M: usize>(&self) -> State<M> {
        let mut state = State::unknown();
        let seasons = Layout::<M>::SEASONS;
        if let Some((effects, variance)) = &self.season
            && seasons == effects.len()
        {
            let first = Layout::<M>::FIRST;
            state.mean[first..].copy_from_slice(effects);
            add_season(&mut state.cov, *variance);
            for row in &mut state.diffuse[first..] {
                row[first..].fill(0.0);
            }
            state.rank -= seasons - 1;
        }
        if let Some((mean, variance)) = self.level {
            state.mean[0] = mean;
            state.cov[0][0] = variance;
            state.diffuse[0][0] = 0.0;
            state.rank -= 1;
        }
        state
    }
}

/// A parent as its children see it: the level and season of the sum of those of them that have a history.
#[derive(Clone, Debug, PartialEq)]
pub struct Parent {
    level: f64,
    /// Seasonal effects as parts of the level, by period modulo the season.
    effects: Vec<f64>,
    /// Variance of a child's seasonal effect around its parent's, as a part of the level.
    season_variance: f64,
    /// Mean and variance between children of a child's part of the parent's level.
    child_share: (f64, f64),
}

/// A child's season is taken to differ from its parent's by half as much as the parent's differs from none.
const SEASON_DIFFERS: f64 = 0.5;

impl Parent {
    /// The parent of `siblings`, of which those of three cycles or more count; they must begin together. `None` where
    /// fewer than two do, or where no level is left to take parts of.
    pub fn of(siblings: &[&Series]) -> Result<Option<Self>, ForecastError> {
        let able: Vec<&Series> = siblings
            .iter()
            .copied()
            .filter(|s| {
                let known = s.values().iter().filter(|v| !v.is_nan()).count();
                known == s.values().len() && known >= 3 * s.season().periods()
            })
            .collect();
        let Some(first) = able.first().filter(|_| able.len() > 1) else {
            return Ok(None);
        };
        let n = first.values().len();
        if able.iter().any(|s| s.values().len() != n) {
            return Ok(None);
        }
        let mut values = vec![0.0; n];
        let mut privacy = vec![0.0; n];
        for series in &able {
            for (sum, value) in values.iter_mut().zip(series.values()) {
                *sum += value;
            }
            for (sum, variance) in privacy.iter_mut().zip(series.privacy().unwrap_or_default()) {
                *sum += variance;
            }
        }
        let season = first.season();
        let sum = Series::try_new(
            values,
            first.privacy().map(|_| privacy),
            season,
            first.kind(),
        )?
        .with_breaks(first.breaks());
        let ahead = forecast(&sum, 1, &Prior::default())?;
        let (level, effects) = (ahead.explanation().level, &ahead.explanation().season);
        let periods = season.periods();
        if level <= 0.0 {
            return Ok(None);
        }
        let effects: Vec<f64> = if effects.len() == periods {
            effects.iter().map(|e| e / level).collect()
        } else {
            vec![0.0; periods]
        };
        let square = effects.iter().map(|e| e * e).sum::<f64>() / periods as f64;
        let recent = |s: &Series| s.values()[n - periods..].iter().sum::<f64>() / periods as f64;
        let parts: Vec<f64> = able.iter().map(|s| recent(s) / level).collect();
        let count = parts.len() as f64;
        let mean = parts.iter().sum::<f64>() / count;
        let spread = parts.iter().map(|p| (p - mean) * (p - mean)).sum::<f64>() / (count - 1.0);
        // What the children seem to differ by is partly noise, whose size is known.
        let noise = able.iter().map(|s| s.mean_privacy()).sum::<f64>() / count / periods as f64;
        let spread = (spread - noise / (level * level)).max(0.01 * mean * mean);
        Ok(Some(Self {
            level,
            effects,
            season_variance: SEASON_DIFFERS * SEASON_DIFFERS * square,
            child_share: (mean, spread),
        }))
    }
}

/// What `child` borrows of `parent`: nothing where it is two years long.
pub fn borrow(child: &Series, parent: &Parent) -> Prior {
    let periods = child.season().periods();
    let values: Vec<f64> = child
        .values()
        .iter()
        .copied()
        .filter(|v| !v.is_nan())
        .collect();
    let n = values.len();
    if periods < 2 || n >= 2 * periods || parent.effects.len() != periods {
        return Prior::default();
    }
    let own = values.iter().sum::<f64>() / n as f64;
    let expected = parent.level * parent.child_share.0;
    let spread = parent.level * parent.level * parent.child_share.1;
    let level = (n < periods && spread > 0.0).then_some((expected, spread));
    // The scale of the borrowed season is the child's own level, shrunk to its expectation by what is known.
    let own_variance = (own.abs() + child.mean_privacy()) / n as f64;
    let trust = if spread > 0.0 {
        spread / (spread + own_variance)
    } else {
        1.0
    };
    let scale = (trust * own + (1.0 - trust) * expected).max(0.0);
    let effects: Vec<f64> = parent.effects.iter().map(|e| e * scale).collect();
    Prior {
        season: Some((effects, (parent.season_variance * scale * scale).max(1e-12))),
        level,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::{Kind, Season};

    /// Counts of `level` in a season of a third, the same every year; missing before `begun`.
    fn counts(level: f64, begun: usize) -> Series {
        let values = (0..60_usize)
            .map(|t| {
                let wave = (std::f64::consts::TAU * t as f64 / 12.0).sin();
                let ripple = ((t * 7919) % 7) as f64 - 3.0;
                if t < begun {
                    f64::NAN
                } else {
                    level * (1.0 + wave / 3.0) + ripple
                }
            })
            .collect();
        Series::try_new(values, Some(vec![9.0; 60]), Season::Months, Kind::Counts).unwrap()
    }

    #[test]
    fn a_short_series_takes_its_season_from_its_parent() {
        let siblings = [counts(100.0, 0), counts(140.0, 0), counts(120.0, 0)];
        let parent = Parent::of(&siblings.iter().collect::<Vec<_>>())
            .unwrap()
            .unwrap();
        let child = counts(60.0, 45);
        let prior = borrow(&child, &parent);
        assert_eq!(
            prior.borrowed(),
            Borrowed {
                season: true,
                level: false
            }
        );
        let ahead = forecast(&child, 12, &prior).unwrap();
        assert!(ahead.borrowed().season);
        let whole = |centre: &[f64]| {
            (0..12)
                .map(|h| {
                    let truth =
                        60.0 * (1.0 + (std::f64::consts::TAU * h as f64 / 12.0).sin() / 3.0);
                    (centre[h] - truth).abs() / 12.0
                })
                .sum::<f64>()
        };
        let alone = forecast(&child, 12, &Prior::default()).unwrap();
        assert!(
            whole(ahead.centre()) < 0.5 * whole(alone.centre()),
            "{} {}",
            whole(ahead.centre()),
            whole(alone.centre())
        );
    }

    #[test]
    fn a_very_short_series_takes_its_level_too_and_a_long_one_nothing() {
        let siblings = [counts(100.0, 0), counts(140.0, 0), counts(120.0, 0)];
        let parent = Parent::of(&siblings.iter().collect::<Vec<_>>())
            .unwrap()
            .unwrap();
        assert_eq!(
            borrow(&counts(90.0, 55), &parent).borrowed(),
            Borrowed {
                season: true,
                level: true
            }
        );
        assert!(!borrow(&counts(90.0, 30), &parent).is_some());
        assert_eq!(Parent::of(&[&siblings[0]]).unwrap(), None);
    }
}
