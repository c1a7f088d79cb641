//! The node agent: answers differentially private aggregates beside an organisation's own register.
//! `answer` is its one flow; every other module serves a step of it. No exact value leaves this process.

pub mod acts;
pub mod answer;
pub mod approvals;
pub mod backup;
pub mod clock;
pub mod commands;
pub mod config;
mod coordinator_head;
pub mod editions;
pub mod evidence;
mod fault;
pub mod handing_in;
pub mod join;
pub mod keys;
pub mod law;
pub mod link;
pub mod local_log;
pub mod node;
pub mod objections;
pub mod offer;
pub mod oversight;
pub mod page;
pub mod people;
pub mod plain_words;
pub mod policies;
pub mod renewal;
pub mod requester;
pub mod restore;
pub mod restored_coordinator;
mod sealed;
pub mod second_witness;
pub mod serve;
mod sources;
pub mod studies;
mod witnessing;
pub mod words;

pub use sealed::SealedAnswer;
