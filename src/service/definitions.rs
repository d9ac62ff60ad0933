//! The calls that make, change and remove workflows.

use jiff::Timestamp;

use super::api_error::{ApiError, ErrorCode};
use super::app::App;
use super::batch::whole_seconds;
use super::call::Call;
use super::reply::Reply;
use super::setup::queue_id;
use super::store::{Changed, StoredWorkflow, WorkflowChange};
use super::{ids, topology};
use crate::api::name::{BucketName, JobName, WorkflowId};
use crate::api::wire::{
    Content, Element, RequestError, START, WorkflowDetail, WorkflowRequest,
    decode_workflow_request, encode_workflow_answer, encode_workflow_deleted,
};

/// `POST /workflow`: the workflow is on the disk before the answer is.
pub(super) async fn create(
    app: &App,
    call: &Call,
    body: &[u8],
    request_id: &str,
) -> Result<Reply, ApiError> {
    let request = read(body)?;
    let now = whole_seconds(Timestamp::now());
    let workflow = StoredWorkflow {
        id: ids::workflow_id(),
        definition: request.definition,
        active: request.active.unwrap_or(false),
        created: now,
        updated: now,
    };
    let bucket = &call.host.bucket;
    let answer = encode_workflow_answer(request_id, &detail(workflow.clone(), bucket))?;
    app.store.add_workflow(bucket.clone(), workflow).await?;
    Ok(Reply::xml(answer))
}

/// `PUT /workflow/<id>`: another definition for a paused workflow.
pub(super) async fn update(
    app: &App,
    call: &Call,
    id: &str,
    body: &[u8],
    request_id: &str,
) -> Result<Reply, ApiError> {
    let request = read(body)?;
    let change = WorkflowChange::Define(request.definition, request.active);
    let workflow = apply(app, call, id, change).await?;
    let answer = encode_workflow_answer(request_id, &detail(workflow, &call.host.bucket))?;
    Ok(Reply::xml(answer))
}

/// `PUT /workflow/<id>?active` and `?paused`. Once more changes nothing but its time.
pub(super) async fn set_state(
    app: &App,
    call: &Call,
    id: &str,
    active: bool,
    request_id: &str,
) -> Result<Reply, ApiError> {
    let workflow = apply(app, call, id, WorkflowChange::State(active)).await?;
    let answer = encode_workflow_answer(request_id, &detail(workflow, &call.host.bucket))?;
    Ok(Reply::xml(answer))
}

/// `DELETE /workflow/<id>`, of a paused one.
pub(super) async fn delete(
    app: &App,
    call: &Call,
    id: &str,
    request_id: &str,
) -> Result<Reply, ApiError> {
    let workflow = apply(app, call, id, WorkflowChange::Remove).await?;
    Ok(Reply::xml(encode_workflow_deleted(
        request_id,
        workflow.id.as_str(),
    )?))
}

fn read(body: &[u8]) -> Result<WorkflowRequest, ApiError> {
    if body.is_empty() {
        let message = "the body is missing";
        return Err(ApiError::new(ErrorCode::MissingContent, message));
    }
    let request = decode_workflow_request(body).map_err(RequestError::Body)?;
    JobName::new(&request.definition.name)
        .map_err(|error| ApiError::argument(format!("MediaWorkflow.Name: this name {error}")))?;
    topology::order(&request.definition.topology)
        .map_err(|problem| ApiError::argument(format!("MediaWorkflow.{problem}")))?;
    Ok(request)
}

async fn apply(
    app: &App,
    call: &Call,
    id: &str,
    change: WorkflowChange,
) -> Result<StoredWorkflow, ApiError> {
    let unknown = || {
        let message = format!("there is no workflow `{id}`");
        ApiError::new(ErrorCode::ResourceNotFound, message)
    };
    let workflow = WorkflowId::new(id).map_err(|_| unknown())?;
    if app.workflows.contains_key(&workflow) {
        let message = format!("the workflow `{id}` is one of stocktake.toml, and is changed there");
        return Err(ApiError::new(ErrorCode::AccessDenied, message));
    }
    let bucket = call.host.bucket.clone();
    let now = whole_seconds(Timestamp::now());
    match app
        .store
        .change_workflow(bucket, workflow, change, now)
        .await?
    {
        Changed::Done(workflow) => Ok(workflow),
        Changed::Unknown => Err(unknown()),
        Changed::Active => {
            let message = format!("the workflow `{id}` is active: pause it first");
            Err(ApiError::new(ErrorCode::ActiveWorkflow, message))
        }
    }
}

/// The workflow as answers describe it, with the queue that the bucket has.
pub(super) fn detail(workflow: StoredWorkflow, bucket: &BucketName) -> WorkflowDetail {
    let mut definition = workflow.definition;
    if let Some(start) = definition.topology.nodes.get_mut(START) {
        for element in &mut start.elements {
            if let ("Input", Content::Elements(input)) =
                (element.name.as_str(), &mut element.content)
                && !input.iter().any(|element| element.name == "QueueId")
            {
                input.push(Element::text("QueueId", queue_id(bucket)));
            }
        }
    }
    WorkflowDetail {
        workflow_id: workflow.id.to_string(),
        definition,
        active: workflow.active,
        created: Some(workflow.created),
        updated: Some(workflow.updated),
        bucket: bucket.to_string(),
    }
}
