//! What the service says otherwise than the records: shown with a plan, and no part of its decisions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::name::JobId;
use crate::api::wire::JobState;
use crate::job::{Fingerprint, JobKey};
use crate::state::Record;

/// How the service's word differs from the record.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DriftKind {
    /// The job failed since.
    Failed,
    /// The job was cancelled since.
    Cancelled,
    /// The job was recorded as ended, and the service says something else now.
    Changed,
    /// The service does not know the job.
    Unknown,
    /// The service does not know the job, which was submitted a moment ago.
    NotYetKnown,
}

/// One record that the service contradicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// The key it is recorded under.
    pub key: JobKey,
    /// The fingerprint of its work.
    #[schemars(with = "String", extend("pattern" = "^[0-9a-f]{64}$"))]
    pub fingerprint: Fingerprint,
    /// The service's id of the job.
    pub job_id: JobId,
    /// How the two differ.
    pub kind: DriftKind,
    /// How far the job is recorded to be; null when the service was not asked before.
    pub recorded: Option<String>,
    /// How far it is; null when the service does not know it.
    pub seen: Option<String>,
    /// The service's words for a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Drift {
    /// What differs between a record and the same one with what the service said just now. A job
    /// that got on is none.
    pub fn between(recorded: &Record, now: &Record) -> Option<Self> {
        let seen = now.last_seen()?;
        let before = recorded.last_seen().map(|seen| &seen.state);
        let kind = match &seen.state {
            state if before == Some(state) => return None,
            JobState::Failed => DriftKind::Failed,
            JobState::Cancel => DriftKind::Cancelled,
            _ if before.is_some_and(JobState::is_final) => DriftKind::Changed,
            _ => return None,
        };
        Some(Self {
            seen: Some(seen.state.to_string()),
            message: seen.message.clone(),
            ..Self::new(recorded, kind)?
        })
    }

    /// A job that the service does not know.
    pub fn unknown(recorded: &Record, is_fresh: bool) -> Option<Self> {
        let kind = if is_fresh {
            DriftKind::NotYetKnown
        } else {
            DriftKind::Unknown
        };
        Self::new(recorded, kind)
    }

    fn new(recorded: &Record, kind: DriftKind) -> Option<Self> {
        let (_, job_id) = recorded.accepted()?;
        let state = recorded.last_seen().map(|seen| seen.state.to_string());
        Some(Self {
            key: recorded.key.clone(),
            fingerprint: recorded.fingerprint,
            job_id: job_id.clone(),
            kind,
            recorded: state,
            seen: None,
            message: None,
        })
    }

    /// Whether a decision can depend on it: a job that the service does not know is left alone.
    pub fn decides(&self) -> bool {
        !matches!(self.kind, DriftKind::Unknown | DriftKind::NotYetKnown)
    }

    /// Whether it is recorded that the job ended: the service may forget such jobs.
    pub fn has_ended(&self) -> bool {
        self.recorded
            .as_ref()
            .is_some_and(|word| JobState::from(word.clone()).is_final())
    }
}
