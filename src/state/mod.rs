//! What is known of the work already handed to a service: records, kept in a log.

mod record;
mod records;

pub use record::{Outcome, Record, Seen, Submission, SubmissionId};
pub use records::Records;
