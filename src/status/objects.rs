//! What became of a job's objects, from the runs that the service lists: counts, and which failed.
//!
//! A job over millions of objects has tens of thousands of pages of runs. Pages on which every run
//! has ended are not read again, and a round reads a limited number of pages.

use std::ops::Add;

use futures_util::stream::{self, StreamExt};
use percent_encoding::percent_decode_str;

use super::{PARALLELISM, StatusError};
use crate::api::client::{CallError, Client, ExecutionQuery};
use crate::api::name::{JobId, WorkflowId};
use crate::api::signature::url_encode;
use crate::api::wire::{ExecutionDetail, JobState, TaskDetail};
use crate::job::{JobKey, Work};
use crate::state::{Objects, Record};

/// Pages that are read for one job in one round.
const PAGES_PER_ROUND: usize = 20;

/// How far the runs of one job are counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    workflows: Vec<Cursor>,
}

/// How far the runs of one workflow are counted for good.
#[derive(Debug, Clone, Default)]
struct Cursor {
    settled: Objects,
    /// The page that comes next.
    token: Option<String>,
}

impl Counter {
    /// Counts the objects of the record's job as they are now.
    pub(super) async fn count(
        &mut self,
        client: &Client,
        record: &Record,
        job_id: &JobId,
    ) -> Result<Objects, CallError> {
        let ids = record.work.request.operation.workflow_ids.as_slice();
        self.workflows.resize_with(ids.len(), Cursor::default);
        let mut sum = Objects::default();
        for (cursor, workflow_id) in self.workflows.iter_mut().zip(ids) {
            let counted = cursor.count(client, workflow_id, job_id).await;
            // A token may have lost its meaning since: the next round begins at the start.
            let counted = counted.inspect_err(|_| *cursor = Cursor::default())?;
            sum = sum + counted;
        }
        Ok(sum)
    }
}

impl Cursor {
    async fn count(
        &mut self,
        client: &Client,
        workflow_id: &WorkflowId,
        job_id: &JobId,
    ) -> Result<Objects, CallError> {
        let query = ExecutionQuery {
            workflow_id: workflow_id.clone(),
            job_id: job_id.clone(),
            state: None,
        };
        let mut sum = self.settled;
        let mut token = self.token.clone();
        let mut is_settled = true;
        for _ in 0..PAGES_PER_ROUND {
            let page = client.executions(&query, token.as_deref()).await?;
            is_settled &= page.executions.iter().all(|run| run.state.is_final());
            sum = page.executions.iter().map(tally).fold(sum, Objects::add);
            let Some(next) = page.next_token else {
                return Ok(sum);
            };
            if is_settled {
                self.settled = sum;
                self.token = Some(next.clone());
            }
            token = Some(next);
        }
        sum.more = true;
        Ok(sum)
    }
}

fn tally(run: &ExecutionDetail) -> Objects {
    Objects {
        succeeded: u64::from(run.state == JobState::Success),
        failed: u64::from(run.state == JobState::Failed),
        total: 1,
        more: false,
    }
}

/// Why an object failed is asked for each of the first ones; the service tells it one by one.
const EXPLAINED: usize = 100;
/// A service that never ends its list is stopped here.
const PAGE_LIMIT: usize = 100_000;

/// An object whose run failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedObject {
    /// The job.
    pub key: JobKey,
    /// The service's id of the job.
    pub job_id: JobId,
    /// The workflow.
    pub workflow_id: WorkflowId,
    /// The run.
    pub run_id: String,
    /// The object's address.
    pub url: String,
    /// What went wrong; absent beyond the first objects and where the service does not tell.
    pub message: Option<String>,
}

/// The failed objects of the record's latest job in the service's order: all of them, or the first
/// ones.
pub async fn failed_objects(
    client: &Client,
    record: &Record,
    limit: Option<usize>,
) -> Result<Vec<FailedObject>, StatusError> {
    let Some((_, job_id)) = record.accepted() else {
        return Ok(Vec::new());
    };
    let client = client.for_bucket(&record.work.bucket, &record.work.region)?;
    let mut failed = Vec::new();
    for workflow_id in record.work.request.operation.workflow_ids.as_slice() {
        let limit = limit.map(|limit| limit.saturating_sub(failed.len()));
        let runs = failed_runs(&client, workflow_id, job_id, limit).await?;
        failed.extend(runs.into_iter().map(|run| FailedObject {
            key: record.key.clone(),
            job_id: job_id.clone(),
            workflow_id: workflow_id.clone(),
            url: object_url(&record.work, &run.object),
            run_id: run.run_id,
            message: None,
        }));
    }
    explain(&client, &mut failed).await;
    Ok(failed)
}

async fn failed_runs(
    client: &Client,
    workflow_id: &WorkflowId,
    job_id: &JobId,
    limit: Option<usize>,
) -> Result<Vec<ExecutionDetail>, CallError> {
    let limit = limit.unwrap_or(usize::MAX);
    let query = ExecutionQuery {
        workflow_id: workflow_id.clone(),
        job_id: job_id.clone(),
        state: Some(JobState::Failed),
    };
    let mut runs = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..PAGE_LIMIT {
        let page = client.executions(&query, token.as_deref()).await?;
        // The filter is the service's; what it lets through is checked all the same.
        let failed = page.executions.into_iter();
        runs.extend(failed.filter(|run| run.state == JobState::Failed));
        token = page.next_token;
        if token.is_none() || runs.len() >= limit {
            break;
        }
    }
    runs.truncate(limit);
    Ok(runs)
}

/// A reason that cannot be had is left out: the objects matter more.
async fn explain(client: &Client, failed: &mut [FailedObject]) {
    let questions = stream::iter(failed.iter_mut().take(EXPLAINED)).map(|object| async move {
        let run = client.execution(&object.run_id).await;
        object.message = run.ok().flatten().and_then(|run| reason(&run));
    });
    questions
        .buffer_unordered(PARALLELISM)
        .collect::<()>()
        .await;
}

fn reason(run: &ExecutionDetail) -> Option<String> {
    let task = failed_task(run)?;
    match (task.code.trim(), task.message.trim()) {
        ("", "") => None,
        ("", message) => Some(message.to_owned()),
        (code, "") => Some(code.to_owned()),
        (code, message) => Some(format!("{code}: {message}")),
    }
}

/// The step that went wrong.
pub(super) fn failed_task(run: &ExecutionDetail) -> Option<&TaskDetail> {
    let mut tasks = run.tasks.iter();
    tasks.find(|task| task.state == JobState::Failed)
}

/// The key of an object, which the service gives as such or as its address.
pub fn object_key(object: &str) -> String {
    let address = object
        .strip_prefix("https://")
        .or_else(|| object.strip_prefix("http://"));
    let path = address.and_then(|address| address.split_once('/'));
    path.map_or_else(
        || object.to_owned(),
        |(_, path)| percent_decode_str(path).decode_utf8_lossy().into_owned(),
    )
}

/// The address of an object, which the service gives as such or as its key.
pub fn object_url(work: &Work, object: &str) -> String {
    if object.starts_with("https://") || object.starts_with("http://") {
        return object.to_owned();
    }
    let Work { bucket, region, .. } = work;
    let path: Vec<String> = object
        .trim_start_matches('/')
        .split('/')
        .map(url_encode)
        .collect();
    format!(
        "https://{bucket}.cos.{region}.myqcloud.com/{}",
        path.join("/")
    )
}

#[cfg(test)]
mod tests {
    use super::{object_key, object_url};
    use crate::api::name::{BucketName, JobName, Region, WorkflowId};
    use crate::api::request::{Input, JobType, Operation, Request, TimeInterval, WorkflowIds};
    use crate::job::Work;

    #[test]
    fn keys_become_addresses_and_addresses_stay() {
        let work = Work {
            bucket: BucketName::new("media-1250000000").unwrap(),
            region: Region::new("ap-beijing").unwrap(),
            request: Request {
                name: JobName::new("demo").unwrap(),
                kind: JobType::Workflow,
                input: Input::Prefix(String::new()),
                operation: Operation {
                    workflow_ids: WorkflowIds::from(WorkflowId::new("w1").unwrap()),
                    time_interval: TimeInterval::default(),
                },
            },
            rerun: None,
        };
        assert_eq!(
            object_url(&work, "视频/a b.mp4"),
            "https://media-1250000000.cos.ap-beijing.myqcloud.com/%E8%A7%86%E9%A2%91/a%20b.mp4"
        );
        assert_eq!(object_url(&work, "https://x/a%20b"), "https://x/a%20b");
    }

    #[test]
    fn addresses_become_keys_and_keys_stay() {
        let address = "https://b-1.cos.ap-beijing.myqcloud.com/%E8%A7%86/a%20b%2C";
        assert_eq!(object_key(address), "视/a b,");
        assert_eq!(object_key("a%20b"), "a%20b");
    }
}
