//! The commands of the node agent, one file each.
//! They read and print; what may be released is decided elsewhere.

pub mod audit;
pub mod backup;
pub mod budget;
pub mod coordinator;
pub mod init;
mod interview;
pub mod join;
pub mod law;
pub mod mapping;
pub mod objection;
pub mod offer;
pub mod policy;
pub mod preview;
pub(crate) mod quality;
mod recognise;
pub mod requests;
pub mod spoken;
pub mod status;
pub mod study;
pub mod targets;
pub mod witness;
