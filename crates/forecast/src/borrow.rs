//! What a short series borrows from its parent: the season under two years, the level too under one
//! (empirical Bayes: the parent gives the mean, its children their spread). What is borrowed is said.

use crate::kalman::{Layout, State, add_season};
use crate::series::Series;

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

/// A parent as its children see it: its values and the seasonal effects and level found in them.
#[derive(Clone, Debug)]
pub struct Parent {
    /// Its level at the end, on the natural scale.
    pub level: f64,
    /// Its seasonal effects as parts of its level, by period modulo the season, counted from the period that is
    /// the children's first.
    pub effects: Vec<f64>,
    /// How much one child's seasonal effect differs from the parent's, as a part of the level: variance.
    pub season_variance: f64,
    /// Mean and variance between children of a child's part of the parent's level.
    pub child_share: (f64, f64),
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
