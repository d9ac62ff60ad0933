//! What is known of the work already handed to a service: records, kept in a log.

mod error;
mod header;
mod lock;
mod record;
mod records;
mod store;

pub use error::StateError;
pub use header::{Expected, Header, Lineage};
pub use lock::Holder;
pub use record::{Outcome, Record, Seen, Submission, SubmissionId};
pub use records::Records;
pub use store::{OpenOptions, StateStore};
