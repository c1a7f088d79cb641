//! The exact diffuse Kalman filter of the structural model, on arrays whose size the compiler knows.
//! It allocates nothing and never chooses a parameter.
//!
//! The state is `[level, slope?, effect of season 0, .., effect of season s-1]`, the effects summing to zero
//! (Harrison and Stevens 1976), so that moving in time touches level and slope only. A model with a slope has
//! an even number of elements, one without an odd number: `M` alone tells the layout. Initial elements without a
//! prior are diffuse and treated exactly (Durbin and Koopman 2012, section 5.2).

/// Where the parts of a state of `M` elements lie.
pub(crate) struct Layout<const M: usize>;

impl<const M: usize> Layout<M> {
    /// Whether there is a slope.
    pub(crate) const SLOPE: bool = M.is_multiple_of(2);
    /// The first seasonal effect.
    pub(crate) const FIRST: usize = if Self::SLOPE { 2 } else { 1 };
    /// Seasons in a cycle; 0 where there is none.
    pub(crate) const SEASONS: usize = M - Self::FIRST;
}

/// Variances of the disturbances per period, and the damping of the slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Disturbances {
    /// Of the level.
    pub(crate) level: f64,
    /// Of the slope.
    pub(crate) slope: f64,
    /// Covariance of level and slope.
    pub(crate) shared: f64,
    /// Of each seasonal effect, before they are made to sum to zero.
    pub(crate) season: f64,
    /// What is left of the slope after one period.
    pub(crate) damping: f64,
}

/// What is known of the state at one moment.
#[derive(Clone, Debug)]
pub(crate) struct State<const M: usize> {
    /// Its mean.
    pub(crate) mean: [f64; M],
    /// Its covariance, where it is not diffuse.
    pub(crate) cov: [[f64; M]; M],
    /// The diffuse part of its covariance.
    pub(crate) diffuse: [[f64; M]; M],
    /// The rank of the diffuse part.
    pub(crate) rank: usize,
}

/// What one observation told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Innovation {
    /// The value less its forecast one step ahead.
    pub(crate) error: f64,
    /// The variance of that error, or of its diffuse part.
    pub(crate) variance: f64,
    /// Whether the observation was spent on a diffuse element.
    pub(crate) diffuse: bool,
}

/// Below this a diffuse variance is rounding.
const DIFFUSE_ZERO: f64 = 1e-9;

impl<const M: usize> State<M> {
    /// Nothing is known.
    pub(crate) fn unknown() -> Self {
        let mut diffuse = [[0.0; M]; M];
        for (i, row) in diffuse.iter_mut().enumerate().take(Layout::<M>::FIRST) {
            row[i] = 1.0;
        }
        add_season(&mut diffuse, 1.0);
        let seasonal = Layout::<M>::SEASONS.saturating_sub(1);
        Self {
            mean: [0.0; M],
            cov: [[0.0; M]; M],
            diffuse,
            rank: Layout::<M>::FIRST + seasonal,
        }
    }

    /// The state is known to be zero: only its variances are of interest.
    pub(crate) fn known() -> Self {
        Self {
            mean: [0.0; M],
            cov: [[0.0; M]; M],
            diffuse: [[0.0; M]; M],
            rank: 0,
        }
    }

    /// The element that holds the effect of the season of `period`; the level where there is no season.
    fn effect(period: usize) -> usize {
        if Layout::<M>::SEASONS == 0 {
            0
        } else {
            Layout::<M>::FIRST + period % Layout::<M>::SEASONS
        }
    }

    /// Mean of the signal (level plus season) in `period`.
    #[inline(always)]
    pub(crate) fn signal(&self, period: usize) -> f64 {
        if Layout::<M>::SEASONS == 0 {
            self.mean[0]
        } else {
            self.mean[0] + self.mean[Self::effect(period)]
        }
    }

    /// Covariances of the state with the signal of `period`.
    #[inline(always)]
    pub(crate) fn load(matrix: &[[f64; M]; M], period: usize) -> [f64; M] {
        let mut load = matrix[0];
        if Layout::<M>::SEASONS > 0 {
            let effect = &matrix[Self::effect(period)];
            for (sum, term) in load.iter_mut().zip(effect) {
                *sum += term;
            }
        }
        load
    }

    /// Variance of the signal, from its covariances with the state.
    #[inline(always)]
    pub(crate) fn variance_of(load: &[f64; M], period: usize) -> f64 {
        if Layout::<M>::SEASONS == 0 {
            load[0]
        } else {
            load[0] + load[Self::effect(period)]
        }
    }

    /// Variance of the signal in `period`, diffuse elements aside.
    pub(crate) fn signal_variance(&self, period: usize) -> f64 {
        Self::variance_of(&Self::load(&self.cov, period), period)
    }

    /// What the signal of `period` is made of.
    pub(crate) fn loading(period: usize) -> [f64; M] {
        let mut loading = [0.0; M];
        loading[0] = 1.0;
        if Layout::<M>::SEASONS > 0 {
            loading[Self::effect(period)] = 1.0;
        }
        loading
    }

    /// How much of an error of `period` each element takes, were it observed with variance `noise`.
    pub(crate) fn gain(&self, period: usize, noise: f64) -> [f64; M] {
        let (load, variance) = {
            let loose = Self::load(&self.diffuse, period);
            let loose_variance = Self::variance_of(&loose, period);
            if self.rank > 0 && loose_variance > DIFFUSE_ZERO {
                (loose, loose_variance)
            } else {
                let load = Self::load(&self.cov, period);
                let variance = Self::variance_of(&load, period) + noise;
                (load, variance)
            }
        };
        load.map(|cell| cell / variance)
    }

    /// Learns the value of `period`, observed with variance `noise`.
    #[inline(always)]
    pub(crate) fn observe(&mut self, period: usize, value: f64, noise: f64) -> Innovation {
        let error = value - self.signal(period);
        let load = Self::load(&self.cov, period);
        let variance = Self::variance_of(&load, period) + noise;
        if self.rank > 0 {
            let loose = Self::load(&self.diffuse, period);
            let loose_variance = Self::variance_of(&loose, period);
            if loose_variance > DIFFUSE_ZERO {
                self.observe_diffuse(error, &load, variance, &loose, loose_variance);
                return Innovation {
                    error,
                    variance: loose_variance,
                    diffuse: true,
                };
            }
        }
        let inverse = 1.0 / variance;
        let gain = error * inverse;
        for i in 0..M {
            self.mean[i] += load[i] * gain;
            let factor = load[i] * inverse;
            let row = &mut self.cov[i];
            for j in 0..M {
                row[j] -= factor * load[j];
            }
        }
        Innovation {
            error,
            variance,
            diffuse: false,
        }
    }

    #[inline(never)]
    fn observe_diffuse(
        &mut self,
        error: f64,
        load: &[f64; M],
        variance: f64,
        loose: &[f64; M],
        loose_variance: f64,
    ) {
        let inverse = 1.0 / loose_variance;
        for i in 0..M {
            self.mean[i] += loose[i] * inverse * error;
            for j in 0..M {
                self.cov[i][j] += loose[i] * loose[j] * variance * inverse * inverse
                    - (load[i] * loose[j] + loose[i] * load[j]) * inverse;
                self.diffuse[i][j] -= loose[i] * loose[j] * inverse;
            }
        }
        self.rank -= 1;
        if self.rank == 0 {
            self.diffuse = [[0.0; M]; M];
        }
    }

    /// Forgets the level and keeps all else: from here on values are measured in another way, and how far that moves them is unknown.
    /// What came before is forgotten whole, and the state as at the `start`, where it did not suffice to know slope and season.
    #[inline(never)]
    pub(crate) fn loosen(&mut self, start: &Self) {
        let level_alone =
            self.rank == 1 && self.diffuse[1..].iter().flatten().all(|cell| *cell == 0.0);
        if self.rank == 0 {
            self.diffuse[0][0] = 1.0;
            self.rank = 1;
        } else if !level_alone {
            self.clone_from(start);
        }
    }

    /// Moves to the next period.
    #[inline(always)]
    pub(crate) fn advance(&mut self, disturbances: &Disturbances) {
        if Layout::<M>::SLOPE {
            let damping = disturbances.damping;
            self.mean[0] += self.mean[1];
            self.mean[1] *= damping;
            sway(&mut self.cov, damping);
            if self.rank > 0 {
                sway(&mut self.diffuse, damping);
            }
            self.cov[1][1] += disturbances.slope;
            self.cov[0][1] += disturbances.shared;
            self.cov[1][0] += disturbances.shared;
        }
        self.cov[0][0] += disturbances.level;
        if disturbances.season > 0.0 {
            add_season(&mut self.cov, disturbances.season);
        }
    }
}

/// `T C T'` for the level and the slope.
#[inline(always)]
pub(crate) fn sway<const M: usize>(matrix: &mut [[f64; M]; M], damping: f64) {
    let slope = matrix[1];
    for (sum, term) in matrix[0].iter_mut().zip(&slope) {
        *sum += term;
    }
    for cell in &mut matrix[1] {
        *cell *= damping;
    }
    for row in matrix.iter_mut() {
        row[0] += row[1];
        row[1] *= damping;
    }
}

/// Adds `variance * (I - 11'/s)` to the seasonal block.
#[inline(always)]
pub(crate) fn add_season<const M: usize>(matrix: &mut [[f64; M]; M], variance: f64) {
    let seasons = Layout::<M>::SEASONS;
    if seasons == 0 {
        return;
    }
    let shared = variance / seasons as f64;
    for i in Layout::<M>::FIRST..M {
        let row = &mut matrix[i];
        for cell in &mut row[Layout::<M>::FIRST..M] {
            *cell -= shared;
        }
        row[i] += variance;
    }
}

/// What a pass over a series says of its parameters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evidence {
    /// Observations beyond those spent on diffuse elements.
    pub(crate) observed: usize,
    /// Sum of the logarithms of the innovations' variances, diffuse ones included.
    pub(crate) log_variances: f64,
    /// Sum of squared standardised innovations.
    pub(crate) squares: f64,
}

impl Evidence {
    /// Twice the negative logarithm of the diffuse likelihood.
    pub(crate) fn deviance(&self) -> f64 {
        self.observed as f64 * std::f64::consts::TAU.ln() + self.log_variances + self.squares
    }

    /// The variance, and the deviance with it, where all variances are known up to that common factor.
    pub(crate) fn concentrated(&self) -> (f64, f64) {
        let n = self.observed as f64;
        let scale = self.squares / n;
        (
            scale,
            n * (std::f64::consts::TAU * scale).ln() + self.log_variances + n,
        )
    }
}

/// Filters `values` (NaN where missing), each observed with the variance `noise` gives for its period. At each of `breaks` the level
/// is another.
#[inline(always)]
pub(crate) fn filter<const M: usize>(
    state: &mut State<M>,
    disturbances: &Disturbances,
    values: &[f64],
    noise: impl Fn(usize) -> f64,
    breaks: &[usize],
    mut watch: impl FnMut(usize, &State<M>, Option<Innovation>),
) -> Evidence {
    let mut evidence = Evidence::default();
    let start = (!breaks.is_empty()).then(|| state.clone());
    // Products of variances, so that a logarithm is taken once in a while and not once a period.
    let mut product = 1.0_f64;
    for (period, &value) in values.iter().enumerate() {
        if let Some(start) = &start
            && breaks.contains(&period)
        {
            state.loosen(start);
        }
        let mut innovation = None;
        if !value.is_nan() {
            let seen = state.observe(period, value, noise(period));
            product *= seen.variance;
            if !seen.diffuse {
                evidence.observed += 1;
                evidence.squares += seen.error * seen.error / seen.variance;
            }
            if !(1e-100..=1e100).contains(&product) {
                evidence.log_variances += product.ln();
                product = 1.0;
            }
            innovation = Some(seen);
        }
        watch(period, state, innovation);
        state.advance(disturbances);
    }
    evidence.log_variances += product.ln();
    evidence
}

#[cfg(test)]
mod tests;
