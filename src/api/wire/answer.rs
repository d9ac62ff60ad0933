//! The answers about batch jobs: of trigger, describe and list.

use std::borrow::Cow;

use serde::Deserialize;

use super::job::{JobDetail, JobState, write_detail};
use super::trigger::{InputXml, OperationXml};
use super::xml::{self, Document, WireError};
use crate::api::name::JobId;
use crate::api::time;

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
struct ResponseXml<'a> {
    request_id: Option<Cow<'a, str>>,
    jobs_detail: Vec<JobsDetailXml<'a>>,
    next_token: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct JobsDetailXml<'a> {
    code: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    r#type: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    job_id: Option<Cow<'a, str>>,
    state: Option<Cow<'a, str>>,
    creation_time: Option<Cow<'a, str>>,
    start_time: Option<Cow<'a, str>>,
    end_time: Option<Cow<'a, str>>,
    input: Option<InputXml<'a>>,
    operation: Option<OperationXml<'a>>,
}

/// Writes the answer to a trigger call.
pub fn encode_trigger_answer(request_id: &str, job: &JobDetail) -> Result<String, WireError> {
    answer(request_id, std::slice::from_ref(job), |_| {})
}

/// Reads the answer to a trigger call: the job, and the id of the call.
pub fn decode_trigger_answer(body: &[u8]) -> Result<(JobDetail, Option<String>), WireError> {
    let answer = decode(body)?;
    let request_id = answer.request_id.map(Cow::into_owned);
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
    let answer = decode(body)?;
    let detail = answer
        .jobs_detail
        .into_iter()
        .find(|detail| !trimmed(detail.job_id.as_deref()).is_empty());
    Ok(DescribeAnswer {
        request_id: answer.request_id.map(Cow::into_owned),
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
    let answer = decode(body)?;
    let jobs = answer
        .jobs_detail
        .into_iter()
        .map(decode_detail)
        .collect::<Result<Vec<_>, _>>()?;
    let next_token = answer
        .next_token
        .filter(|token| !token.trim().is_empty() && !jobs.is_empty());
    Ok(ListAnswer {
        request_id: answer.request_id.map(Cow::into_owned),
        jobs,
        next_token: next_token.map(Cow::into_owned),
    })
}

fn decode(body: &[u8]) -> Result<ResponseXml<'_>, WireError> {
    xml::decode("Response", body)
}

/// `rest` writes what follows the jobs.
fn answer(
    request_id: &str,
    jobs: &[JobDetail],
    rest: impl FnOnce(&mut Document),
) -> Result<String, WireError> {
    Document::write("Response", |body| {
        body.text("RequestId", request_id);
        for job in jobs {
            body.element("JobsDetail", |detail| write_detail(detail, job));
        }
        rest(body);
    })
}

fn trimmed(text: Option<&str>) -> &str {
    text.unwrap_or_default().trim()
}

/// Id and state must be understood; what only informs (times, echo) may be anything.
fn decode_detail(detail: JobsDetailXml<'_>) -> Result<JobDetail, WireError> {
    let job_id = JobId::new(trimmed(detail.job_id.as_deref()))
        .map_err(|error| WireError::Content(format!("the answer's JobId {error}")))?;
    let state = trimmed(detail.state.as_deref());
    if state.is_empty() {
        return Err(WireError::Content("the answer has no State".to_owned()));
    }
    let moment = |text: Option<Cow<str>>| time::parse_optional(text.as_deref()).unwrap_or_default();
    Ok(JobDetail {
        job_id,
        name: detail.name.unwrap_or_default().into_owned(),
        kind: detail.r#type.unwrap_or_default().into_owned(),
        state: JobState::from(state.to_owned()),
        code: detail.code.unwrap_or_default().into_owned(),
        message: detail.message.unwrap_or_default().into_owned(),
        created: moment(detail.creation_time),
        started: moment(detail.start_time),
        ended: moment(detail.end_time),
        input: detail.input.and_then(|input| input.decode().ok()),
        operation: detail
            .operation
            .and_then(|operation| operation.decode().ok()),
        time_interval: None,
    })
}
