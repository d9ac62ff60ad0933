//! What is known of the work already handed to a service: records, kept in a log.
//!
//! The log is JSON Lines. Its first line says which state it is, every other one carries all that is
//! known of one fingerprint at the time it is written; lines of the same fingerprint are joined.

mod error;
mod file;
mod file_state;
mod header;
mod join;
mod keep;
mod line;
mod listed;
mod location;
mod lock;
mod log;
#[cfg(test)]
mod properties;
mod record;
mod records;
pub mod shared;
mod store;
#[cfg(test)]
mod tests;
mod transition;
mod writer;

pub use crate::api::client::{Outcome, OutcomeKind, Rejection};
pub use crate::job_status::Objects;
pub use error::StateError;
pub use header::{Expected, Header, Lineage};
pub use keep::Keep;
pub use listed::Listed;
pub use location::Location;
pub use lock::Holder;
pub use record::{Record, Removal, Seen, Submission, SubmissionId, Window};
pub use records::Records;
pub use shared::Hold;
pub use store::{
    OpenOptions, Reading, StateStore, Verified, WriteOptions, check_position, look_at,
};
