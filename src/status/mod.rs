//! The progress of accepted jobs: asks the service, records the answers.
//!
//! The state is locked only while answers are written, so a wait of hours blocks no other run.

mod completion;
mod objects;
mod poll;
mod wait;
mod write;

use jiff::{SignedDuration, Timestamp};

use crate::api::client::{CallError, ClientError};
use crate::api::name::JobId;
use crate::job::JobKey;
use crate::state::{Record, StateError};

pub use completion::{ObjectRow, ReportError, Selected, each_object};
pub use objects::{FailedObject, failed_objects, object_key, object_url};
pub use poll::{Poller, Round, poll_all, update};
pub use wait::{Event, Waited, wait};
pub use write::StatusWriter;

/// Concurrent calls.
const PARALLELISM: usize = 8;

/// How long after accepting a job the service may not list it yet.
const FRESH: SignedDuration = SignedDuration::from_mins(2);

/// Why no job can be asked about, or nothing recorded.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The bucket of a record cannot be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The service refuses to answer, and will go on doing so.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The answers cannot be recorded.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why nothing was learnt about one job.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PollError {
    /// The service does not answer, or not in a way that can be understood.
    #[error("cannot ask for {key}: {error}")]
    Call {
        /// The job.
        key: JobKey,
        /// What went wrong.
        error: CallError,
    },
    /// The service does not know a job that it took.
    #[error("the service no longer knows {job_id} ({key})")]
    Gone {
        /// The job.
        key: JobKey,
        /// Its id.
        job_id: JobId,
        /// Whether it was submitted a moment ago: then the service may only need time.
        fresh: bool,
    },
}

impl PollError {
    /// Whether asking again can help.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Call { error, .. } => error.may_pass(),
            Self::Gone { fresh, .. } => *fresh,
        }
    }

    /// The call that failed, if one did.
    pub fn call(&self) -> Option<&CallError> {
        match self {
            Self::Call { error, .. } => Some(error),
            Self::Gone { .. } => None,
        }
    }

    /// The id of a job that the service does not know.
    pub fn gone(&self) -> Option<&JobId> {
        match self {
            Self::Call { .. } => None,
            Self::Gone { job_id, .. } => Some(job_id),
        }
    }
}

/// Whether the service may still change what is recorded.
pub fn may_change(record: &Record) -> bool {
    record.accepted().is_some() && !record.last_seen().is_some_and(|seen| seen.state.is_final())
}

/// Whether the job has ended and its objects were not counted since.
pub fn is_uncounted(record: &Record) -> bool {
    let seen = record.last_seen();
    seen.is_some_and(|seen| seen.state.is_final() && seen.objects.is_none())
}

/// Whether the accepted job was submitted a moment before `now`: the service may need time to know
/// what it took.
pub fn is_fresh(record: &Record, now: Timestamp) -> bool {
    let accepted = record.accepted();
    accepted.is_some_and(|(submission, _)| now.duration_since(submission.intended_at) < FRESH)
}
