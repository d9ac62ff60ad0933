//! What became of the one call that must not be repeated on a guess.

use std::time::Duration;

use crate::api::wire::{JobDetail, ServiceError};

/// What became of one attempt to trigger a job, decided from what really happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The service took it.
    Accepted {
        /// The job.
        detail: Box<JobDetail>,
        /// The id of the call, where the service gave one.
        request_id: Option<String>,
    },
    /// The service refused it: nothing runs.
    Rejected(ServiceError),
    /// The service was too busy to look at it: nothing runs, and it may be sent again.
    Throttled {
        /// How long the service asks to wait.
        retry_after: Option<Duration>,
        /// What it said.
        error: ServiceError,
    },
    /// Nothing of it can have reached the service.
    NotSent {
        /// What stood in the way.
        reason: String,
        /// Whether another attempt can end differently.
        may_pass: bool,
    },
    /// Nobody knows.
    Unresolved {
        /// What was seen instead of an answer.
        reason: String,
    },
}
