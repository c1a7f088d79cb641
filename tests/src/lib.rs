//! What the end-to-end tests share: real processes, a double of the other party, requests, and statistics.
//! It never stands in for the program under test: nodes and coordinator are the built binaries.

pub mod audit;
pub mod backups;
pub mod city;
pub mod http;
pub mod library_node;
pub mod neighbours;
pub mod node;
pub mod process;
pub mod requester;
pub mod simulation;
pub mod stack;
pub mod statistics;
pub mod witness;

/// How long a test waits for something that must happen before it gives up. No test asserts a time; this only ends
/// one that would otherwise hang.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(120);
