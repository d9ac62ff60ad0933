//! The calls about batch jobs.

use jiff::Timestamp;

use super::app::App;
use super::call::Call;
use super::failure::Failure;
use super::identity;
use super::reply::Reply;
use super::store::{NewJob, StoredJob};
use crate::api::name::{JobId, WorkflowId};
use crate::api::request::{Input, Request};
use crate::api::wire::{
    JobDetail, JobState, decode_request, encode_describe_answer, encode_trigger_answer,
};

/// `POST /inventorytriggerjob`: the job is on the disk before the answer is.
pub(super) async fn trigger(
    app: &App,
    call: &Call,
    body: &[u8],
    request_id: &str,
) -> Result<Reply, Failure> {
    if body.is_empty() {
        return Err(Failure::new(400, "MissingContent", "the body is missing"));
    }
    let request = decode_request(body)?;
    check_workflows(app, &request)?;
    check_input(app, call, &request)?;
    let job = NewJob {
        id: identity::job_id().map_err(|error| Failure::internal(&error))?,
        bucket: call.host.bucket.clone(),
        request,
        created: whole_seconds(Timestamp::now()),
    };
    let answer = encode_trigger_answer(request_id, &submitted(&job))?;
    app.store.add_job(job).await?;
    app.runner.job_added();
    Ok(Reply::xml(answer))
}

/// `GET /inventorytriggerjob/<id>`: an id that nobody knows is no error, but named in the answer.
pub(super) async fn describe(
    app: &App,
    call: &Call,
    id: &str,
    request_id: &str,
) -> Result<Reply, Failure> {
    let job = match JobId::new(id) {
        Ok(id) => app.store.job(call.host.bucket.clone(), id).await?,
        Err(_) => None,
    };
    let job = job.map(StoredJob::detail);
    Ok(Reply::xml(encode_describe_answer(
        request_id,
        id,
        job.as_ref(),
    )?))
}

/// Every workflow must be there, and active.
fn check_workflows(app: &App, request: &Request) -> Result<(), Failure> {
    for id in request.operation.workflow_ids.as_slice() {
        check_workflow(app, id)?;
    }
    Ok(())
}

fn check_workflow(app: &App, id: &WorkflowId) -> Result<(), Failure> {
    let element = "Request.Operation.WorkflowIds";
    match app.workflows.get(id) {
        Some(workflow) if workflow.paused => Err(Failure::argument(format!(
            "{element}: the workflow `{id}` is paused"
        ))),
        Some(_) => Ok(()),
        None => Err(Failure::argument(format!(
            "{element}: there is no workflow `{id}`"
        ))),
    }
}

/// A single object must be there; what a prefix holds is seen when the job runs.
fn check_input(app: &App, call: &Call, request: &Request) -> Result<(), Failure> {
    let Input::Object(key) = &request.input else {
        return Ok(());
    };
    let bucket = app.bucket(call)?;
    let found = bucket
        .find(key)
        .map_err(|error| Failure::internal(&error))?;
    if found.is_some() {
        return Ok(());
    }
    let message = format!("Request.Input.Object: the bucket has no object `{key}`");
    Err(Failure::new(400, "ResourceNotFound", message))
}

fn submitted(job: &NewJob) -> JobDetail {
    JobDetail {
        job_id: job.id.clone(),
        name: job.request.name.as_str().to_owned(),
        kind: job.request.kind.as_str().to_owned(),
        state: JobState::Submitted,
        code: "Success".to_owned(),
        message: String::new(),
        created: Some(job.created),
        started: None,
        ended: None,
        input: Some(job.request.input.clone()),
        operation: Some(job.request.operation.clone()),
    }
}

fn whole_seconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}
