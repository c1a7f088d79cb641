//! GDPR policies of each organisation: typed documents compiled into casbin, deciding permits and denials.
//! Deny overrides; unknown, error or panic is a denial; hard limits are checked again outside casbin.

mod authorizer;
mod caps;
mod cases;
mod check;
mod day;
pub mod diff;
mod document;
mod enforcer;
mod error;
mod explain;
pub mod folded;
pub mod grid;
mod matrix;
mod permit;
mod question;
mod reason;
mod rules;
mod schema;
mod simulate;
mod starter;
mod vocabulary;

pub use authorizer::{Ask, Authorizer, Verdict};
pub use caps::{Caps, beyond_reach};
pub use cases::{Case, Cases, Expected};
pub use day::Day;
pub use document::{Effect, Officers, PolicyDocument, Releases, Requester, Rule};
pub use error::PolicyError;
pub use explain::{Explanation, Language, denial_in_words, is_of_a_policy};
pub use matrix::matrix;
pub use permit::{Denial, Permit};
pub use question::Question;
pub use reason::Reason;
pub use schema::schema;
pub use simulate::{Asked, Decided, LogError, Replayed, replay};
pub use starter::{Starter, starter};
pub use vocabulary::{Approval, Audience, Category, LAWFUL_BASES, Role, SPECIAL_GROUNDS};
