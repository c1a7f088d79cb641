//! Where to open, with how many places: plans with proven bounds that say how solid they are against noise.
//!
//! Problems of the p-median family (p-median, warehouses without capacity, covering, centers) are solved by our own
//! engine in [`median`]; capacities, modules, budgets and fairness between areas by mixed-integer programs. The crate
//! is pure: it reads and writes no file, starts no process, and is followed and stopped through a [`watch::Watch`].

mod allocation;
mod center;
mod explain;
mod flattery;
mod front;
pub mod median;
mod placement;
mod plan;
mod posterior;
mod problem;
mod program;
mod random;
mod robust;
#[cfg(feature = "highs")]
mod search_log;
mod solve;
mod stability;
pub mod table;
pub mod watch;

pub use plan::{
    Alternative, Assignment, Explanation, Forced, FrontPoint, Interchangeable, Interval, METHOD,
    Marginal, Modules, Plan, Relaxation, SiteStability, Stability, Status, gap, plan_schema,
};
pub use problem::{
    Cost, Demand, InvalidProblem, Model, Problem, Site, SiteStatus, VERSION, problem_schema,
};
pub use program::{ENGINE, EngineError, Program, ProgramSolution};
pub use solve::{OptimiseError, interrupted, solve};
