//! A saved plan against the state of now: job by job, what it assumed must still hold.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::Limits;
use super::assembly::assemble;
use super::decide;
use super::document::{DocumentJob, FORMAT, KnownRecord, PlanDocument, TOOL_VERSION};
use super::model::{Action, Plan, PlannedJob};
use crate::job::{Job, JobKey, OnFailure};
use crate::source::{Place, SourceFile, Span};
use crate::state::{Record, Records};

/// Why a document cannot be taken for a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Not JSON, or not with the fields of a plan.
    #[error("is not a saved plan: {0}")]
    Form(String),
    /// Another format, perhaps a newer one.
    #[error("has the format `{0}`; this version reads `{FORMAT}`")]
    Format(String),
    /// Made by another version, which may have decided otherwise.
    #[error("was made by stocktake {0}, and this is {TOOL_VERSION}")]
    Version(String),
    /// Changed by somebody.
    #[error("was changed by hand: the work of `{0}` is not the one that its fingerprint names")]
    Changed(JobKey),
    /// Changed or damaged where no fingerprint looks.
    #[error("was changed by hand or damaged: its digest is that of another plan")]
    Digest,
}

/// A job about which a saved plan no longer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleJob {
    /// The job.
    pub key: JobKey,
    /// What happened since.
    pub since: Since,
}

/// What happened to a job since a plan was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// It was attempted.
    Attempted {
        /// The service's id, if it was taken.
        job_id: Option<String>,
    },
    /// It was recorded under another key.
    Renamed(JobKey),
    /// Its record is gone.
    Forgotten,
    /// The service ended its job otherwise.
    Ended(Action),
}

impl fmt::Display for Since {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempted { job_id: Some(id) } => {
                write!(formatter, "it was submitted since, as job {id}")
            }
            Self::Attempted { job_id: None } => formatter.write_str("it was attempted since"),
            Self::Renamed(key) => write!(formatter, "it was recorded as `{key}` since"),
            Self::Forgotten => formatter.write_str("its record is no longer in the state"),
            Self::Ended(action) => write!(formatter, "it would now be {}", action.as_str()),
        }
    }
}

impl PlanDocument<'_> {
    /// Reads a document and checks that it is what this version wrote.
    pub fn from_json(text: &[u8]) -> Result<Self, DocumentError> {
        /// Looked at first, so that a newer format is not taken for a mistake.
        #[derive(serde::Deserialize)]
        struct Envelope {
            format: String,
        }
        let form = |error: serde_json::Error| DocumentError::Form(error.to_string());
        let envelope: Envelope = serde_json::from_slice(text).map_err(form)?;
        if envelope.format != FORMAT {
            return Err(DocumentError::Format(envelope.format));
        }
        let mut document: Self = serde_json::from_slice(text).map_err(form)?;
        if document.stocktake != TOOL_VERSION {
            return Err(DocumentError::Version(document.stocktake));
        }
        let is_changed = |job: &&DocumentJob| job.work().fingerprint() != job.fingerprint;
        if let Some(job) = document.jobs.iter().find(is_changed) {
            return Err(DocumentError::Changed(job.key.clone()));
        }
        let digest = document.digest.clone();
        if !document.unseal().map_err(form)? {
            return Err(DocumentError::Digest);
        }
        document.digest = digest;
        Ok(document)
    }
}

/// The plan that a document holds, or the jobs about which it no longer does. Guards are asked
/// again, with the records of now.
pub fn confirm(
    document: PlanDocument<'_>,
    records: &Records,
    limits: Limits,
) -> Result<Plan, Vec<StaleJob>> {
    let files = Files::new(&document.jobs);
    let mut stale = Vec::new();
    let mut planned = Vec::with_capacity(document.jobs.len());
    for job in document.jobs {
        let record = records.get(&job.fingerprint);
        let problem = since(&job, record.map(Arc::as_ref));
        stale.extend(problem.map(|since| StaleJob {
            key: job.key.clone(),
            since,
        }));
        planned.push(PlannedJob {
            action: job.action,
            reason: job.reason,
            record: record.cloned(),
            changes: job.changes.to_vec(),
            job: files.job(job).into(),
        });
    }
    if stale.is_empty() {
        Ok(assemble(planned, records, limits))
    } else {
        Err(stale)
    }
}

/// What spoils the plan for a job. Nothing can for one that nothing is done about.
fn since(saved: &DocumentJob, record: Option<&Record>) -> Option<Since> {
    if saved.action == Action::Unchanged {
        return None;
    }
    let now = record.map(KnownRecord::from);
    match (&saved.record, &now) {
        (Some(_), None) => return Some(Since::Forgotten),
        (Some(before), Some(now)) if before.key != now.key => {
            return Some(Since::Renamed(JobKey::clone(&now.key)));
        }
        (before, now) => {
            let before = before.as_ref().map(|record| &record.submissions);
            let now = now.as_ref().map(|record| &record.submissions);
            if before != now {
                let last = now.and_then(|submissions| submissions.last());
                let job_id = last.and_then(|submission| submission.job_id.as_ref());
                return Some(Since::Attempted {
                    job_id: job_id.map(ToString::to_string),
                });
            }
        }
    }
    let on_failure = on_failure(saved.max_attempts);
    let action = record.map_or(Action::Submit, |record| {
        decide::decide_known(&saved.key, on_failure, record).0
    });
    let is_as_saved = action == saved.action || (action.submits() && saved.action.submits());
    (!is_as_saved).then_some(Since::Ended(action))
}

fn on_failure(max_attempts: Option<u32>) -> OnFailure {
    max_attempts.map_or(OnFailure::Leave, |max_attempts| OnFailure::Resubmit {
        max_attempts,
    })
}

/// Job files of which nothing is known but how many lines they have.
struct Files(HashMap<String, Arc<SourceFile>>);

/// A document that names a line beyond this one is wrong about it.
const LINES: usize = 1 << 24;

impl Files {
    fn new(jobs: &[DocumentJob]) -> Self {
        let mut lines: HashMap<&str, usize> = HashMap::new();
        for job in jobs {
            let last = lines.entry(&job.source.file).or_default();
            *last = (*last).max(job.source.line.min(LINES));
        }
        let file = |(path, lines): (&str, usize)| {
            let text = "\n".repeat(lines);
            (path.to_owned(), Arc::new(SourceFile::new(path, text)))
        };
        Self(lines.into_iter().map(file).collect())
    }

    fn job(&self, saved: DocumentJob) -> Job {
        let work = saved.work();
        let offset = saved.source.line.min(LINES).saturating_sub(1);
        let file = self.0.get(&*saved.source.file).cloned();
        let file = file.unwrap_or_else(|| Arc::new(SourceFile::new("", String::new())));
        Job {
            key: saved.key,
            fingerprint: saved.fingerprint,
            work: Arc::new(work),
            description: saved.description.map(Arc::from),
            on_failure: on_failure(saved.max_attempts),
            overlap: saved.overlap,
            source: Place::new(&file, Span::new(offset, offset)),
        }
    }
}
