//! The fields of one job, each from the spec or its defaults, with its expressions evaluated.

use std::sync::Arc;

use super::elements::Unknown;
use super::layers::said;
use super::scope::{Checked, Reported, Scope};
use crate::api::name::{BucketName, JobName, Region, is_job_name_character};
use crate::api::request::{JobType, Operation, Request};
use crate::job::{Job, JobKey, OnFailure, Work};
use crate::jobfile::model::{JobTypeSpec, OnFailureSpec};

/// Codes of what the target lacks.
const NO_BUCKET: &str = "no-bucket";
const NO_REGION: &str = "no-region";
pub(super) const UNKNOWN_WORKFLOW: &str = "unknown-workflow";

/// What is wrong with the target, and not with the job that it is said of: once is enough.
pub const ABOUT_TARGET: [&str; 3] = [NO_BUCKET, NO_REGION, UNKNOWN_WORKFLOW];

impl Scope<'_> {
    /// The complete job, unless something is wrong; every mistake is found, not only the first.
    pub(super) fn job(&mut self) -> Checked<Job> {
        let bucket = self.bucket();
        let region = self.region();
        let name = self.name();
        let input = self.input();
        let workflow_ids = self.workflow_ids();
        let time_interval = self.time_interval(input.as_ref().ok());
        let rerun = self.optional_text(|spec| said(spec.rerun.as_ref()));
        let description = self.optional_text(|spec| said(spec.description.as_ref()));
        let on_failure = self.on_failure();
        let overlap = self.find(|spec| said(spec.overlap.as_ref()));
        if self.unknown != Unknown::default() {
            return Err(Reported);
        }
        let operation = Operation {
            workflow_ids: workflow_ids?,
            time_interval: time_interval?,
        };
        let request = Request {
            name: name?,
            kind: self.kind()?,
            input: input?,
            operation,
        };
        let work = Work {
            bucket: bucket?,
            region: region?,
            request,
            rerun: rerun?,
        };
        Ok(Job {
            key: JobKey::new(&self.element.key(&self.layers.key.value)),
            fingerprint: work.fingerprint(),
            work: Arc::new(work),
            description: description?.map(Arc::from),
            on_failure: on_failure?,
            overlap: overlap?.map(|overlap| overlap.value).unwrap_or_default(),
            source: self.layers.place(self.layers.key.span),
        })
    }

    fn kind(&mut self) -> Checked<JobType> {
        let kind = self.find(|spec| said(spec.r#type.as_ref()))?;
        Ok(kind.map_or(JobType::Workflow, |kind| match kind.value {
            JobTypeSpec::Workflow => JobType::Workflow,
        }))
    }

    /// What the job needs and neither it nor its defaults say.
    pub(super) fn missing<T>(&mut self, message: String, help: &str) -> Checked<T> {
        self.missing_as("missing-field", message, help)
    }

    fn missing_as<T>(&mut self, code: &'static str, message: String, help: &str) -> Checked<T> {
        let problem = self.layers.error(code, self.layers.key.span, message);
        self.report(Err(problem.help(help)))
    }

    fn bucket(&mut self) -> Checked<BucketName> {
        let context = &self.expander.context;
        match (
            self.find(|spec| said(spec.bucket.as_ref()))?,
            &context.bucket,
        ) {
            (Some(text), _) => self.named(text, "bucket", BucketName::new),
            (None, Some(bucket)) => {
                self.tracker.uses_bucket();
                Ok(bucket.clone())
            }
            (None, None) => {
                self.tracker.uses_bucket();
                let message = format!(
                    "no bucket: neither this job nor the target `{}` names one",
                    context.target
                );
                let help = "set `bucket` in the target's section of stocktake.toml";
                self.missing_as(NO_BUCKET, message, help)
            }
        }
    }

    fn region(&mut self) -> Checked<Region> {
        let context = &self.expander.context;
        match (
            self.find(|spec| said(spec.region.as_ref()))?,
            &context.region,
        ) {
            (Some(text), _) => self.named(text, "region", Region::new),
            (None, Some(region)) => {
                self.tracker.uses_region();
                Ok(region.clone())
            }
            (None, None) => {
                self.tracker.uses_region();
                let message = format!(
                    "no region: neither this job nor the target `{}` names one",
                    context.target
                );
                let help = "set `region` in the target's section of stocktake.toml";
                self.missing_as(NO_REGION, message, help)
            }
        }
    }

    /// The name as written, or made of the key and the element's values.
    fn name(&mut self) -> Checked<JobName> {
        if let Some(text) = self.find(|spec| said(spec.name.as_ref()))? {
            return self.named(text, "name", JobName::new);
        }
        if self.unknown != Unknown::default() {
            return Err(Reported);
        }
        let values = self.element.named_values().map(|(_, value)| value);
        let parts: Vec<String> = std::iter::once(self.layers.key.value.clone())
            .chain(values)
            .collect();
        let joined = parts.join("_");
        let name: String = joined
            .chars()
            .map(|character| {
                if is_job_name_character(character) {
                    character
                } else {
                    '-'
                }
            })
            .collect();
        let name = JobName::new(&name).map_err(|error| {
            let problem =
                self.name_problem(self.layers.key.span, "name made of this key", &name, &error);
            problem.help("give the job a `name` of its own")
        });
        self.report(name)
    }

    fn on_failure(&mut self) -> Checked<OnFailure> {
        let on_failure = self.find(|spec| said(spec.on_failure.as_ref()))?;
        let max_attempts = self.find(|spec| said(spec.max_attempts.as_ref()))?;
        let resubmit =
            on_failure.is_some_and(|on_failure| on_failure.value == OnFailureSpec::Resubmit);
        match (resubmit, max_attempts) {
            (false, None) => Ok(OnFailure::Leave),
            (true, None) => Ok(OnFailure::Resubmit { max_attempts: 2 }),
            (true, Some(attempts)) if (2..=100).contains(&attempts.value) => {
                Ok(OnFailure::Resubmit {
                    max_attempts: attempts.value,
                })
            }
            (true, Some(attempts)) => {
                let message = "`max_attempts` counts the first attempt too: 2 to 100";
                let problem = self.layers.error("max-attempts", attempts.span, message);
                self.report(Err(problem))
            }
            (false, Some(attempts)) => {
                let message = "`max_attempts` has no effect without `on_failure: resubmit`";
                let problem = self.layers.error("max-attempts", attempts.span, message);
                self.report(Err(problem))
            }
        }
    }
}
