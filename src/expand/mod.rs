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

use expression::Expressions;
pub use fields::ABOUT_TARGET;
use instances::{Expansion, Instance, Unresolvable};
use job_builder::JobBuilder;
pub use origin::{Layer, Origin, origins, variables_used};
use spec::SpecWithDefaults;
pub use unique::check_unique;
pub use uses::Uses;
use uses::{Tracker, Variables};

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
    /// Every variable with its final value.
    pub variables: BTreeMap<String, String>,
    /// The moment up to which windows count as passed.
    pub now: Timestamp,
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
        let (jobs, diagnostics, _) = self.expand_traced(file, job_file);
        (jobs, diagnostics)
    }

    /// [`expand`](Self::expand), and what the jobs took from their context.
    pub fn expand_traced(
        &self,
        file: &Arc<SourceFile>,
        job_file: &JobFile,
    ) -> (Vec<Job>, Vec<Diagnostic>, Uses) {
        let tracker = Tracker::new(&self.variables);
        let nothing = JobSpec::default();
        let mut jobs = Vec::with_capacity(job_file.jobs.0.len());
        let mut findings = Findings::default();
        for (key, field) in &job_file.jobs.0 {
            let spec = SpecWithDefaults {
                file,
                key,
                own: field.valid().map_or(&nothing, |spec| &spec.value),
                defaults: job_file.defaults.as_ref(),
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
        (jobs, findings.list, tracker.finish())
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
