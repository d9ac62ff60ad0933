//! The fields of one job, each from the spec or its defaults, with its expressions evaluated.

use std::sync::Arc;

use super::instances::Unresolvable;
use super::job_builder::{Checked, JobBuilder, Reported};
use crate::api::name::{BucketName, JobName, Region, is_job_name_character};
use crate::api::request::{JobType, Operation, Request};
use crate::job::{Job, JobKey, OnFailure, Work};
use crate::jobfile::model::{JobTypeSpec, OnFailureSpec};

/// Codes of what the target lacks.
const NO_BUCKET: &str = "no-bucket";
const NO_REGION: &str = "no-region";
pub(super) const UNKNOWN_WORKFLOW: &str = "unknown-workflow";

/// Findings about the target rather than a job: reported once.
pub const ABOUT_TARGET: [&str; 3] = [NO_BUCKET, NO_REGION, UNKNOWN_WORKFLOW];

impl JobBuilder<'_> {
    /// The complete job, unless something is wrong; every mistake is found, not only the first.
    pub(super) fn job(&mut self) -> Checked<Job> {
        let bucket = self.bucket();
        let region = self.region();
        let name = self.name();
        let input = self.input();
        let workflow_ids = self.workflow_ids();
        let time_interval = self.time_interval(input.as_ref().ok());
        let rerun = self.optional_text(|spec| &spec.rerun);
        let description = self.optional_text(|spec| &spec.description);
        let on_failure = self.on_failure();
        let overlap = self.find(|spec| &spec.overlap);
        if self.unresolvable != Unresolvable::default() {
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
            key: JobKey::new(&self.instance.key(&self.spec.key.value)),
            fingerprint: work.fingerprint(),
            work: Arc::new(work),
            description: description?.map(Arc::from),
            on_failure: on_failure?,
            overlap: overlap?.map(|overlap| overlap.value).unwrap_or_default(),
            source: self.spec.place(self.spec.key.span),
        })
    }

    fn kind(&mut self) -> Checked<JobType> {
        let kind = self.find(|spec| &spec.r#type)?;
        Ok(kind.map_or(JobType::Workflow, |kind| match kind.value {
            JobTypeSpec::Workflow => JobType::Workflow,
        }))
    }

    /// A field that neither the job nor its defaults set.
    pub(super) fn missing<T>(&mut self, message: String, help: &str) -> Checked<T> {
        self.missing_as("missing-field", message, help)
    }

    fn missing_as<T>(&mut self, code: &'static str, message: String, help: &str) -> Checked<T> {
        let problem = self.spec.error(code, self.spec.key.span, message);
        self.report(Err(problem.help(help)))
    }

    fn bucket(&mut self) -> Checked<BucketName> {
        match self.find(|spec| &spec.bucket)? {
            Some(text) => self.named(text, "bucket", BucketName::new),
            None => self.target_bucket("this job"),
        }
    }

    /// The bucket of the target, for something that names none itself.
    pub(super) fn target_bucket(&mut self, what: &str) -> Checked<BucketName> {
        self.tracker.uses_bucket();
        let context = &self.expander.context;
        if let Some(bucket) = &context.bucket {
            return Ok(bucket.clone());
        }
        let message = format!(
            "no bucket: neither {what} nor the target `{}` names one",
            context.target
        );
        let help = "set `bucket` in the target's section of stocktake.toml";
        self.missing_as(NO_BUCKET, message, help)
    }

    fn region(&mut self) -> Checked<Region> {
        match self.find(|spec| &spec.region)? {
            Some(text) => self.named(text, "region", Region::new),
            None => self.target_region("this job"),
        }
    }

    /// The region of the target, for something that names none itself.
    pub(super) fn target_region(&mut self, what: &str) -> Checked<Region> {
        self.tracker.uses_region();
        let context = &self.expander.context;
        if let Some(region) = &context.region {
            return Ok(region.clone());
        }
        let message = format!(
            "no region: neither {what} nor the target `{}` names one",
            context.target
        );
        let help = "set `region` in the target's section of stocktake.toml";
        self.missing_as(NO_REGION, message, help)
    }

    /// The name as written, or made of the key and the instance's values.
    fn name(&mut self) -> Checked<JobName> {
        if let Some(text) = self.find(|spec| &spec.name)? {
            return self.named(text, "name", JobName::new);
        }
        if self.unresolvable != Unresolvable::default() {
            return Err(Reported);
        }
        let values = self.instance.named_values().map(|(_, value)| value);
        let parts: Vec<String> = std::iter::once(self.spec.key.value.clone())
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
                self.name_problem(self.spec.key.span, "name made of this key", &name, &error);
            problem.help("give the job a `name` of its own")
        });
        self.report(name)
    }

    fn on_failure(&mut self) -> Checked<OnFailure> {
        let on_failure = self.find(|spec| &spec.on_failure)?;
        let max_attempts = self.find(|spec| &spec.max_attempts)?;
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
                let problem = self.spec.error("max-attempts", attempts.span, message);
                self.report(Err(problem))
            }
            (false, Some(attempts)) => {
                let message = "`max_attempts` has no effect without `on_failure: resubmit`";
                let problem = self.spec.error("max-attempts", attempts.span, message);
                self.report(Err(problem))
            }
        }
    }
}
