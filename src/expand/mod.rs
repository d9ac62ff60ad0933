//! From job files as written to complete jobs: defaults, variables, matrix, windows.
//!
//! Pure: what a job may depend on (the target, the variables, the moment) comes in [`ExpandContext`].

mod expression;
mod fields;
mod instances;
mod job_builder;
mod key_habits;
mod matrix;
mod origin;
mod periods;
mod spec;
mod unique;
mod uses;
mod windows;
mod work;
mod workflow;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use minijinja::Value;

use crate::api::name::{BucketName, Region, WorkflowId};
use crate::diagnostic::Diagnostic;
use crate::document::Field;
use crate::job::Job;
use crate::jobfile::JobFile;
use crate::jobfile::model::JobSpec;
use crate::source::{SourceFile, Span};
use crate::workflow::DeclaredWorkflow;

use expression::Expressions;
pub use fields::ABOUT_TARGET;
use instances::{Expansion, Instance, Unresolvable};
use job_builder::JobBuilder;
pub use origin::{Layer, Origin, origins, variables_used};
use spec::SpecWithDefaults;
pub use unique::{check_unique, check_unique_workflows};
pub use uses::Uses;
use uses::{Tracker, Variables};
use workflow::WorkflowBuilder;

/// The most jobs that one spec may become.
pub const EXPANSION_LIMIT: usize = 100_000;

/// What jobs take from outside their files.
#[derive(Debug, Clone)]
pub struct ExpandContext {
    /// The target's name, for messages.
    pub target: String,
    /// The target's bucket, if it has one.
    pub bucket: Option<BucketName>,
    /// The target's region, if it has one.
    pub region: Option<Region>,
    /// The workflows that the target's service runs; absent where they are not known.
    pub workflows: Option<BTreeSet<WorkflowId>>,
    /// The ids of workflows that jobs name, by their names.
    pub workflow_names: BTreeMap<String, WorkflowId>,
    /// Whether callbacks to private addresses reach somebody: the service is on this machine.
    pub private_callbacks: bool,
    /// Every variable with its final value.
    pub variables: BTreeMap<String, String>,
    /// The moment up to which windows count as passed.
    pub now: Timestamp,
}

/// What one file comes to.
#[derive(Debug, Default)]
pub struct Expanded {
    /// The jobs without mistakes.
    pub jobs: Vec<Job>,
    /// The workflows without mistakes.
    pub workflows: Vec<DeclaredWorkflow>,
    /// What is wrong with the others.
    pub findings: Vec<Diagnostic>,
    /// What they took from their context.
    pub uses: Uses,
}

/// Turns job files into jobs; made once for a run and shared by threads.
pub struct Expander {
    context: ExpandContext,
    expressions: Expressions,
    variables: Variables,
}

impl Expander {
    /// An expander for one target at one moment.
    pub fn new(context: ExpandContext) -> Self {
        let variables = context.variables.iter();
        let variables = variables.map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        Self {
            expressions: Expressions::new(),
            variables: Arc::new(variables.collect()),
            context,
        }
    }

    /// The jobs of one file, and what is wrong with the others.
    pub fn expand(
        &self,
        file: &Arc<SourceFile>,
        job_file: &JobFile,
    ) -> (Vec<Job>, Vec<Diagnostic>) {
        let expanded = self.expand_traced(file, job_file);
        (expanded.jobs, expanded.findings)
    }

    /// Everything that one file comes to.
    pub fn expand_traced(&self, file: &Arc<SourceFile>, job_file: &JobFile) -> Expanded {
        let tracker = Tracker::new(&self.variables);
        let nothing = JobSpec::default();
        let mut jobs = Vec::with_capacity(job_file.job_specs().len());
        let mut findings = Findings::default();
        let workflows = self.workflows(file, job_file, &tracker, &mut findings);
        let workflow_keys = job_file.workflow_specs().iter().map(|(key, _)| &key.value);
        let workflow_keys: Vec<&String> = workflow_keys.collect();
        for (key, field) in job_file.job_specs() {
            let spec = SpecWithDefaults {
                file,
                key,
                own: field.valid().map_or(&nothing, |spec| &spec.value),
                defaults: job_file.defaults.as_ref(),
                workflow_keys: &workflow_keys,
            };
            match field {
                Field::Valid(_) => self.expand_spec(&spec, &tracker, &mut jobs, &mut findings),
                Field::Invalid(texts) => {
                    let instance = Instance::default();
                    let mut builder =
                        JobBuilder::new(self, &spec, &instance, Unresolvable::ALL, &tracker);
                    builder.check_texts(texts);
                    findings.extend(builder.diagnostics);
                }
            }
        }
        Expanded {
            jobs,
            workflows,
            findings: findings.list,
            uses: tracker.finish(),
        }
    }

    /// The workflows that the file declares.
    fn workflows(
        &self,
        file: &Arc<SourceFile>,
        job_file: &JobFile,
        tracker: &Tracker,
        findings: &mut Findings,
    ) -> Vec<DeclaredWorkflow> {
        let nothing = JobSpec::default();
        let mut workflows = Vec::new();
        for (key, field) in job_file.workflow_specs() {
            let spec = SpecWithDefaults {
                file,
                key,
                own: &nothing,
                defaults: None,
                workflow_keys: &[],
            };
            let instance = Instance::default();
            let unresolvable = Unresolvable::default();
            let mut texts = JobBuilder::new(self, &spec, &instance, unresolvable, tracker);
            match field.get() {
                Ok(spec) => {
                    let mut builder = WorkflowBuilder { texts: &mut texts };
                    workflows.extend(builder.workflow(&spec.value));
                }
                Err(invalid) => _ = texts.check_texts(invalid),
            }
            findings.extend(texts.diagnostics);
        }
        workflows
    }

    fn expand_spec(
        &self,
        spec: &SpecWithDefaults<'_>,
        tracker: &Tracker,
        jobs: &mut Vec<Job>,
        findings: &mut Findings,
    ) {
        let Expansion {
            instances,
            unresolvable,
            problems,
        } = instances::expand(spec, self.context.now, tracker);
        findings.extend(problems);
        let mut failed = 0;
        for instance in instances {
            let mut builder = JobBuilder::new(self, spec, &instance, unresolvable, tracker);
            let job = builder.job();
            failed += usize::from(job.is_err());
            jobs.extend(job);
            findings.extend(builder.diagnostics);
            if failed == FAILED_LIMIT {
                break;
            }
        }
    }
}

/// Wrong instances of one spec after which the others are skipped.
const FAILED_LIMIT: usize = 1_000;

/// Findings without repetitions: a mistake in a spec or in `defaults` is found again in every job
/// made of them.
#[derive(Default)]
struct Findings {
    list: Vec<Diagnostic>,
    reported: HashSet<(&'static str, Option<Span>)>,
}

impl Findings {
    fn extend(&mut self, mut findings: Vec<Diagnostic>) {
        let subject = |finding: &Diagnostic| {
            let span = finding.place.as_ref().map(|place| place.span);
            (finding.code, span)
        };
        findings.retain(|finding| !self.reported.contains(&subject(finding)));
        self.reported.extend(findings.iter().map(subject));
        self.list.append(&mut findings);
    }
}
