//! Where the variance of a forecast comes from: privacy noise in the past, counting, or the process itself.
//! The filter is linear, so under its own gains the parts add up exactly. What growth adds is told by `combine` and `reconcile`.

use crate::fit::{Fit, Noise, Observed};
use crate::kalman::{Disturbances, Layout, State, sway};

/// Parts of one forecast's variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// From the privacy noise of past releases.
    pub privacy: f64,
    /// From level, slope and season moving and not being known.
    pub process: f64,
    /// From the Poisson variation of counts, past and to come; zero for amounts.
    pub counting: f64,
    /// From growth that all areas may have in common and the past does not show; zero where none is added.
    pub growth: f64,
}

impl Shares {
    /// The whole variance.
    pub fn total(&self) -> f64 {
        self.but_growth() + self.growth
    }

    /// The variance without that of growth.
    pub(crate) fn but_growth(&self) -> f64 {
        self.privacy + self.process + self.counting
    }

    /// The same parts of another variance, of which `growth` is from growth.
    pub(crate) fn of(&self, variance: f64, growth: f64) -> Self {
        let rest = (variance - growth).max(0.0);
        let own = self.but_growth();
        let scale = if own > 0.0 { rest / own } else { 0.0 };
        Self {
            privacy: scale * self.privacy,
            process: if own > 0.0 {
                scale * self.process
            } else {
                rest
            },
            counting: scale * self.counting,
            growth,
        }
    }
}

/// The part of an estimate's covariance that comes from one source of observation noise.
struct Part<const M: usize>([[f64; M]; M]);

impl<const M: usize> Part<M> {
    /// `L C L' + K K' v` with `L = I - K Z'`.
    fn observe(&mut self, period: usize, gain: &[f64; M], variance: f64) {
        let load = State::load(&self.0, period);
        let signal = State::variance_of(&load, period);
        for (i, row) in self.0.iter_mut().enumerate() {
            for (j, cell) in row.iter_mut().enumerate() {
                *cell +=
                    gain[i] * gain[j] * (signal + variance) - gain[i] * load[j] - load[i] * gain[j];
            }
        }
    }

    fn advance(&mut self, disturbances: &Disturbances) {
        if Layout::<M>::SLOPE {
            sway(&mut self.0, disturbances.damping);
        }
    }

    fn signal_variance(&self, period: usize) -> f64 {
        State::variance_of(&State::load(&self.0, period), period).max(0.0)
    }
}

/// The parts of the forecast variances of `fit`, by horizon.
pub(crate) fn attribute<const M: usize>(
    fit: &Fit<M>,
    (values, breaks): (&[f64], &[usize]),
    noise: Noise<'_>,
    mut state: State<M>,
    horizon: usize,
) -> Vec<Shares> {
    let observed = Observed {
        noise,
        own: fit.own,
    };
    let start = state.clone();
    let mut privacy = Part([[0.0; M]; M]);
    let mut counting = Part([[0.0; M]; M]);
    for (period, &value) in values.iter().enumerate() {
        if breaks.contains(&period) {
            state.loosen(&start);
        }
        if !value.is_nan() {
            let variance = observed.variance(period);
            let gain = state.gain(period, variance);
            state.observe(period, value, variance);
            privacy.observe(period, &gain, observed.privacy(period));
            counting.observe(period, &gain, observed.counting(period));
        }
        state.advance(&fit.disturbances);
        privacy.advance(&fit.disturbances);
        counting.advance(&fit.disturbances);
    }
    let n = values.len();
    (n..n + horizon)
        .map(|period| {
            let signal = state.signal(period);
            let total = state.signal_variance(period) + observed.future(signal);
            let of_privacy = privacy.signal_variance(period);
            let of_counting = counting.signal_variance(period) + observed.future_counting(signal);
            state.advance(&fit.disturbances);
            privacy.advance(&fit.disturbances);
            counting.advance(&fit.disturbances);
            Shares {
                privacy: of_privacy,
                process: (total - of_privacy - of_counting).max(0.0),
                counting: of_counting,
                growth: 0.0,
            }
        })
        .collect()
}
