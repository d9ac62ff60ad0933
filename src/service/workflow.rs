//! The calls about workflows and their runs.

use std::sync::Arc;

use jiff::Timestamp;

use super::api_error::{ApiError, ErrorCode};
use super::app::App;
use super::batch::{check_object, check_workflow, whole_seconds};
use super::call::Call;
use super::definitions;
use super::ids;
use super::parameters::{self, given};
use super::reply::Reply;
use super::store::{AcceptedJob, ExecutionFilter, StoredExecution};
use crate::api::host::Host;
use crate::api::name::{JobId, JobName, WorkflowId};
use crate::api::request::{Input, JobType, Operation, Request, TimeInterval};
use crate::api::signature::encode_key;
use crate::api::wire::{
    Definition, ExecutionDetail, JobState, START, TaskDetail, Topology, WorkflowDetail,
    WorkflowsAnswer, encode_execution_answer, encode_executions_answer, encode_instance_answer,
    encode_workflows_answer,
};

/// What a run is called if the caller does not say.
const UNNAMED: &str = "triggerworkflow";

/// Kind and name of the one step of a workflow.
const COMMAND: &str = "Command";

/// `GET /workflow`: what the settings hold, in the order of the ids, and then what was made through
/// the API, in the order in which it was.
pub(super) async fn list(app: &App, call: &Call, request_id: &str) -> Result<Reply, ApiError> {
    let ids: Vec<&str> = given(call, "ids").map_or_else(Vec::new, |ids| ids.split(',').collect());
    let name = given(call, "name");
    let number = parameters::number(call, "pageNumber", 1, usize::MAX)?;
    let size = parameters::number(
        call,
        "pageSize",
        parameters::DEFAULT_SIZE,
        parameters::MAX_SIZE,
    )?;
    let bucket = &call.host.bucket;
    let of_settings = app.workflows.iter().map(|(id, workflow)| {
        let times = app.workflow_times.get(id);
        WorkflowDetail {
            workflow_id: id.to_string(),
            definition: Definition {
                name: workflow.name.clone(),
                topology: topology(),
                other: Vec::new(),
            },
            active: !workflow.paused,
            created: times.map(|times| times.created),
            updated: times.map(|times| times.updated),
            bucket: bucket.to_string(),
        }
    });
    let stored = app.store.workflows(bucket.clone()).await?;
    let stored = stored
        .into_iter()
        .map(|workflow| definitions::detail(workflow, bucket));
    let all: Vec<WorkflowDetail> = of_settings.chain(stored).collect();
    let unknown = ids.iter().filter(|id| {
        let mut all = all.iter();
        !all.any(|workflow| workflow.workflow_id == **id)
    });
    let found = all.iter().filter(|workflow| {
        (ids.is_empty() || ids.contains(&workflow.workflow_id.as_str()))
            && name.is_none_or(|name| name == workflow.name())
    });
    let found: Vec<&WorkflowDetail> = found.collect();
    let skipped = (number - 1).saturating_mul(size);
    let workflows = found.iter().skip(skipped).take(size);
    let answer = WorkflowsAnswer {
        request_id: Some(request_id.to_owned()),
        total: found.len() as u64,
        page_number: number as u64,
        page_size: size as u64,
        workflows: workflows
            .map(|workflow| WorkflowDetail::clone(workflow))
            .collect(),
        unknown_ids: unknown.map(|id| (*id).to_owned()).collect(),
    };
    Ok(Reply::xml(encode_workflows_answer(&answer)?))
}

/// `GET /workflowexecution`: the runs of one workflow, page by page.
pub(super) async fn list_executions(
    app: &App,
    call: &Call,
    request_id: &str,
) -> Result<Reply, ApiError> {
    const STATES: [&str; 4] = ["Success", "Failed", "Running", "Cancel"];
    let size = parameters::size(call)?;
    let text = |name| given(call, name).map(str::to_owned);
    let filter = ExecutionFilter {
        bucket: call.host.bucket.clone(),
        workflow: required(call, "workflowId")?.to_owned(),
        job: text("jobId"),
        key: text("name"),
        states: parameters::states(call, &STATES)?,
        created_from: parameters::moment(call, "startCreationTime")?,
        created_until: parameters::moment(call, "endCreationTime")?,
        order: parameters::order(call)?,
        after: parameters::after(call)?,
        limit: size + 1,
    };
    let mut executions = app.store.list_executions(filter).await?;
    let token = parameters::next_token(&mut executions, size, |execution| execution.sequence);
    let details = executions
        .into_iter()
        .map(|execution| detail(execution, &call.host));
    let details: Vec<_> = details.collect();
    let answer = encode_executions_answer(request_id, &details, token.as_deref())?;
    Ok(Reply::xml(answer))
}

/// `GET /workflowexecution/<RunId>`, with what the run's command did.
pub(super) async fn describe_execution(
    app: &App,
    call: &Call,
    id: &str,
    request_id: &str,
) -> Result<Reply, ApiError> {
    let found = app
        .store
        .execution(call.host.bucket.clone(), id.to_owned())
        .await?;
    let Some(execution) = found else {
        let message = format!("there is no run `{id}`");
        return Err(ApiError::new(ErrorCode::ResourceNotFound, message));
    };
    let (name, topology, tasks) = match WorkflowId::new(&execution.workflow) {
        Ok(id) => match app.workflows.get(&id) {
            Some(workflow) => (
                workflow.name.clone(),
                Some(topology()),
                vec![task(&execution)],
            ),
            None => nodes(app, call, id, &execution).await?,
        },
        Err(_) => (String::new(), None, vec![task(&execution)]),
    };
    let detail = ExecutionDetail {
        workflow_name: Some(name),
        topology,
        tasks,
        ..detail(execution, &call.host)
    };
    Ok(Reply::xml(encode_execution_answer(request_id, &detail)?))
}

/// `POST /triggerworkflow`: one workflow over one object, outside of any batch job.
pub(super) async fn trigger(
    app: &Arc<App>,
    call: &Call,
    request_id: &str,
) -> Result<Reply, ApiError> {
    let workflow = required(call, "workflowId")?;
    let workflow = WorkflowId::new(workflow)
        .map_err(|error| ApiError::argument(format!("workflowId: this id {error}")))?;
    check_workflow(app, call, &workflow, "workflowId").await?;
    let object = required(call, "object")?;
    check_object(app, call, object, "object")?;
    let name = JobName::new(given(call, "name").unwrap_or(UNNAMED))
        .map_err(|error| ApiError::argument(format!("name: this name {error}")))?;
    let run = ids::run_id();
    let job = AcceptedJob {
        id: JobId::new(&run).map_err(|error| ApiError::internal(&error))?,
        bucket: call.host.bucket.clone(),
        request: Request {
            name,
            kind: JobType::Workflow,
            input: Input::Object(object.to_owned()),
            operation: Operation {
                workflow_ids: workflow.into(),
                // Whenever it was uploaded.
                time_interval: TimeInterval {
                    start: None,
                    end: Some(Timestamp::MAX),
                },
            },
        },
        time_interval: None,
        created: whole_seconds(Timestamp::now()),
        listed: false,
    };
    app.store.add_job(job).await?;
    Ok(Reply::xml(encode_instance_answer(request_id, &run)?))
}

fn required<'a>(call: &'a Call, name: &str) -> Result<&'a str, ApiError> {
    given(call, name).ok_or_else(|| ApiError::argument(format!("{name}: is missing")))
}

/// A run as lists show it.
fn detail(execution: StoredExecution, host: &Host) -> ExecutionDetail {
    let key = encode_key(&execution.key);
    let (bucket, region) = (&host.bucket, &host.region);
    ExecutionDetail {
        run_id: execution.id,
        workflow_id: execution.workflow,
        workflow_name: None,
        object: format!("https://{bucket}.cos.{region}.myqcloud.com/{key}"),
        state: execution.state,
        created: Some(execution.created),
        topology: None,
        tasks: Vec::new(),
    }
}

/// The steps of every workflow here.
fn topology() -> Topology {
    Topology::of_steps(&[START, COMMAND])
}

/// Name and topology of a workflow that was made through the API, as it is now, and what its run did.
async fn nodes(
    app: &App,
    call: &Call,
    id: WorkflowId,
    execution: &StoredExecution,
) -> Result<(String, Option<Topology>, Vec<TaskDetail>), ApiError> {
    let workflow = app.store.workflow(call.host.bucket.clone(), id).await?;
    let tasks = app.store.tasks(execution.id.clone()).await?;
    let tasks = tasks.into_iter().map(|task| TaskDetail {
        outputs: Vec::new(),
        kind: task.kind,
        name: task.node,
        id: task.id,
        code: code(&task.state).to_owned(),
        state: task.state,
        created: Some(task.created),
        ended: task.ended,
        message: task.message,
    });
    let definition = workflow.map(|workflow| workflow.definition);
    let (name, topology) = definition.map_or_else(Default::default, |definition| {
        (definition.name, Some(definition.topology))
    });
    Ok((name, topology, tasks.collect()))
}

fn code(state: &JobState) -> &'static str {
    match state {
        JobState::Failed => "ExecutionFailed",
        JobState::Success => "Success",
        _ => "",
    }
}

/// The one step of a run: its command.
fn task(execution: &StoredExecution) -> TaskDetail {
    TaskDetail {
        outputs: Vec::new(),
        kind: COMMAND.to_owned(),
        name: COMMAND.to_owned(),
        // The run is this one step.
        id: execution.id.clone(),
        state: execution.state.clone(),
        created: Some(execution.created),
        ended: execution.ended,
        code: code(&execution.state).to_owned(),
        message: execution.message.clone(),
    }
}
