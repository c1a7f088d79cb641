//! Privacy loss in zero-concentrated differential privacy: amounts, sensitivity, price, and how long a budget lasts.
//! [`price`] is the only place that computes either; preview, charge and receipt all call it.

mod epsilon;
mod exhaustion;
mod price;
mod rho;
mod usefulness;

pub use epsilon::epsilon;
pub use exhaustion::{Exhaustion, Pace, RECENT_SECONDS, exhaustion};
pub use price::{HOUSEHOLD_MEMBERS, Price, Sensitivity, SlicePrice, price};
pub use rho::NanoRho;
pub use usefulness::{is_useful, relative_margin, useful_from};
