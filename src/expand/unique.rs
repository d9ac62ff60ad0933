//! What no two jobs of a workspace may share: their key, and their work.

use std::collections::HashMap;

use crate::diagnostic::Diagnostic;
use crate::job::Job;
use crate::workflow::DeclaredWorkflow;

/// Every pair of jobs with one key, or with one fingerprint, as an error that shows both places.
pub fn check_unique<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Vec<Diagnostic> {
    let jobs = jobs.into_iter();
    let mut keys = HashMap::with_capacity(jobs.size_hint().0);
    let mut fingerprints = HashMap::with_capacity(jobs.size_hint().0);
    let mut problems = Vec::new();
    for job in jobs {
        if let Some(first) = keys.insert(&job.key, job) {
            problems.push(same_key(first, job));
        } else if let Some(first) = fingerprints.insert(job.fingerprint, job) {
            problems.push(same_work(first, job));
        }
    }
    problems
}

/// Every pair of workflows with one key, as an error that shows both places.
pub fn check_unique_workflows<'a>(
    workflows: impl IntoIterator<Item = &'a DeclaredWorkflow>,
) -> Vec<Diagnostic> {
    let mut keys: HashMap<&str, &DeclaredWorkflow> = HashMap::new();
    let mut problems = Vec::new();
    for workflow in workflows {
        if let Some(first) = keys.insert(&workflow.key, workflow) {
            let message = format!("the key `{}` names two workflows", workflow.key);
            let problem = Diagnostic::error("duplicate-key", message)
                .at(workflow.source.clone())
                .label("used again here")
                .related(first.source.clone(), "first used here")
                .help("rename one of them; the key of a workflow is unique across all files");
            problems.push(problem);
        }
    }
    problems
}

fn same_key(first: &Job, second: &Job) -> Diagnostic {
    Diagnostic::error(
        "duplicate-key",
        format!("the key `{}` is used twice", second.key),
    )
    .at(second.source.clone())
    .label("used again here")
    .related(first.source.clone(), "first used here")
    .help(
        "rename one of them; a key is unique across all files, and renaming never runs a job again",
    )
}

fn same_work(first: &Job, second: &Job) -> Diagnostic {
    let message = format!("`{}` and `{}` are the same work", first.key, second.key);
    let problem = Diagnostic::error("duplicate-work", message).at(second.source.clone());
    if is_one_place(first, second) {
        return problem
            .label("one spec makes both")
            .help("use every list of the matrix in `input` or `operation`, or remove it");
    }
    problem
        .label("the same bucket, input, operation and rerun as")
        .related(first.source.clone(), "this job")
        .help("remove one of them, or give one a `rerun` if the work is wanted twice")
}

fn is_one_place(first: &Job, second: &Job) -> bool {
    first.source.span == second.source.span && first.source.file.path() == second.source.file.path()
}
