//! A report as one page for a browser, from plain data: self-contained, and readable without script.
//!
//! Its callers own the data: `report` that of the state and `service` that of its own
//! jobs; how it looks belongs here. Every text goes through the template's escaping, none is ever
//! joined to markup by hand.

mod security;
mod template;
mod timeline;
mod view;

use std::time::Duration;

use jiff::Timestamp;

use crate::job_status::{JobStatus, Objects};
use crate::plain_text::clean_lines;

pub use security::policy;

/// The most jobs that a page lists; it counts the others.
pub const JOBS: usize = 500;
/// The most failed jobs whose objects a page names.
pub const FAILED_JOBS: usize = 50;
/// The most objects that a page names of one job.
pub const FAILED_OBJECTS: usize = 20;

/// Everything that a page shows.
#[derive(Debug, Clone)]
pub struct Page {
    /// What it is about, such as `Target prod`.
    pub subject: String,
    /// The moment that it shows.
    pub written: Timestamp,
    /// How soon the browser asks for a newer one; absent for a file.
    pub refresh: Option<Duration>,
    /// How many jobs there are, by how they stand, in the order of [`JobStatus`].
    pub counts: Vec<(JobStatus, usize)>,
    /// The jobs worth a look, in the order in which they are shown: no more than [`JOBS`].
    pub jobs: Vec<Job>,
    /// What each workflow had to do, in the order in which it is shown.
    pub workflows: Vec<Workflow>,
    /// Whether objects of workflows were counted to the end.
    pub counts_every_run: bool,
    /// What the job files ask for beyond what ran, where that is known.
    pub open: Option<Open>,
}

/// One job.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its key, or its name at the service.
    pub name: String,
    /// The service's id, if it has one.
    pub id: Option<String>,
    /// How it stands.
    pub standing: JobStatus,
    /// The word for that, which may be the service's own.
    pub state: String,
    /// When it was handed to the service.
    pub submitted: Option<Timestamp>,
    /// When it began to run.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What became of its objects, where that was counted.
    pub objects: Option<Objects>,
    /// Why it failed.
    pub message: Option<String>,
    /// Its failed objects, no more than [`FAILED_OBJECTS`].
    pub failed: Vec<FailedObject>,
}

/// An object whose run failed.
#[derive(Debug, Clone)]
pub struct FailedObject {
    /// Its key or its address.
    pub name: String,
    /// Why, where that is known.
    pub message: Option<String>,
}

/// What one workflow, or several that run together, had to do.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Their ids.
    pub ids: String,
    /// What people call it, where that is known.
    pub name: Option<String>,
    /// Its jobs.
    pub jobs: usize,
    /// Those of them that have not ended.
    pub open: usize,
    /// Those of them that failed.
    pub failed: usize,
    /// Its objects.
    pub objects: Objects,
}

/// What the job files ask for beyond what ran.
#[derive(Debug, Clone, Default)]
pub struct Open {
    /// All of it in one sentence.
    pub sentence: String,
    /// What forbids it.
    pub blocked: Vec<String>,
    /// The first jobs that something is to be done about.
    pub items: Vec<OpenItem>,
    /// How many there are.
    pub total: usize,
}

/// One job that something is to be done about.
#[derive(Debug, Clone)]
pub struct OpenItem {
    /// Its key.
    pub key: String,
    /// What is to be done.
    pub action: String,
    /// Why.
    pub reason: String,
    /// Where it is written.
    pub place: String,
}

/// The page as HTML.
pub fn render(page: &Page) -> Result<String, minijinja::Error> {
    let page = template::render(&view::view(page))?;
    Ok(clean_lines(&page).into_owned())
}
