//! From job files as written to complete jobs: defaults, variables, matrix, windows.
//!
//! Pure: what a job may depend on (the target, the variables, the moment) comes in [`Surroundings`].

mod expand;
mod expression;
mod fields;
mod origin;
mod unique;
mod uses;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use minijinja::Value;

use crate::api::name::{BucketName, Region};
use crate::diagnostic::Diagnostic;
use crate::job::Job;
use crate::jobfile::JobFile;
use crate::source::{Place, SourceFile};

use expand::Layers;
use expression::Expressions;
use fields::Scope;
pub use origin::{Layer, Origin, origins, variables_used};
pub use unique::check_unique;
pub use uses::Uses;
use uses::{Tracker, Variables};

/// The most jobs that one spec may become.
pub const EXPANSION_LIMIT: usize = 100_000;

/// What jobs take from outside their files.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The target's name, for messages.
    pub target: String,
    /// The target's bucket, if it has one.
    pub bucket: Option<BucketName>,
    /// The target's region, if it has one.
    pub region: Option<Region>,
    /// Every variable with its final value.
    pub variables: BTreeMap<String, String>,
    /// The moment up to which windows count as passed.
    pub now: Timestamp,
}

/// Turns job files into jobs; made once for a run and shared by threads.
pub struct Resolver {
    surroundings: Surroundings,
    expressions: Expressions,
    variables: Variables,
}

impl Resolver {
    /// A resolver for one target at one moment.
    pub fn new(surroundings: Surroundings) -> Self {
        let variables = surroundings.variables.iter();
        let variables = variables.map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        Self {
            expressions: Expressions::new(),
            variables: Arc::new(variables.collect()),
            surroundings,
        }
    }

    /// The jobs of one file, and what is wrong with the others.
    pub fn resolve(
        &self,
        file: &Arc<SourceFile>,
        job_file: &JobFile,
    ) -> (Vec<Job>, Vec<Diagnostic>) {
        let (jobs, diagnostics, _) = self.resolve_traced(file, job_file);
        (jobs, diagnostics)
    }

    /// [`resolve`](Self::resolve), and what the jobs took from their surroundings.
    pub fn resolve_traced(
        &self,
        file: &Arc<SourceFile>,
        job_file: &JobFile,
    ) -> (Vec<Job>, Vec<Diagnostic>, Uses) {
        let tracker = Tracker::new(&self.variables);
        let mut jobs = Vec::with_capacity(job_file.jobs.0.len());
        let mut diagnostics = Vec::new();
        for (key, spec) in &job_file.jobs.0 {
            let layers = Layers {
                file,
                key,
                spec,
                defaults: job_file.defaults.as_ref(),
            };
            match expand::expand(&layers, self.surroundings.now, &tracker) {
                Ok(elements) => {
                    for element in elements {
                        let mut scope = Scope::new(self, &layers, &element, &tracker);
                        let job = scope.job();
                        let failed = job.is_err();
                        jobs.extend(job);
                        // What is wrong with one element is mostly wrong with all of them: said once.
                        diagnostics.append(&mut scope.into_diagnostics());
                        if failed {
                            break;
                        }
                    }
                }
                Err(mut problems) => diagnostics.append(&mut problems),
            }
        }
        dedup_warnings(&mut diagnostics);
        (jobs, diagnostics, tracker.finish())
    }
}

/// The elements of a matrix share their places: one warning stands for all of them.
fn dedup_warnings(diagnostics: &mut Vec<Diagnostic>) {
    let identity = |diagnostic: &Diagnostic| {
        (
            diagnostic.code,
            diagnostic.place.as_ref().map(|place| place.span),
        )
    };
    diagnostics.dedup_by(|left, right| !left.is_error() && identity(left) == identity(right));
}

/// The place of a span in the file of some layers.
fn place(layers: &Layers<'_>, span: crate::source::Span) -> Place {
    Place::new(layers.file, span)
}
