//! Whether a request can be written into a job file: only if it reads back as the same request.

use std::path::Path;
use std::slice;
use std::sync::Arc;

use jiff::Timestamp;

use crate::api::name::{BucketName, Region};
use crate::diagnostic::Diagnostic;
use crate::document::Syntax;
use crate::expand::{ExpandContext, Expander};
use crate::jobfile::Reader;
use crate::jobfile::written::{NewJob, job_file};
use crate::jobfile::written_workflow::{NewWorkflow, workflow_file};
use crate::source::SourceFile;
use crate::workflow::differences;

/// Reads jobs back that are to be written.
#[derive(Default)]
pub struct ReadBack {
    reader: Reader,
}

/// Why a request cannot be written into a job file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inexpressible {
    /// The field of the job file, where one is to blame.
    pub field: Option<String>,
    pub problem: String,
}

impl ReadBack {
    /// Checks that the text of the job means its request again.
    pub fn check(&self, job: &NewJob<'_>) -> Result<(), Inexpressible> {
        let text = job_file(slice::from_ref(job), "");
        let file = Arc::new(SourceFile::new(Path::new("new.yaml"), text));
        let (job_file, mut findings) = self.reader.load(&file, Syntax::Yaml);
        // Bucket and region are no part of a request; any will do.
        let bucket = BucketName::new("any-1250000000").ok();
        let expander = Expander::new(context(bucket, Region::new("any").ok()));
        let jobs = job_file.map_or_else(Vec::new, |job_file| {
            let (jobs, more) = expander.expand(&file, &job_file);
            findings.extend(more);
            jobs
        });
        if let Some(error) = findings.iter().find(|finding| finding.is_error()) {
            return Err(Inexpressible {
                field: field_of(error),
                problem: error.message.clone(),
            });
        }
        match jobs.as_slice() {
            [read] if read.work.request == *job.request && read.key == job.key => Ok(()),
            _ => Err(Inexpressible {
                field: None,
                problem: "a job file would hold another request".to_owned(),
            }),
        }
    }
}

impl ReadBack {
    /// Checks that the text of the workflow declares its definition again, in this bucket.
    pub fn check_workflow(
        &self,
        workflow: &NewWorkflow<'_>,
        bucket: &BucketName,
        region: &Region,
    ) -> Result<(), Inexpressible> {
        let file = workflow_file(workflow, "");
        let file = Arc::new(SourceFile::new(Path::new("new.yaml"), file));
        let (job_file, mut findings) = self.reader.load(&file, Syntax::Yaml);
        let expander = Expander::new(context(Some(bucket.clone()), Some(region.clone())));
        let workflows = job_file.map_or_else(Vec::new, |job_file| {
            let mut content = expander.expand_traced(&file, &job_file);
            findings.append(&mut content.findings);
            content.workflows
        });
        if let Some(error) = findings.iter().find(|finding| finding.is_error()) {
            return Err(Inexpressible {
                field: field_of(error),
                problem: error.message.clone(),
            });
        }
        let [read] = workflows.as_slice() else {
            return Err(Inexpressible {
                field: None,
                problem: "a job file would hold no workflow".to_owned(),
            });
        };
        match differences(workflow.definition, &read.definition).first() {
            None if read.active == workflow.active => Ok(()),
            None => Err(Inexpressible {
                field: Some("state".to_owned()),
                problem: "a job file would hold another state".to_owned(),
            }),
            Some(change) => Err(Inexpressible {
                field: Some(change.path.clone()),
                problem: "a job file would hold another value".to_owned(),
            }),
        }
    }
}

fn context(bucket: Option<BucketName>, region: Option<Region>) -> ExpandContext {
    ExpandContext {
        target: String::new(),
        bucket,
        region,
        workflows: None,
        workflow_names: [].into(),
        // What the service has taken, it can call.
        private_callbacks: true,
        variables: [].into(),
        now: Timestamp::UNIX_EPOCH,
    }
}

/// The field on the line of a finding.
fn field_of(finding: &Diagnostic) -> Option<String> {
    let place = finding.place.as_ref()?;
    let line = place.file.text().lines().nth(place.line() - 1)?;
    let (field, _) = line.split_once(':')?;
    let field = field.trim();
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    field.bytes().all(is_name).then(|| field.to_owned())
}
