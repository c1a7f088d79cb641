//! GDPR policies of each organisation: typed documents compiled into casbin, deciding permits and denials.
//! Deny overrides; unknown, error or panic is a denial; hard limits are checked again outside casbin.

mod authorizer;
mod caps;
mod document;
mod enforcer;
mod error;
mod permit;
mod starter;

pub use authorizer::{Ask, Authorizer};
pub use caps::Caps;
pub use document::{Effect, Officers, PolicyDocument, Requester, Rule};
pub use error::PolicyError;
pub use permit::{Denial, Permit};
pub use starter::starter;
