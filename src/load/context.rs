//! What jobs take from a target.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;

use crate::api::name::WorkflowId;
use crate::expand::ExpandContext;
use crate::workspace::Target;

/// What jobs take from outside their files.
pub fn context(
    target: &Target,
    variables: BTreeMap<String, String>,
    now: Timestamp,
) -> ExpandContext {
    ExpandContext {
        target: target.name.clone(),
        bucket: target.bucket.clone(),
        region: target.region.clone(),
        workflows: workflows(target),
        workflow_names: target.workflow_names.clone(),
        private_callbacks: target.is_on_loopback(),
        variables,
        now,
    }
}

/// The folders that stand for buckets: what is in them is no job file.
pub fn bucket_folders(target: &Target) -> Vec<PathBuf> {
    let service = target.embedded();
    let folders = service.map(|service| service.buckets.values().cloned().collect());
    folders.unwrap_or_default()
}

/// The workflows of the embedded service; one that has none is not used yet.
fn workflows(target: &Target) -> Option<BTreeSet<WorkflowId>> {
    let workflows = &target.embedded()?.workflows;
    let ids: BTreeSet<WorkflowId> = workflows.keys().cloned().collect();
    Some(ids).filter(|ids| !ids.is_empty())
}
