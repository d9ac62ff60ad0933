//! Counts what became of a job's objects, from the runs that the service lists.
//!
//! A job over millions of objects has tens of thousands of pages of runs. Pages on which every run
//! has ended are not read again, and a round reads only so many.

use crate::api::client::{CallError, Client, ExecutionQuery};
use crate::api::name::{JobId, WorkflowId};
use crate::api::wire::{ExecutionDetail, JobState};
use crate::state::{Objects, Record};

/// Pages that are read for one job in one round.
const PAGES_A_ROUND: usize = 20;

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
            // A token may have lost its meaning since: the next round begins anew.
            let counted = counted.inspect_err(|_| *cursor = Cursor::default())?;
            sum = add(sum, counted);
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
        for _ in 0..PAGES_A_ROUND {
            let page = client.executions(&query, token.as_deref()).await?;
            is_settled &= page.executions.iter().all(|run| run.state.is_final());
            sum = page.executions.iter().map(tally).fold(sum, add);
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

fn add(left: Objects, right: Objects) -> Objects {
    Objects {
        succeeded: left.succeeded + right.succeeded,
        failed: left.failed + right.failed,
        total: left.total + right.total,
        more: left.more || right.more,
    }
}
