//! Job files as written: how they are found, read into a tree that knows its places, checked
//! against the schema, and turned into a [`JobFile`].
//!
//! Nothing is filled in here: names, times and expressions are still text, which `expand` expands
//! and checks.

pub mod discover;
pub mod model;
pub mod open_texts;
pub mod written;
pub mod written_workflow;

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::document::schema::Schema;
use crate::document::{self, Syntax};
use crate::source::{Place, SourceFile, Span};

pub use model::JobFile;

/// Reads job files. Made once for a run, because it holds the compiled schema; shared by threads.
#[derive(Debug)]
pub struct Reader {
    schema: Schema<JobFile>,
}

impl Reader {
    /// Compiles the schema of job files.
    pub fn new() -> Self {
        Self {
            schema: Schema::new(),
        }
    }

    /// Reads one file: its jobs, as far as they can be read, and all findings. Where there are none,
    /// or the file is of another version of the format, there is an error among the findings.
    pub fn load(
        &self,
        file: &Arc<SourceFile>,
        syntax: Syntax,
    ) -> (Option<JobFile>, Vec<Diagnostic>) {
        let (job_file, mut findings) = document::read_partially(file, syntax, &self.schema);
        let holds_nothing =
            |job_file: &JobFile| job_file.jobs.is_none() && job_file.workflows.is_none();
        if job_file.as_ref().is_some_and(holds_nothing)
            && !findings.iter().any(Diagnostic::is_error)
        {
            findings.push(without_content(file));
        }
        let is_of_this_version = |job_file: &JobFile| {
            let version = job_file.version.as_ref();
            version.is_none_or(|version| version.valid().is_some())
        };
        let job_file = job_file.filter(|job_file| !holds_nothing(job_file));
        (job_file.filter(is_of_this_version), findings)
    }
}

/// A file that says neither what to run nor how.
fn without_content(file: &Arc<SourceFile>) -> Diagnostic {
    let line = file.text().lines().next().unwrap_or_default();
    Diagnostic::error("missing-field", "`jobs` is missing")
        .at(Place::new(file, Span::new(0, line.len())))
        .help("add `jobs`, or `workflows`")
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

/// The JSON schema of job files, as editors and other validators use it. It says what
/// [`without_content`] finds, whose words are ours.
pub fn schema_json() -> serde_json::Value {
    let mut schema = Schema::<JobFile>::new().json().clone();
    schema["anyOf"] = serde_json::json!([{ "required": ["jobs"] }, { "required": ["workflows"] }]);
    schema
}

#[cfg(test)]
mod tests;
