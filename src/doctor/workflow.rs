//! Whether the workflows that jobs name are there.

use crate::api::client::Client;
use crate::api::name::WorkflowId;

use super::check::{Check, Finding, failed, in_time, ok, refused};

/// Asks for one workflow.
pub(super) async fn check(client: &Client, id: &WorkflowId) -> Check {
    let finding = in_time(find(client, id)).await;
    let asked = format!("GET /workflow?ids={id} on {}", client.endpoint().bucket);
    Check::new("workflow", id.as_str(), asked, finding)
}

async fn find(client: &Client, id: &WorkflowId) -> Finding {
    let answer = match client.workflows(id.as_str()).await {
        Ok(answer) => answer,
        Err(error) => return refused(client, &error),
    };
    let found = answer
        .workflows
        .iter()
        .find(|workflow| workflow.workflow_id == id.as_str());
    match found {
        Some(workflow) => {
            let state = if workflow.active {
                "active"
            } else {
                "paused, which batch jobs do not mind"
            };
            ok(format!("`{}`, {state}", workflow.name()))
        }
        None => failed(
            format!("there is no workflow {id} in {}", client.endpoint().bucket),
            "compare the id with https://console.cloud.tencent.com/ci/bucket, the bucket, Tasks and \
             Workflows; a workflow belongs to one bucket",
        ),
    }
}
