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

/// Filters `values` (NaN where missing), each observed with the variance `noise` gives for its period.
#[inline(always)]
pub(crate) fn filter<const M: usize>(
    state: &mut State<M>,
    disturbances: &Disturbances,
    values: &[f64],
    noise: impl Fn(usize) -> f64,
    mut watch: impl FnMut(usize, &State<M>, Option<Innovation>),
) -> Evidence {
    let mut evidence = Evidence::default();
    // Products of variances, so that a logarithm is taken once in a while and not once a period.
    let mut product = 1.0_f64;
    for (period, &value) in values.iter().enumerate() {
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
mod tests {
    use super::*;
    use ndarray::{Array1, Array2};

    const NOISE: [f64; 14] = [
        2.0, 3.0, 2.5, 4.0, 2.0, 1.0, 0.5, 2.0, 3.0, 2.0, 1.5, 2.0, 2.5, 1.0,
    ];
    const VALUES: [f64; 14] = [
        10.0, 12.0, 8.0, 5.0, 11.5, 13.0, 7.0, -4.0, 12.0, 15.0, 9.0, 6.5, 14.0, 16.0,
    ];

    /// Signal loadings of the initial state and of every later disturbance, written out period by period:
    /// the model as one big Gaussian vector, without any recursion of covariances.
    struct Dense<const M: usize> {
        /// Covariance of the values apart from the initial state.
        cov: Array2<f64>,
        /// What each element of the initial state does to each value.
        initial: Array2<f64>,
    }

    impl<const M: usize> Dense<M> {
        fn new(n: usize, d: &Disturbances, noise: &[f64]) -> Self {
            let path = |mut state: [f64; M], from: usize| -> Vec<f64> {
                (from..n)
                    .map(|t| {
                        let z = State::<M>::loading(t);
                        let signal: f64 = z.iter().zip(&state).map(|(a, b)| a * b).sum();
                        if Layout::<M>::SLOPE {
                            state[0] += state[1];
                            state[1] *= d.damping;
                        }
                        signal
                    })
                    .collect()
            };
            let unit = |i: usize| std::array::from_fn::<f64, M, _>(|j| f64::from(u8::from(i == j)));
            let mut initial = Array2::zeros((n, M));
            for i in 0..M {
                for (t, x) in path(unit(i), 0).into_iter().enumerate() {
                    initial[[t, i]] = x;
                }
            }
            let mut q = [[0.0; M]; M];
            q[0][0] = d.level;
            if Layout::<M>::SLOPE {
                q[1][1] = d.slope;
                q[0][1] = d.shared;
                q[1][0] = d.shared;
            }
            add_season(&mut q, d.season);
            let mut cov = Array2::from_diag(&Array1::from_vec(noise[..n].to_vec()));
            for from in 1..n {
                let effects: Vec<Vec<f64>> = (0..M).map(|i| path(unit(i), from)).collect();
                for (a, row) in effects.iter().enumerate() {
                    for (b, other) in effects.iter().enumerate() {
                        for (s, x) in row.iter().enumerate() {
                            for (t, y) in other.iter().enumerate() {
                                cov[[from + s, from + t]] += q[a][b] * x * y;
                            }
                        }
                    }
                }
            }
            Self { cov, initial }
        }
    }

    /// Lower Cholesky factor.
    fn cholesky(a: &Array2<f64>) -> Array2<f64> {
        let n = a.nrows();
        let mut l = Array2::<f64>::zeros((n, n));
        for i in 0..n {
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum();
                l[[i, j]] = if i == j {
                    (a[[i, i]] - sum).sqrt()
                } else {
                    (a[[i, j]] - sum) / l[[j, j]]
                };
            }
        }
        l
    }

    fn solve_lower(l: &Array2<f64>, b: &Array1<f64>) -> Array1<f64> {
        let mut x = b.clone();
        for i in 0..l.nrows() {
            for k in 0..i {
                x[i] -= l[[i, k]] * x[k];
            }
            x[i] /= l[[i, i]];
        }
        x
    }

    fn log_determinant(l: &Array2<f64>) -> f64 {
        2.0 * l.diag().iter().map(|x| x.ln()).sum::<f64>()
    }

    /// A basis `B` of the diffuse elements with `B B'` the filter's diffuse covariance.
    fn basis<const M: usize>() -> Array2<f64> {
        let s = Layout::<M>::SEASONS;
        let first = Layout::<M>::FIRST;
        let mut basis = Array2::zeros((M, first + s.saturating_sub(1)));
        for i in 0..first {
            basis[[i, i]] = 1.0;
        }
        // Helmert contrasts are orthonormal and orthogonal to the constant, so they square to I - 11'/s.
        for k in 1..s {
            let scale = 1.0 / ((k * (k + 1)) as f64).sqrt();
            for i in 0..k {
                basis[[first + i, first + k - 1]] = scale;
            }
            basis[[first + k, first + k - 1]] = -(k as f64) * scale;
        }
        basis
    }

    /// Deviance of the diffuse likelihood by generalised least squares on the dense model.
    fn dense_deviance<const M: usize>(d: &Disturbances, missing: &[usize]) -> f64 {
        let n = VALUES.len();
        let dense = Dense::<M>::new(n, d, &NOISE);
        let kept: Vec<usize> = (0..n).filter(|t| !missing.contains(t)).collect();
        let m = kept.len();
        let cov = Array2::from_shape_fn((m, m), |(i, j)| dense.cov[[kept[i], kept[j]]]);
        let x = dense.initial.dot(&basis::<M>());
        let x = Array2::from_shape_fn((m, x.ncols()), |(i, j)| x[[kept[i], j]]);
        let y = Array1::from_iter(kept.iter().map(|&t| VALUES[t]));
        let l = cholesky(&cov);
        let y = solve_lower(&l, &y);
        let mut whitened = x.clone();
        for j in 0..x.ncols() {
            whitened
                .column_mut(j)
                .assign(&solve_lower(&l, &x.column(j).to_owned()));
        }
        let gram = whitened.t().dot(&whitened);
        let lower = cholesky(&gram);
        let projected = solve_lower(&lower, &whitened.t().dot(&y));
        let squares = y.dot(&y) - projected.dot(&projected);
        (m - x.ncols()) as f64 * std::f64::consts::TAU.ln()
            + log_determinant(&l)
            + log_determinant(&lower)
            + squares
    }

    fn filtered<const M: usize>(d: &Disturbances, start: State<M>, missing: &[usize]) -> Evidence {
        let mut values = VALUES;
        for &t in missing {
            values[t] = f64::NAN;
        }
        filter(&mut start.clone(), d, &values, |t| NOISE[t], |_, _, _| {})
    }

    const DISTURBANCES: Disturbances = Disturbances {
        level: 0.7,
        slope: 0.05,
        shared: -0.1,
        season: 0.2,
        damping: 0.9,
    };

    fn check<const M: usize>(missing: &[usize]) {
        let found = filtered(&DISTURBANCES, State::<M>::unknown(), missing).deviance();
        let expected = dense_deviance::<M>(&DISTURBANCES, missing);
        assert!(
            (found - expected).abs() < 1e-9,
            "{M}: {found} against {expected}"
        );
    }

    #[test]
    fn likelihood_agrees_with_a_dense_gaussian() {
        check::<1>(&[]);
        check::<2>(&[]);
        check::<5>(&[]);
        check::<6>(&[]);
        check::<13>(&[]);
    }

    #[test]
    fn likelihood_agrees_with_a_dense_gaussian_where_values_are_missing() {
        check::<1>(&[0, 5]);
        check::<2>(&[1, 2, 9]);
        // A whole season's first values are missing, so a diffuse element waits.
        check::<5>(&[2, 6, 13]);
        check::<6>(&[0, 4, 7]);
    }

    #[test]
    fn diffuse_start_is_the_limit_of_a_large_variance() {
        let size = 1e7;
        let mut large = State::<6>::known();
        for (row, diffuse) in large.cov.iter_mut().zip(&State::<6>::unknown().diffuse) {
            for (cell, d) in row.iter_mut().zip(diffuse) {
                *cell = size * d;
            }
        }
        let exact = filtered(&DISTURBANCES, State::<6>::unknown(), &[3]).deviance();
        let limit = filtered(&DISTURBANCES, large, &[3]).deviance();
        // Five diffuse elements, each of which costs the logarithm of its variance and of tau.
        let limit = limit - 5.0 * (size * std::f64::consts::TAU).ln();
        assert!((exact - limit).abs() < 1e-4, "{exact} against {limit}");
    }

    #[test]
    fn seasonal_effects_sum_to_zero_at_all_times() {
        let mut state = State::<6>::unknown();
        filter(
            &mut state,
            &DISTURBANCES,
            &VALUES,
            |t| NOISE[t],
            |t, s, _| {
                let sum: f64 = s.mean[2..].iter().sum();
                assert!(sum.abs() < 1e-9, "period {t}: {sum}");
            },
        );
    }

    #[test]
    fn concentrated_deviance_is_the_deviance_at_the_best_scale() {
        let evidence = filtered(&DISTURBANCES, State::<5>::unknown(), &[]);
        let (scale, deviance) = evidence.concentrated();
        let n = evidence.observed as f64;
        let at = |s: f64| {
            n * (std::f64::consts::TAU * s).ln() + evidence.log_variances + evidence.squares / s
        };
        assert!((at(scale) - deviance).abs() < 1e-9);
        assert!(at(scale) < at(1.01 * scale) && at(scale) < at(0.99 * scale));
    }
}
