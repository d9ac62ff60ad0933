//! What is known of the work already handed to a service: records, kept in a log.
//!
//! The log is JSON Lines. Its first line says which state it is, every other one carries all that is
//! known of one fingerprint at the time it is written; lines of the same fingerprint are joined.

mod error;
mod few;
mod file;
mod header;
mod join;
mod known;
mod line;
mod lock;
mod log;
mod pieces;
#[cfg(test)]
mod properties;
mod record;
mod records;
mod store;
mod submission_id;
#[cfg(test)]
mod tests;
mod writer;

pub use error::StateError;
pub use header::{Expected, Header, Lineage};
pub use known::KnownJobs;
pub use lock::Holder;
pub use record::{Objects, Outcome, Record, Rejection, Removal, Seen, Submission};
pub use records::Records;
pub use store::{OpenOptions, StateStore, Verified};
pub use submission_id::SubmissionId;
