//! Which objects failed, for people and machines.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::table::count;
use super::text::{failure_line, object_key, one_line};
use super::ui::style::{BAD, GOOD, STRONG};
use crate::api::name::{JobId, WorkflowId};
use crate::job::JobKey;
use crate::report::json::write as write_json;
use crate::schema;
use crate::status::FailedObject;

/// The format that [`json`] writes.
const FORMAT: &str = "stocktake.failures/1";

/// What `stocktake status KEY --failed --format json` prints.
// Members stand in the order of their names, where programs found them from the first version on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "stocktake failures")]
struct Document<'a> {
    /// The objects, by key, workflow and the service's order; empty when none failed.
    failures: Vec<Failure<'a>>,
    /// The version of this format; fields are added to it, and never changed.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The target whose jobs these are.
    target: &'a str,
}

/// An object that a workflow could not process.
#[derive(Debug, Serialize, JsonSchema)]
struct Failure<'a> {
    /// The service's id of the job.
    job_id: &'a JobId,
    /// The job's name in the workspace.
    key: &'a JobKey,
    /// What went wrong; null beyond the first hundred objects of a job, and where the service does not
    /// tell.
    message: Option<&'a str>,
    /// The run of the workflow over this object.
    run_id: &'a str,
    /// The object's address.
    url: &'a str,
    /// The workflow.
    workflow_id: &'a WorkflowId,
}

/// Writes the failed objects of each job: those with the same reason together.
pub fn human(out: &mut dyn Write, failed: &[FailedObject]) -> io::Result<()> {
    if failed.is_empty() {
        return writeln!(out, "{GOOD}No object failed.{GOOD:#}");
    }
    let mut groups: Vec<Vec<&FailedObject>> = Vec::new();
    for object in failed {
        let is_same = |group: &&mut Vec<&FailedObject>| {
            (&group[0].key, &group[0].message) == (&object.key, &object.message)
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.push(object),
            None => groups.push(vec![object]),
        }
    }
    for group in groups {
        let first = group[0];
        let objects = count(group.len(), "object", "objects");
        let message = first.message.as_deref().map(failure_line);
        let message = message.map(|message| format!(": {message}"));
        writeln!(
            out,
            "{BAD}failed{BAD:#}  {STRONG}{}{STRONG:#}  {objects}{}",
            first.key,
            message.unwrap_or_default()
        )?;
        for object in group {
            writeln!(out, "        {}", one_line(&object_key(&object.url)))?;
        }
    }
    writeln!(
        out,
        "{}",
        count(failed.len(), "object failed", "objects failed")
    )
}

/// Writes them as one JSON document.
pub fn json(out: &mut dyn Write, target: &str, failed: &[FailedObject]) -> io::Result<()> {
    let document = Document {
        failures: failed.iter().map(Failure::from).collect(),
        format: FORMAT,
        target,
    };
    write_json(out, &document)
}

/// The schema of what [`json`] writes.
pub fn schema_json() -> Value {
    schema::of::<Document<'_>>()
}

impl<'a> From<&'a FailedObject> for Failure<'a> {
    fn from(object: &'a FailedObject) -> Self {
        Self {
            job_id: &object.job_id,
            key: &object.key,
            message: object.message.as_deref(),
            run_id: &object.run_id,
            url: &object.url,
            workflow_id: &object.workflow_id,
        }
    }
}
