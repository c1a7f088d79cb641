//! The coordinator: asks organisations' nodes, composes their noisy answers into releases, serves the website.
//! It never holds a register's data: nothing it links can compute an exact aggregate.

pub mod access_command;
pub mod admin;
pub mod admin_accounts;
pub mod app;
pub mod areas;
pub mod clock;
pub mod config;
pub mod devices;
pub mod forecast_command;
pub mod http;
pub mod hub;
pub mod metrics;
pub mod node_http;
pub mod node_problem;
pub mod offer_command;
pub mod optimise_command;
pub mod out_file;
pub mod passwords;
pub mod refusals;
pub mod serve;
pub mod solve_worker;
pub mod state;
pub mod store;
pub mod taxonomy_command;
pub mod throttle;
pub mod together;
pub mod vouched;

mod connections;
mod error;
mod problem;
mod secret;

pub use config::Config;
pub use error::CoordinatorError;
pub use problem::Problem;
pub use state::{App, State};
