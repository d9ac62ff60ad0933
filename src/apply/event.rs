//! What happens during an apply, as data; `report` words it.

use std::time::Duration;

use super::outcome::{Halt, JobOutcome};
use crate::api::name::JobId;
use crate::job::{Fingerprint, JobKey};
use crate::state::SubmissionId;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A submission is durable and is sent now.
    Sending {
        /// The job.
        key: JobKey,
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// The attempt.
        submission: SubmissionId,
    },
    /// An attempt did not get through; nothing ran, and it is tried again.
    Retrying {
        /// The job.
        key: JobKey,
        /// What stood in the way.
        reason: String,
        /// When it is tried again.
        delay: Duration,
        /// Whether the service asked for it.
        throttled: bool,
    },
    /// Unresolved submissions are looked up after a wait.
    Settling {
        /// How many.
        submissions: usize,
        /// How long.
        delay: Duration,
    },
    /// An unresolved submission was looked up and was never taken; it is submitted again.
    Abandoned {
        /// The job.
        key: JobKey,
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// The attempt.
        submission: SubmissionId,
    },
    /// The service holds more than one job that asks for the same; the earliest was adopted.
    Duplicates {
        /// The job.
        key: JobKey,
        /// The one that was adopted.
        adopted: JobId,
        /// The others.
        others: Vec<JobId>,
    },
    /// The service took a job, but that could not be recorded.
    NotRecorded {
        /// The job.
        key: JobKey,
        /// The service's id.
        job_id: JobId,
        /// Why it could not be recorded.
        error: String,
    },
    /// Jobs are through, those that came to their ends together.
    Finished(Vec<JobOutcome>),
    /// The person interrupted, and what is in flight is waited for; said every second.
    Draining {
        /// How many submissions are in flight.
        in_flight: usize,
        /// How long that takes at most.
        left: Duration,
    },
    /// Nothing new is sent from now on.
    Halted {
        /// Why.
        halt: Halt,
        /// How many submissions are in flight.
        in_flight: usize,
    },
}
