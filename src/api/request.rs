//! What `POST /inventorytriggerjob` is asked to do: Name, Type, Input, Operation.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::name::{JobName, WorkflowId};

/// The body that a job becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// Sent as `Name`; does not have to be unique at the service.
    pub name: JobName,
    /// Sent as `Type`.
    #[serde(rename = "type", default)]
    pub kind: JobType,
    /// Which objects to read.
    pub input: Input,
    /// What to run over them.
    pub operation: Operation,
}

/// The kind of a batch job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum JobType {
    /// Runs a workflow; what the service takes an absent `Type` for.
    #[default]
    Workflow,
}

impl JobType {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workflow => "Workflow",
        }
    }
}

/// Which objects to read: exactly one of the API's four choices.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Every object whose key begins with this text.
    Prefix(String),
    /// One object.
    Object(String),
    /// The objects of a COS inventory, by its `manifest.json` (a key or a URL).
    Manifest(String),
    /// The objects whose URLs stand in this text file, one a line (a key or a URL).
    UrlFile(String),
}

impl Input {
    /// The choice in the words of a job file.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Prefix(_) => "prefix",
            Self::Object(_) => "object",
            Self::Manifest(_) => "manifest",
            Self::UrlFile(_) => "url_file",
        }
    }

    /// The text that goes with the choice.
    pub fn value(&self) -> &str {
        match self {
            Self::Prefix(value)
            | Self::Object(value)
            | Self::Manifest(value)
            | Self::UrlFile(value) => value,
        }
    }
}

/// What to run over the objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// The workflows.
    pub workflow_ids: WorkflowIds,
    /// Only objects uploaded in this interval.
    #[serde(default, skip_serializing_if = "TimeInterval::is_unbounded")]
    pub time_interval: TimeInterval,
}

/// One or several workflow ids, as a sorted set: their order has no meaning.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<WorkflowId>")]
pub struct WorkflowIds(Vec<WorkflowId>);

/// A request without a workflow asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no workflow id")]
pub struct NoWorkflowId;

impl WorkflowIds {
    /// Sorts the ids and drops repeated ones.
    pub fn new(mut ids: Vec<WorkflowId>) -> Result<Self, NoWorkflowId> {
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            Err(NoWorkflowId)
        } else {
            Ok(Self(ids))
        }
    }

    /// The ids in order.
    pub fn as_slice(&self) -> &[WorkflowId] {
        &self.0
    }

    /// The ids as the API takes them: comma separated. (One id is documented; several are
    /// mentioned in an SDK's example only.)
    pub fn joined(&self) -> String {
        let mut text = String::new();
        for (index, id) in self.0.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(id.as_str());
        }
        text
    }
}

impl From<WorkflowId> for WorkflowIds {
    fn from(id: WorkflowId) -> Self {
        Self(vec![id])
    }
}

impl TryFrom<Vec<WorkflowId>> for WorkflowIds {
    type Error = NoWorkflowId;

    fn try_from(ids: Vec<WorkflowId>) -> Result<Self, NoWorkflowId> {
        Self::new(ids)
    }
}

/// A filter on the upload time of the scanned objects; an absent end is the moment of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub struct TimeInterval {
    /// The earliest upload time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub start: Option<Timestamp>,
    /// The latest upload time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub end: Option<Timestamp>,
}

impl TimeInterval {
    /// Whether it filters nothing.
    pub fn is_unbounded(&self) -> bool {
        self.start.is_none() && self.end.is_none()
    }

    /// Whether an object uploaded at `moment` passes; both ends belong to the interval.
    pub fn contains(&self, moment: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= moment) && self.end.is_none_or(|end| moment <= end)
    }
}
