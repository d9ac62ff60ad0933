//! The status of a job and the counts of its objects, as tables, pages and the state have them.

use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};

use crate::api::wire::JobState;

/// The status of a job, in the order of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobStatus {
    /// Whether the service accepted it is unknown.
    Unresolved,
    /// It runs.
    Running,
    /// It has not started, or has a state that is not documented.
    Waiting,
    /// It failed.
    Failed,
    /// The service refused it.
    Rejected,
    /// It was cancelled.
    Cancelled,
    /// It is done.
    Done,
    /// Nothing was submitted, or nothing that counts.
    Other,
}

impl JobStatus {
    /// The status of a job in this state.
    pub fn of(state: &JobState) -> Self {
        match state {
            JobState::Submitted | JobState::Pause | JobState::Other(_) => Self::Waiting,
            JobState::Running => Self::Running,
            JobState::Success => Self::Done,
            JobState::Failed => Self::Failed,
            JobState::Cancel => Self::Cancelled,
        }
    }

    /// Whether it has not ended.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Unresolved | Self::Running | Self::Waiting)
    }

    /// Whether it ended without doing its work.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Rejected)
    }

    /// The word after a number of such jobs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Done => "done",
            Self::Other => "other",
        }
    }

    /// A sign that tells it apart without colour.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Unresolved => "?",
            Self::Running => "▶",
            Self::Waiting => "…",
            Self::Failed | Self::Rejected => "✕",
            Self::Cancelled => "■",
            Self::Done => "✓",
            Self::Other => "–",
        }
    }
}

/// What became of a job's objects, as far as the service lists their runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objects {
    /// Runs that ended well.
    pub succeeded: u64,
    /// Runs that ended badly.
    pub failed: u64,
    /// All runs: also those under way and cancelled ones.
    pub total: u64,
    /// Whether there are more than were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

impl Add for Objects {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            succeeded: self.succeeded + other.succeeded,
            failed: self.failed + other.failed,
            total: self.total + other.total,
            more: self.more || other.more,
        }
    }
}

impl Sum for Objects {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Self::add)
    }
}
