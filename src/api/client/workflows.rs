//! Workflows of a bucket: listing all of them, and changing the state of one.

use reqwest::Method;

use super::Client;
use super::call::Call;
use super::error::CallError;
use crate::api::name::WorkflowId;
use crate::api::wire::{WorkflowDetail, decode_workflows_answer};

const WORKFLOWS: &str = "/workflow";
/// A service that never ends its list is stopped here.
const PAGE_LIMIT: usize = 1_000;
const PAGE_SIZE: &str = "100";

impl Client {
    /// Every workflow of the bucket, in the order of the service.
    pub async fn all_workflows(&self) -> Result<Vec<WorkflowDetail>, CallError> {
        let mut all: Vec<WorkflowDetail> = Vec::new();
        for number in 1..=PAGE_LIMIT {
            let number = number.to_string();
            let parameters = [("pageNumber", number.as_str()), ("pageSize", PAGE_SIZE)];
            let page = self
                .ci
                .get(WORKFLOWS, &parameters, decode_workflows_answer)
                .await?;
            let is_last = page.workflows.is_empty();
            // Pages shift when a workflow comes or goes meanwhile.
            let is_new = |workflow: &WorkflowDetail| {
                let mut known = all.iter();
                !known.any(|known| known.workflow_id == workflow.workflow_id)
            };
            let new: Vec<WorkflowDetail> = page.workflows.into_iter().filter(is_new).collect();
            if !is_last && new.is_empty() {
                let reason = format!("the list of workflows repeats its page {number}");
                return Err(self.ci.answer_error(200, reason));
            }
            all.extend(new);
            if is_last || all.len() as u64 >= page.total {
                return Ok(all);
            }
        }
        let reason = "the list of workflows does not end".to_owned();
        Err(self.ci.answer_error(200, reason))
    }

    /// Makes a workflow react to uploads, or not. Once more changes nothing.
    pub async fn set_workflow_state(&self, id: &WorkflowId, active: bool) -> Result<(), CallError> {
        let state = if active { "active" } else { "paused" };
        let path = format!("{WORKFLOWS}/{id}");
        self.change(&Call::new(Method::PUT, &path, &[(state, "")]))
            .await
    }

    /// Removes a paused workflow.
    pub async fn delete_workflow(&self, id: &WorkflowId) -> Result<(), CallError> {
        let path = format!("{WORKFLOWS}/{id}");
        self.change(&Call::new(Method::DELETE, &path, &[])).await
    }

    /// Makes a call once that changes something.
    async fn change(&self, call: &Call<'_>) -> Result<(), CallError> {
        self.synchronize().await?;
        self.turn().await;
        let answer = self.ci.once(call).await;
        let answer = answer.map_err(|failure| self.ci.transport_error(failure))?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(self.ci.error(&answer))
        }
    }
}
