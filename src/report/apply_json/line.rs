//! The lines of the stream, as types: what is written, and what its schema says.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::name::JobId;
use crate::estimate::{JobEstimate, TotalEstimate};
use crate::job::{Fingerprint, JobKey};
use crate::plan::{Action, Change, Drift, Guard, Reason, Summary};
use crate::state::shared::Position;
use crate::state::{Holder, Lineage, SubmissionId};

/// One line of `stocktake apply --format json`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "a line of stocktake apply")]
pub(super) struct Line<'a> {
    /// How grave it is.
    #[serde(rename = "@level")]
    pub(super) level: Level,
    /// For people; enough for those who do not know the type.
    #[serde(rename = "@message")]
    pub(super) message: &'a str,
    /// Who says it.
    #[serde(rename = "@module")]
    pub(super) module: &'static str,
    /// When.
    #[serde(rename = "@timestamp")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub(super) timestamp: Timestamp,
    /// The job that it is about.
    #[serde(flatten)]
    pub(super) job: Option<JobFields>,
    /// What happened.
    #[serde(flatten)]
    pub(super) happened: Happened<'a>,
}

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// As planned.
    Info,
    /// Worth a look.
    Warn,
    /// Something is not done.
    Error,
}

/// The job that a line is about.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct JobFields {
    /// Its name in the workspace.
    pub(super) key: JobKey,
    /// The fingerprint of its work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(super) fingerprint: Option<Fingerprint>,
    /// The job file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
    /// The line of its key, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
}

/// What happened, and what belongs to it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Happened<'a> {
    /// The first line.
    Version {
        /// The version of the program.
        stocktake: &'static str,
        /// The version of the stream.
        format: &'static str,
    },
    /// The plan is made.
    RunStart {
        /// For which target.
        target: &'a str,
        /// Against which state.
        #[schemars(with = "Option<String>")]
        lineage: Option<&'a Lineage>,
        /// The commit that is checked out.
        commit: Option<&'a str>,
        /// Where the log of a shared state ended; absent for a state in a file.
        #[serde(skip_serializing_if = "Option::is_none")]
        log: Option<&'a Position>,
        /// The run that owns the shared state; absent when none does.
        #[serde(skip_serializing_if = "Option::is_none")]
        holder: Option<&'a Holder>,
    },
    /// What is to be done about a job.
    PlannedChange {
        /// What.
        action: Action,
        /// Why.
        reason: Reason,
        /// The fields that differ from the latest record under the key.
        changes: &'a [Change],
        /// What it would process, where somebody has counted.
        #[serde(skip_serializing_if = "Option::is_none")]
        estimate: Option<&'a JobEstimate>,
    },
    /// A guard forbids the plan.
    Blocked {
        /// Which.
        guard: Guard,
        /// The jobs it is about.
        keys: &'a [JobKey],
        /// The jobs of the service it is about.
        #[serde(skip_serializing_if = "<[JobId]>::is_empty")]
        job_ids: &'a [JobId],
    },
    /// A record that the service contradicts.
    Drift(&'a Drift),
    /// How many jobs have each action.
    ChangeSummary(ChangeSummary<'a>),
    /// The intent is durable.
    ApplyStart {
        /// The attempt.
        #[schemars(with = "String")]
        submission: &'a SubmissionId,
    },
    /// Nothing ran, and it is tried again.
    ApplyRetry {
        /// Why.
        reason: &'a str,
        /// When, from now.
        delay_seconds: f64,
    },
    /// The service asks for patience.
    Throttle {
        /// Its words.
        reason: &'a str,
        /// How long it gets.
        delay_seconds: f64,
    },
    /// What was sent is looked up a moment later.
    Settling {
        /// How many submissions.
        submissions: usize,
        /// When, from now.
        delay_seconds: f64,
    },
    /// It is known that the service never took the last attempt.
    ApplyAbandoned {
        /// The attempt.
        #[schemars(with = "String")]
        submission: &'a SubmissionId,
    },
    /// The service has it more than once.
    Duplicates {
        /// The job that counts.
        job_id: &'a JobId,
        /// The others.
        others: &'a [JobId],
    },
    /// It runs, and the state could not be written.
    NotRecorded {
        /// The service's id.
        job_id: &'a JobId,
        /// Why.
        error: &'a str,
    },
    /// The service has it.
    ApplyComplete {
        /// The attempt.
        #[schemars(with = "String")]
        submission: &'a SubmissionId,
        /// The service's id.
        job_id: &'a JobId,
        /// The id of the call.
        request_id: Option<&'a str>,
        /// How far it is.
        state: &'a str,
    },
    /// An attempt of unknown end turned out to be this job.
    Adopted {
        /// The attempt.
        #[schemars(with = "String")]
        submission: &'a SubmissionId,
        /// The service's id.
        job_id: &'a JobId,
        /// How far it is.
        state: &'a str,
    },
    /// The new key is recorded; nothing was to be sent.
    Renamed {
        /// The former key.
        from: &'a JobKey,
    },
    /// Another run was first.
    AlreadySubmitted {
        /// The service's id.
        job_id: &'a JobId,
    },
    /// The service refused it.
    ApplyErrored {
        /// The attempt.
        #[schemars(with = "String")]
        submission: &'a SubmissionId,
        /// The service's code.
        code: &'a str,
        /// The service's words.
        error: &'a str,
        /// The id of the call.
        request_id: Option<&'a str>,
    },
    /// It is unknown whether the service took it.
    ApplyUnknown {
        /// The attempt.
        #[schemars(with = "String")]
        submission: &'a SubmissionId,
        /// Why.
        reason: &'a str,
    },
    /// Not sent.
    ApplySkipped {
        /// Why.
        reason: &'a str,
    },
    /// The run was interrupted; what is in flight is waited for.
    Draining {
        /// How many submissions.
        in_flight: usize,
        /// How long at most.
        at_most_seconds: f64,
    },
    /// Nothing more is sent.
    Halted {
        /// Why: `interrupted`, `credentials_refused`, `credentials_ended`, `failures_in_a_row`, `state_unwritable`.
        reason: &'static str,
        /// How many submissions are in flight.
        in_flight: usize,
    },
    /// A job that was waited for ended.
    JobEnded {
        /// The service's id.
        job_id: &'a JobId,
        /// How.
        state: &'a str,
        /// The service's words for a failure.
        error: Option<&'a str>,
    },
    /// Something is wrong, or worth a look.
    Diagnostic {
        /// `error` or `warning`.
        severity: &'static str,
        /// What kind of mistake.
        code: Option<&'a str>,
        /// The way out.
        help: Option<&'a str>,
        /// The file that it is about.
        file: Option<String>,
        /// The line, from 1.
        line: Option<usize>,
    },
    /// The last line.
    RunSummary(RunSummary),
}

/// How many jobs have each action, and what all of them would process.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChangeSummary<'a> {
    /// The counts.
    #[serde(flatten)]
    pub(super) summary: Summary,
    /// What would be processed, where somebody has counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) estimate: Option<&'a TotalEstimate>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub(super) struct RunSummary {
    /// Jobs that the service has because of this run.
    pub(super) submitted: usize,
    /// Jobs that it refused.
    pub(super) rejected: usize,
    /// Jobs whose outcome is unknown.
    pub(super) unresolved: usize,
    /// Jobs that were not sent.
    pub(super) not_attempted: usize,
    /// What the program ends with.
    pub(super) exit_code: u8,
}
