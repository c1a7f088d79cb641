//! Forecasts of series whose past is known to be noisy.
//!
//! A structural state-space model (level, damped slope, season) is fitted by maximum likelihood with the privacy
//! variance of every past value as known observation noise; its specifications are averaged, drawn towards a theta
//! forecast where noise is low, and the intervals calibrated by rolling origins. What is forecast is the true value;
//! a future release adds its own noise. The crate is pure: it opens nothing and knows no clock.

/// The version of what forecasts say: it rises with every change by which the same past gives another forecast or another backtest, so
/// that kept ones are not taken for new ones. `tests/engine.rs` fails until it does where the forecast of a series by itself is another; nothing
/// tells it of what series are together.
pub const ENGINE: u32 = 7;

mod alike;
mod attribute;
mod backtest;
mod baseline;
mod borrow;
mod calendar;
mod calibrate;
mod combine;
mod decompose;
mod fit;
mod flag;
mod hierarchy;
mod kalman;
mod lattice;
mod period;
mod quantile;
mod reconcile;
pub mod score;
mod series;
mod simplex;
mod specification;
mod theta;
mod trials;

pub use attribute::Shares;
pub use backtest::{Backtest, HORIZONS, LEVEL, backtest, backtest_origins};
pub use baseline::{naive2, seasonal_naive};
pub use borrow::{Borrowed, Parent, Prior, borrow};
pub use calendar::{CalendarEffect, Months, forecast_on_calendar, working_days};
pub use calibrate::{Calibration, MOST_SERIES, calibrate_levels};
pub use combine::{Explanation, Forecast, forecast, selected};
pub use flag::{Flag, Unusual};
pub use hierarchy::{Hierarchy, Node};
pub use lattice::{Lattice, Relation};
pub use period::{Calendar, PeriodError, Reader};
pub use reconcile::reconcile;
pub use series::{ForecastError, Kind, Season, Series};
pub use specification::{Specification, Trend};
pub use trials::Trials;
