//! Privacy loss in zero-concentrated differential privacy: amounts, sensitivity, price.
//! [`price`] is the only place that computes either; preview, charge and receipt all call it.

mod epsilon;
mod price;
mod rho;
mod usefulness;

pub use epsilon::epsilon;
pub use price::{HOUSEHOLD_MEMBERS, Price, Sensitivity, SlicePrice, price};
pub use rho::NanoRho;
pub use usefulness::{is_useful, relative_margin};
