//! Which jobs a person asks for by name.

use std::sync::Arc;

use crate::job::{Job, JobKey};

/// The jobs that a run is about: all of them, or those that are named.
#[derive(Debug, Clone, Default)]
pub struct Selection(Vec<String>);

impl Selection {
    /// The jobs with these keys; all jobs when there is none. `archive` stands for every element
    /// `archive[…]` of its matrix too.
    pub fn new(keys: Vec<String>) -> Self {
        Self(keys)
    }

    /// Whether every job is meant.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a job is meant.
    pub fn contains(&self, key: &JobKey) -> bool {
        self.is_everything() || self.0.iter().any(|wanted| names(wanted, key))
    }

    /// The first name that stands for no job.
    pub fn unknown(&self, jobs: &[Arc<Job>]) -> Option<&str> {
        let is_unknown = |wanted: &&String| !jobs.iter().any(|job| names(wanted, &job.key));
        self.0.iter().find(is_unknown).map(String::as_str)
    }
}

fn names(wanted: &str, key: &JobKey) -> bool {
    wanted == key.as_str() || wanted == family(key)
}

/// What the elements of one matrix have in common: the key before its values.
pub fn family(key: &JobKey) -> &str {
    let key = key.as_str();
    key.split_once('[').map_or(key, |(family, _)| family)
}
