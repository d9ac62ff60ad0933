//! The answers that describe batch jobs: of trigger, describe and list.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::trigger::{InputXml, OperationXml, write_input, write_operation};
use super::xml::{self, Document, WireError};
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
}

/// The answer of describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribeAnswer {
    /// The id of the call.
    pub request_id: Option<String>,
    /// The job; absent when the service does not know the id.
    pub job: Option<JobDetail>,
}

/// One page of the answer of list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListAnswer {
    /// The id of the call.
    pub request_id: Option<String>,
    /// The jobs of this page.
    pub jobs: Vec<JobDetail>,
    /// What asks for the next page; absent on the last one.
    pub next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ResponseXml {
    request_id: Option<String>,
    jobs_detail: Vec<JobsDetailXml>,
    next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct JobsDetailXml {
    code: String,
    message: String,
    r#type: String,
    name: String,
    job_id: String,
    state: String,
    creation_time: Option<String>,
    start_time: Option<String>,
    end_time: Option<String>,
    input: Option<InputXml>,
    operation: Option<OperationXml>,
}

/// Writes the answer to a trigger call.
pub fn encode_trigger_answer(request_id: &str, job: &JobDetail) -> Result<String, WireError> {
    answer(request_id, std::slice::from_ref(job), |_| {})
}

/// Reads the answer to a trigger call: the job, and the id of the call.
pub fn decode_trigger_answer(body: &[u8]) -> Result<(JobDetail, Option<String>), WireError> {
    let answer: ResponseXml = xml::decode("Response", body)?;
    let request_id = answer.request_id;
    let mut jobs = answer.jobs_detail.into_iter();
    match (jobs.next(), jobs.next()) {
        (Some(job), None) => Ok((decode_detail(job)?, request_id)),
        _ => Err(WireError::Content(
            "the answer does not hold exactly one JobsDetail".to_owned(),
        )),
    }
}

/// Writes the answer to a describe call; an unknown id is named in `NonExistJobIds`.
pub fn encode_describe_answer(
    request_id: &str,
    id: &str,
    job: Option<&JobDetail>,
) -> Result<String, WireError> {
    let jobs = job.map(std::slice::from_ref).unwrap_or_default();
    answer(request_id, jobs, |body| {
        if job.is_none() {
            body.text("NonExistJobIds", id);
        }
    })
}

/// Reads the answer to a describe call. A missing JobsDetail and a NonExistJobIds mean the same.
pub fn decode_describe_answer(body: &[u8]) -> Result<DescribeAnswer, WireError> {
    let answer: ResponseXml = xml::decode("Response", body)?;
    let detail = answer
        .jobs_detail
        .into_iter()
        .find(|detail| !detail.job_id.trim().is_empty());
    Ok(DescribeAnswer {
        request_id: answer.request_id,
        job: detail.map(decode_detail).transpose()?,
    })
}

/// Writes one page of the answer to a list call.
pub fn encode_list_answer(
    request_id: &str,
    jobs: &[JobDetail],
    next_token: Option<&str>,
) -> Result<String, WireError> {
    answer(request_id, jobs, |body| {
        body.text("NextToken", next_token.unwrap_or_default());
    })
}

/// Reads one page of the answer to a list call. An absent and an empty token both end the list, and
/// so does a page without jobs.
pub fn decode_list_answer(body: &[u8]) -> Result<ListAnswer, WireError> {
    let answer: ResponseXml = xml::decode("Response", body)?;
    let jobs = answer
        .jobs_detail
        .into_iter()
        .map(decode_detail)
        .collect::<Result<Vec<_>, _>>()?;
    let next_token = answer
        .next_token
        .filter(|token| !token.trim().is_empty() && !jobs.is_empty());
    Ok(ListAnswer {
        request_id: answer.request_id,
        jobs,
        next_token,
    })
}

/// `rest` writes what comes behind the jobs.
fn answer(
    request_id: &str,
    jobs: &[JobDetail],
    rest: impl FnOnce(&mut Document),
) -> Result<String, WireError> {
    let mut document = Document::default();
    document.element("Response", |body| {
        body.text("RequestId", request_id);
        for job in jobs {
            body.element("JobsDetail", |detail| write_detail(detail, job));
        }
        rest(body);
    });
    document.finish()
}

fn write_detail(detail: &mut Document, job: &JobDetail) {
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
        write_operation(detail, operation);
    }
}

/// Id and state must be understood; what only informs (times, echo) may be anything.
fn decode_detail(detail: JobsDetailXml) -> Result<JobDetail, WireError> {
    let job_id = JobId::new(detail.job_id.trim())
        .map_err(|error| WireError::Content(format!("the answer's JobId {error}")))?;
    let state = detail.state.trim();
    if state.is_empty() {
        return Err(WireError::Content("the answer has no State".to_owned()));
    }
    let moment = |text: Option<String>| time::parse_optional(text.as_deref()).unwrap_or_default();
    Ok(JobDetail {
        job_id,
        name: detail.name,
        kind: detail.r#type,
        state: JobState::from(state.to_owned()),
        code: detail.code,
        message: detail.message,
        created: moment(detail.creation_time),
        started: moment(detail.start_time),
        ended: moment(detail.end_time),
        input: detail.input.and_then(|input| input.decode().ok()),
        operation: detail
            .operation
            .and_then(|operation| operation.decode().ok()),
    })
}
