//! The calls about batch jobs.

use std::sync::Arc;

use jiff::Timestamp;

use super::api_error::{ApiError, ErrorCode};
use super::app::App;
use super::call::Call;
use super::ids;
use super::parameters;
use super::reply::Reply;
use super::store::{AcceptedJob, JobFilter, StoredJob};
use crate::api::name::{JobId, WorkflowId};
use crate::api::objects::{check_key_length, resolve};
use crate::api::request::{Input, Request};
use crate::api::wire::{
    JobDetail, JobState, decode_request, encode_describe_answer, encode_list_answer,
    encode_trigger_answer, time_interval_as_sent,
};

/// `POST /inventorytriggerjob`: the job is on the disk before the answer is.
pub(super) async fn trigger(
    app: &Arc<App>,
    call: &Call,
    body: &[u8],
    request_id: &str,
) -> Result<Reply, ApiError> {
    if body.is_empty() {
        return Err(ApiError::new(
            ErrorCode::MissingContent,
            "the body is missing",
        ));
    }
    let request = decode_request(body)?;
    check_workflows(app, call, &request).await?;
    check_input(app, call, &request)?;
    let job = AcceptedJob {
        id: ids::job_id(),
        bucket: call.host.bucket.clone(),
        request,
        time_interval: time_interval_as_sent(body),
        created: whole_seconds(Timestamp::now()),
        listed: true,
    };
    let answer = encode_trigger_answer(request_id, &submitted(job.clone()))?;
    app.store.add_job(job).await?;
    Ok(Reply::xml(answer))
}

/// `GET /inventorytriggerjob/<id>`: an unknown id is no error: the answer names it.
pub(super) async fn describe(
    app: &App,
    call: &Call,
    id: &str,
    request_id: &str,
) -> Result<Reply, ApiError> {
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

/// `GET /inventorytriggerjob`: the bucket's jobs, page by page.
pub(super) async fn list(app: &App, call: &Call, request_id: &str) -> Result<Reply, ApiError> {
    const STATES: [&str; 6] = [
        "Submitted",
        "Running",
        "Success",
        "Failed",
        "Pause",
        "Cancel",
    ];
    let size = parameters::size(call)?;
    let text = |name| parameters::given(call, name).map(str::to_owned);
    let filter = JobFilter {
        bucket: call.host.bucket.clone(),
        id: text("jobId"),
        name: text("name"),
        workflow: text("workflowId"),
        states: parameters::states(call, &STATES)?,
        created_from: parameters::moment(call, "startCreationTime")?,
        created_until: parameters::moment(call, "endCreationTime")?,
        order: parameters::order(call)?,
        after: parameters::after(call)?,
        limit: size + 1,
    };
    let mut jobs = match parameters::given(call, "type") {
        None | Some("Workflow") => app.store.list_jobs(filter).await?,
        // Jobs of that type are refused, so there are none.
        Some("Job") => Vec::new(),
        Some(other) => {
            let message = format!("type: `{other}` is neither `Workflow` nor `Job`");
            return Err(ApiError::argument(message));
        }
    };
    let token = parameters::next_token(&mut jobs, size, |job| job.sequence);
    let jobs: Vec<JobDetail> = jobs.into_iter().map(StoredJob::detail).collect();
    let answer = encode_list_answer(request_id, &jobs, token.as_deref())?;
    Ok(Reply::xml(answer))
}

/// `PUT /inventorytriggerjob/<id>?cancel`: what has not started never starts, what runs is ended,
/// what was done is kept. Once more on a cancelled job changes nothing and is no error, because an
/// answer may have been lost.
pub(super) async fn cancel(app: &Arc<App>, call: &Call, id: &str) -> Result<Reply, ApiError> {
    let bucket = call.host.bucket.clone();
    let job = match JobId::new(id) {
        Ok(id) => app.store.job(bucket.clone(), id).await?,
        Err(_) => None,
    };
    let unknown = || ApiError::new(ErrorCode::NoSuchJob, format!("there is no job `{id}`"));
    let job = job.ok_or_else(unknown)?;
    let (app, id) = (Arc::clone(app), job.id);
    // Completes when the client disconnects.
    let cancelled = tokio::spawn(async move {
        let state = JobState::Cancel;
        let now = Timestamp::now();
        let (code, message) = ("Cancel".to_owned(), "cancelled".to_owned());
        if app
            .store
            .end_job(job.sequence, state, code, message, now)
            .await?
        {
            app.runner.job_cancelled(&id);
        }
        app.store.job(bucket, id).await
    });
    let job = cancelled
        .await
        .map_err(|error| ApiError::internal(&error))??;
    match job.map(|job| job.state) {
        None | Some(JobState::Cancel) => Ok(Reply::empty()),
        Some(state) => {
            let message = format!("the job has ended as {state} and cannot be cancelled");
            Err(ApiError::argument(message))
        }
    }
}

/// Every workflow must be there; batch jobs run it in either state.
async fn check_workflows(app: &App, call: &Call, request: &Request) -> Result<(), ApiError> {
    for id in request.operation.workflow_ids.as_slice() {
        check_workflow(app, call, id, "Request.Operation.WorkflowIds").await?;
    }
    Ok(())
}

/// `element` is what the message names.
pub(super) async fn check_workflow(
    app: &App,
    call: &Call,
    id: &WorkflowId,
    element: &str,
) -> Result<(), ApiError> {
    if app.workflows.contains_key(id) {
        return Ok(());
    }
    let bucket = call.host.bucket.clone();
    match app.store.workflow(bucket, id.clone()).await? {
        Some(_) => Ok(()),
        None => Err(ApiError::argument(format!(
            "{element}: there is no workflow `{id}`"
        ))),
    }
}

/// A single object and a list must be there; what a prefix holds is seen when the job runs.
fn check_input(app: &App, call: &Call, request: &Request) -> Result<(), ApiError> {
    let listed = |reference: &str, element: &str| {
        let key = resolve(&call.host.bucket, reference);
        let key = key.map_err(|error| ApiError::argument(format!("{element}: this {error}")))?;
        check_object(app, call, &key, element)
    };
    match &request.input {
        Input::Object(key) => check_object(app, call, key, "Request.Input.Object"),
        Input::Manifest(reference) => listed(reference, "Request.Input.Manifest"),
        Input::UrlFile(reference) => listed(reference, "Request.Input.UrlFile"),
        Input::Prefix(prefix) => check_key_length(prefix)
            .map_err(|error| ApiError::argument(format!("Request.Input.Prefix: this {error}"))),
    }
}

/// `element` is what the message names.
pub(super) fn check_object(
    app: &App,
    call: &Call,
    key: &str,
    element: &str,
) -> Result<(), ApiError> {
    check_key_length(key)
        .map_err(|error| ApiError::argument(format!("{element}: this {error}")))?;
    let found = app.bucket(call)?.find(key);
    if found.map_err(|error| ApiError::internal(&error))?.is_some() {
        return Ok(());
    }
    let message = format!("{element}: the bucket has no object `{key}`");
    Err(ApiError::new(ErrorCode::ResourceNotFound, message))
}

fn submitted(job: AcceptedJob) -> JobDetail {
    JobDetail {
        job_id: job.id,
        name: job.request.name.as_str().to_owned(),
        kind: job.request.kind.as_str().to_owned(),
        state: JobState::Submitted,
        code: "Success".to_owned(),
        message: String::new(),
        created: Some(job.created),
        started: None,
        ended: None,
        input: Some(job.request.input),
        operation: Some(job.request.operation),
        time_interval: job.time_interval,
    }
}

pub(super) fn whole_seconds(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}
