//! The runs of a job's workflow over single objects.

use super::error::CallError;
use super::list::PAGE_SIZE;
use super::{Client, RUNS};
use crate::api::name::{JobId, WorkflowId};
use crate::api::wire::{
    ExecutionDetail, ExecutionsAnswer, JobState, decode_execution_answer, decode_executions_answer,
};

/// Which runs to list.
#[derive(Debug, Clone)]
pub struct ExecutionQuery {
    /// Of this workflow.
    pub workflow_id: WorkflowId,
    /// Of this batch job.
    pub job_id: JobId,
    /// In this state; absent for all.
    pub state: Option<JobState>,
}

impl Client {
    /// One page of the runs, oldest first; `token` is that of the page before.
    pub async fn executions(
        &self,
        query: &ExecutionQuery,
        token: Option<&str>,
    ) -> Result<ExecutionsAnswer, CallError> {
        let mut parameters = vec![
            ("workflowId", query.workflow_id.as_str()),
            ("jobId", query.job_id.as_str()),
            ("orderByTime", "Asc"),
            ("size", PAGE_SIZE),
        ];
        parameters.extend(query.state.iter().map(|state| ("states", state.as_str())));
        parameters.extend(token.map(|token| ("nextToken", token)));
        let page = self
            .ci
            .get(RUNS, &parameters, decode_executions_answer)
            .await?;
        match page.next_token.as_deref() {
            Some(next) if Some(next) == token => Err(self
                .ci
                .answer_error(200, format!("the list repeats its page `{next}`"))),
            _ => Ok(page),
        }
    }

    /// One run with its steps; `None` when the service does not know it.
    pub async fn execution(&self, run_id: &str) -> Result<Option<ExecutionDetail>, CallError> {
        // Ids are opaque, but this one becomes part of a path.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if run_id.is_empty() || !run_id.bytes().all(is_plain) {
            return Ok(None);
        }
        let path = format!("{RUNS}/{run_id}");
        match self.ci.get(&path, &[], decode_execution_answer).await {
            Err(CallError::Service { error, .. }) if error.status == 404 => Ok(None),
            result => result,
        }
    }
}
