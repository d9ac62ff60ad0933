//! What is told, as data.

use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::job_status::Objects;
use crate::plain_text::one_line;
use crate::schema;
use crate::state::{Record, SubmissionId};

/// The format of what a webhook gets.
const FORMAT: &str = "stocktake.events/1";

/// Hexadecimal digits of an id: half of a SHA-256.
const ID_DIGITS: usize = 32;

/// Keys that a message for people names.
const SHOWN_KEYS: usize = 5;
/// Characters of a failure's message that a message for people has.
const SHOWN_MESSAGE: usize = 200;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A job that was waited for has ended.
    JobEnded,
    /// A run ended, and what became of some submissions is unknown.
    RunUnresolved,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "event")]
pub struct Event {
    /// The same however often the event is told.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// When it was noticed.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The target.
    pub target: String,
    /// The jobs' names in the workspace: one, or all that are unresolved.
    pub keys: Vec<String>,
    /// The service's id of the job that ended.
    pub job_id: Option<String>,
    /// The service's word for the state in which it ended.
    pub state: Option<String>,
    /// The service's words for a failure.
    pub message: Option<String>,
    /// What became of its objects, where that was counted.
    pub objects: Option<ObjectCounts>,
}

/// What became of a job's objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectCounts {
    /// Done.
    pub succeeded: u64,
    /// Failed.
    pub failed: u64,
    /// All that the service lists.
    pub total: u64,
    /// Whether there are no more than were counted.
    pub complete: bool,
}

impl From<Objects> for ObjectCounts {
    fn from(objects: Objects) -> Self {
        Self {
            succeeded: objects.succeeded,
            failed: objects.failed,
            total: objects.total,
            complete: !objects.more,
        }
    }
}

/// What a webhook gets.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "stocktake events")]
struct Document<'a> {
    /// The version of this format; fields are added to it, and never changed.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// What happened, oldest first.
    events: &'a [Event],
}

/// The schema of what a webhook gets.
pub fn schema_json() -> Value {
    schema::of::<Document<'_>>()
}

/// Several events as a webhook gets them.
pub(super) fn json(events: &[Event]) -> serde_json::Result<String> {
    serde_json::to_string(&Document {
        format: FORMAT,
        events,
    })
}

impl Event {
    /// The end of the record's job; `None` while it has not ended.
    pub fn job_ended(target: &str, record: &Record) -> Option<Self> {
        let seen = record.last_seen().filter(|seen| seen.state.is_final())?;
        let (job_id, state) = (seen.job_id.to_string(), seen.state.as_str().to_owned());
        Some(Self {
            id: id(&["job_ended", target, &job_id, &state]),
            kind: Kind::JobEnded,
            at: seen.at,
            target: target.to_owned(),
            keys: vec![record.key.to_string()],
            job_id: Some(job_id),
            state: Some(state),
            message: seen.message.clone(),
            objects: seen.counted().map(ObjectCounts::from),
        })
    }

    /// The end of a run that left these attempts unresolved, each with the key of its job. Another run
    /// that leaves the same ones tells the same event.
    pub fn run_unresolved(target: &str, mut left: Vec<(SubmissionId, String)>) -> Option<Self> {
        if left.is_empty() {
            return None;
        }
        left.sort();
        let ids: Vec<String> = left.iter().map(|(id, _)| id.to_string()).collect();
        let parts = ["run_unresolved", target].into_iter();
        let parts: Vec<&str> = parts.chain(ids.iter().map(String::as_str)).collect();
        let mut keys: Vec<String> = left.into_iter().map(|(_, key)| key).collect();
        keys.sort();
        Some(Self {
            id: id(&parts),
            kind: Kind::RunUnresolved,
            at: Timestamp::now(),
            target: target.to_owned(),
            keys,
            job_id: None,
            state: None,
            message: None,
            objects: None,
        })
    }

    /// One line for people.
    pub(super) fn line(&self) -> String {
        let shown = self.keys.iter().take(SHOWN_KEYS).map(|key| one_line(key));
        let mut keys = shown.collect::<Vec<_>>().join(", ");
        let others = self.keys.len().saturating_sub(SHOWN_KEYS);
        if others > 0 {
            let _ = write!(keys, " and {others} more");
        }
        let target = &self.target;
        let mut line = match (self.kind, &self.state) {
            (Kind::RunUnresolved, _) => {
                format!("[{target}] unresolved: {keys}; run `stocktake apply` again")
            }
            (Kind::JobEnded, state) => {
                format!("[{target}] {keys}: {}", state.as_deref().unwrap_or("ended"))
            }
        };
        if let Some(objects) = &self.objects {
            let least = if objects.complete { "" } else { "at least " };
            let ObjectCounts {
                succeeded, failed, ..
            } = objects;
            let _ = write!(line, ", {least}{succeeded} done, {failed} failed");
        }
        if let Some(message) = &self.message {
            let message: String = one_line(message).chars().take(SHOWN_MESSAGE).collect();
            let _ = write!(line, ": {message}");
        }
        line
    }
}

/// Each part with its length before it, so that no two lists of parts are the same text.
fn id(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut id = HEXLOWER.encode(&hash.finalize());
    id.truncate(ID_DIGITS);
    id
}
