//! The completion report: every run of a job over an object, page by page, so that its length costs no
//! memory.

use std::io;

use futures_util::stream::{self, StreamExt};

use super::objects::failed_task;
use super::{PARALLELISM, StatusError};
use crate::api::client::{Client, ExecutionQuery};
use crate::api::name::{JobId, WorkflowId};
use crate::api::wire::{ExecutionDetail, JobState};
use crate::state::Record;

/// A service that never ends its list is stopped here: a hundred million objects.
const PAGE_LIMIT: usize = 1_000_000;

/// Which runs a report has, and what it says of them.
#[derive(Debug, Clone, Copy)]
pub struct Selected {
    /// Only the runs that failed.
    pub only_failed: bool,
    /// Each run is asked about, for its outputs; otherwise only those that failed.
    pub with_outputs: bool,
}

/// One run over one object.
#[derive(Debug)]
pub struct ObjectRow<'a> {
    /// The job's record.
    pub record: &'a Record,
    /// The job.
    pub job_id: &'a JobId,
    /// The workflow.
    pub workflow_id: &'a WorkflowId,
    /// The run, as the list has it.
    pub run: ExecutionDetail,
    /// What went wrong, as a code; empty where nothing did, or the service does not tell.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// The keys that it wrote, as far as they were asked for.
    pub outputs: Vec<String>,
    /// Whether the service did not say more when it was asked.
    pub is_unexplained: bool,
}

/// Why a report ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The service does not give the list.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// Its list has no end.
    #[error("the list of the objects of {0} does not end")]
    Endless(JobId),
    /// A row cannot be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Hands each run of the record's latest job to `take`, in the service's order.
pub async fn each_object(
    client: &Client,
    record: &Record,
    selected: Selected,
    take: &mut dyn FnMut(ObjectRow<'_>) -> io::Result<()>,
) -> Result<(), ReportError> {
    let Some((_, job_id)) = record.accepted() else {
        return Ok(());
    };
    let client = client
        .for_bucket(&record.work.bucket, &record.work.region)
        .map_err(StatusError::from)?;
    for workflow_id in record.work.request.operation.workflow_ids.as_slice() {
        let row = |run| ObjectRow {
            record,
            job_id,
            workflow_id,
            run,
            code: String::new(),
            message: String::new(),
            outputs: Vec::new(),
            is_unexplained: false,
        };
        let query = ExecutionQuery {
            workflow_id: workflow_id.clone(),
            job_id: job_id.clone(),
            state: selected.only_failed.then_some(JobState::Failed),
        };
        let mut token: Option<String> = None;
        for page_number in 0.. {
            if page_number == PAGE_LIMIT {
                return Err(ReportError::Endless(job_id.clone()));
            }
            let page = client.executions(&query, token.as_deref()).await;
            let page = page.map_err(StatusError::from)?;
            // The filter is the service's; what it lets through is checked all the same.
            let runs = page.executions.into_iter();
            let runs = runs.filter(|run| !selected.only_failed || run.state == JobState::Failed);
            let rows = stream::iter(runs.map(row)).map(|row| explained(&client, row, selected));
            let mut rows = rows.buffered(PARALLELISM);
            while let Some(row) = rows.next().await {
                take(row)?;
            }
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
    }
    Ok(())
}

/// The row with what the service says when it is asked about the run alone. An answer that cannot be
/// had leaves it as the list has it: the row matters more.
async fn explained<'a>(
    client: &Client,
    mut row: ObjectRow<'a>,
    selected: Selected,
) -> ObjectRow<'a> {
    let has_failed = row.run.state == JobState::Failed;
    if !(has_failed || selected.with_outputs) {
        return row;
    }
    let Ok(Some(run)) = client.execution(&row.run.run_id).await else {
        row.is_unexplained = true;
        return row;
    };
    if let Some(task) = failed_task(&run).filter(|_| has_failed) {
        row.code = task.code.trim().to_owned();
        row.message = task.message.trim().to_owned();
    }
    row.outputs = run
        .tasks
        .into_iter()
        .flat_map(|task| task.outputs)
        .collect();
    row
}
