//! Series of which some add up to others, whatever the order: areas of levels that cross (municipi and neighbourhoods of one city),
//! sums and their leaves. It knows which sums the truth keeps and how the noise of the series hangs together, and no forecast.

use crate::calibrate::{Calibration, calibrate_lattice};
use crate::combine::Forecast;
use crate::reconcile::reconcile_lattice;
use crate::series::{ForecastError, Series};
use ndarray::Array2;

/// Series with weights whose weighted sum is zero in every period. Where one is the sum of the others it stands first.
pub type Relation = Vec<(usize, f64)>;

/// Series, and the relations that their true values keep.
#[derive(Clone, Debug, PartialEq)]
pub struct Lattice {
    levels: Vec<usize>,
    sizes: Vec<f64>,
    relations: Vec<Relation>,
    privacy: Array2<f64>,
}

impl Lattice {
    /// Of each series its level, counted from zero, and of how many of the finest it is the sum, at least 1; relations none of
    /// which follows from others; of each series the covariance of its noise in one period of the past with that of each series up
    /// to itself, zero where there is no noise.
    ///
    /// # Errors
    /// [`ForecastError::InvalidHierarchy`] where these are not all of the same series.
    pub fn try_new(
        levels: Vec<usize>,
        sizes: Vec<f64>,
        relations: Vec<Relation>,
        covariance: &[Vec<f64>],
    ) -> Result<Self, ForecastError> {
        let n = levels.len();
        let refuse = |text: &str| Err(ForecastError::InvalidHierarchy(text.to_owned()));
        let is_triangle = (covariance.iter().enumerate()).all(|(at, row)| row.len() == at + 1);
        if sizes.len() != n || covariance.len() != n || !is_triangle {
            return refuse(
                "a lattice has one level, one size and one row of noise for each series",
            );
        }
        if !sizes.iter().all(|size| *size >= 1.0 && size.is_finite()) {
            return refuse("a series is the sum of at least one of the finest");
        }
        if !covariance.iter().flatten().all(|cell| cell.is_finite()) {
            return refuse("the noise of a lattice is infinite or not a number");
        }
        if relations.iter().flatten().any(|(series, _)| *series >= n) {
            return refuse("a relation is of a series that is not in the lattice");
        }
        let privacy = Array2::from_shape_fn((n, n), |(i, j)| covariance[i.max(j)][i.min(j)]);
        Ok(Self::of(levels, sizes, relations, privacy))
    }

    /// The same of a whole matrix and of what is known to fit.
    pub(crate) fn of(
        levels: Vec<usize>,
        sizes: Vec<f64>,
        relations: Vec<Relation>,
        privacy: Array2<f64>,
    ) -> Self {
        Self {
            levels,
            sizes,
            relations,
            privacy,
        }
    }

    /// The forecasts of all series around centres that keep all relations.
    ///
    /// # Errors
    /// [`ForecastError::InvalidHierarchy`] where there is not one forecast for each series.
    pub fn reconcile(&self, forecasts: &[Forecast]) -> Result<Vec<Forecast>, ForecastError> {
        reconcile_lattice(self, forecasts)
    }

    /// A calibration for each level: all forecasts are made, reconciled and scored at rolling origins. A level of few series has
    /// few windows, and keeps most of the distribution assumed.
    ///
    /// # Errors
    /// [`ForecastError`].
    pub fn calibrate(
        &self,
        series: &[Series],
        horizon: usize,
    ) -> Result<Vec<Calibration>, ForecastError> {
        calibrate_lattice(self, series, horizon)
    }

    /// The level of each series.
    pub fn levels(&self) -> &[usize] {
        &self.levels
    }

    pub(crate) fn sizes(&self) -> &[f64] {
        &self.sizes
    }

    pub(crate) fn relations(&self) -> &[Relation] {
        &self.relations
    }

    pub(crate) fn privacy(&self) -> &Array2<f64> {
        &self.privacy
    }

    /// Series that are the sum of others with the first relation that says so, the smallest sums first.
    pub(crate) fn wholes(&self) -> Vec<(usize, usize)> {
        let mut wholes: Vec<(usize, usize)> = Vec::new();
        for (number, relation) in self.relations.iter().enumerate() {
            let Some((&(whole, weight), parts)) = relation.split_first() else {
                continue;
            };
            let alone = weight != 0.0 && parts.iter().all(|(_, part)| part * weight < 0.0);
            if alone && !wholes.iter().any(|(known, _)| *known == whole) {
                wholes.push((whole, number));
            }
        }
        wholes.sort_by(|a, b| self.sizes[a.0].total_cmp(&self.sizes[b.0]));
        wholes
    }

    /// What the first series of a relation is, given the others.
    pub(crate) fn whole_of(&self, relation: usize, values: &[f64]) -> f64 {
        let Some((&(_, weight), parts)) = self.relations[relation].split_first() else {
            return 0.0;
        };
        let sum: f64 = parts.iter().map(|(at, part)| part * values[*at]).sum();
        -sum / weight
    }
}
