//! Batch jobs as answers describe them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::element::Element;
use super::trigger::{write_input, write_operation};
use super::xml::Document;
use crate::api::name::JobId;
use crate::api::request::{Input, Operation};
use crate::api::time;

/// How far a batch job is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum JobState {
    /// Accepted, waiting.
    Submitted,
    /// Executing.
    Running,
    /// Ended well.
    Success,
    /// Ended badly.
    Failed,
    /// Paused, because its queue is.
    Pause,
    /// Cancelled.
    Cancel,
    /// A word that the documents do not list.
    Other(String),
}

impl JobState {
    /// The word on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Submitted => "Submitted",
            Self::Running => "Running",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::Pause => "Pause",
            Self::Cancel => "Cancel",
            Self::Other(word) => word,
        }
    }

    /// Whether the job will never change again.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Cancel)
    }

    /// Whether the job ended without doing its work.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed | Self::Cancel)
    }
}

impl From<String> for JobState {
    fn from(word: String) -> Self {
        match word.as_str() {
            "Submitted" => Self::Submitted,
            "Running" => Self::Running,
            "Success" => Self::Success,
            "Failed" => Self::Failed,
            "Pause" => Self::Pause,
            "Cancel" => Self::Cancel,
            _ => Self::Other(word),
        }
    }
}

impl From<JobState> for String {
    fn from(state: JobState) -> Self {
        state.as_str().to_owned()
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What the service says of one batch job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDetail {
    /// Its id.
    pub job_id: JobId,
    /// `Name` as it was sent, if the answer has it.
    pub name: String,
    /// `Type`; empty if the answer lacks it.
    pub kind: String,
    /// How far it is.
    pub state: JobState,
    /// Meaningful only when the state is `Failed`.
    pub code: String,
    /// Meaningful only when the state is `Failed`.
    pub message: String,
    /// When the service took it.
    pub created: Option<Timestamp>,
    /// When it began to run.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// `Input` as it was sent; absent when the echo cannot be understood.
    pub input: Option<Input>,
    /// `Operation` as it was sent; absent when the echo cannot be understood.
    pub operation: Option<Operation>,
    /// `TimeInterval` as it was sent, which the service writes instead of the moments of `operation`.
    /// Reading leaves it out.
    pub time_interval: Option<Element>,
}

/// Writes a job as every answer describes it.
pub(super) fn write_detail(detail: &mut Document, job: &JobDetail) {
    detail.text("Code", &job.code);
    detail.text("Message", &job.message);
    detail.text("Type", &job.kind);
    detail.text("Name", &job.name);
    detail.text("JobId", job.job_id.as_str());
    detail.text("State", job.state.as_str());
    for (name, moment) in [
        ("CreationTime", job.created),
        ("StartTime", job.started),
        ("EndTime", job.ended),
    ] {
        match moment {
            Some(moment) => detail.text(name, &time::format(moment)),
            None => detail.text(name, "-"),
        }
    }
    if let Some(input) = &job.input {
        write_input(detail, input);
    }
    if let Some(operation) = &job.operation {
        write_operation(detail, operation, job.time_interval.as_ref());
    }
}
