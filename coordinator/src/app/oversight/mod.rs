//! What those who answer for the data read: decisions and their proofs, studies, policies, budgets, alerts.
//! It changes nothing but taking in published policies, and knows no more than requests, answers and public facts say.

pub mod alerts;
pub mod budgets;
pub mod changes;
pub mod decisions;
pub mod italy;
pub mod policies;
pub mod proof;
pub mod reach;
pub mod study_records;
