//! Which objects a job is about.

mod manifest;
mod url_file;

use std::fs::File;
use std::io;

use jiff::Timestamp;

use super::bucket::{Bucket, Object};
use crate::api::objects::{Budget, ListProblem, resolve};
use crate::api::request::{Input, Request, TimeInterval};

/// Why the objects of a job cannot be told.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScanError {
    /// The bucket's folder cannot be read.
    #[error("the bucket cannot be read: {0}")]
    Bucket(#[from] io::Error),
    /// An object that should be read is not there.
    #[error("the bucket has no object `{0}`")]
    NotFound(String),
    /// A list names an object of another bucket, or is damaged.
    #[error("`{file}`{}: {problem}", place(*line))]
    List {
        /// Key of the list.
        file: String,
        /// Where in it, from 1, if at a certain place.
        line: Option<u64>,
        /// What is wrong.
        problem: String,
    },
}

fn place(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line}"))
}

impl ScanError {
    /// The code that the failed job shows.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Bucket(_) => "ResourceDownloadFailed",
            Self::NotFound(_) => "ResourceNotFound",
            Self::List { .. } => "InvalidContent",
        }
    }

    fn list(file: &str, found: ListProblem) -> Self {
        Self::List {
            file: file.to_owned(),
            line: found.line,
            problem: found.problem,
        }
    }
}

/// Hands the key of each object of the request to `take`, until that returns false. A list may
/// name an object twice, and then so does this.
///
/// The filter on upload times holds for every kind of input; without an end it ends when the job
/// was created. Ends with an error soon after the budget's flag is raised, or when the budget is spent.
pub(super) fn scan(
    bucket: &Bucket,
    request: &Request,
    created: Timestamp,
    budget: &Budget,
    mut take: impl FnMut(String) -> bool,
) -> Result<(), ScanError> {
    let asked = request.operation.time_interval;
    let interval = TimeInterval {
        start: asked.start,
        end: asked.end.or(Some(created)),
    };
    match &request.input {
        Input::Prefix(prefix) => {
            for object in bucket.walk(prefix, budget.stop().clone()) {
                let object = object?;
                if interval.contains(object.uploaded) && !take(object.key) {
                    break;
                }
            }
            Ok(())
        }
        Input::Object(key) => {
            let object = bucket.find(key)?;
            let object = object.ok_or_else(|| ScanError::NotFound(key.clone()))?;
            if interval.contains(object.uploaded) {
                take(object.key);
            }
            Ok(())
        }
        Input::Manifest(reference) => manifest::scan(bucket, reference, interval, budget, take),
        Input::UrlFile(reference) => url_file::scan(bucket, reference, interval, budget, take),
    }
}

/// Key and content of a list that is named by its key or its URL.
fn read_list(bucket: &Bucket, reference: &str) -> Result<(String, File), ScanError> {
    let key = resolve(&bucket.name, reference).map_err(|problem| ScanError::List {
        file: reference.to_owned(),
        line: None,
        problem: format!("this {problem}"),
    })?;
    let (_, file) = read(bucket, &key)?;
    Ok((key, file))
}

/// An object that has to be there.
fn read(bucket: &Bucket, key: &str) -> Result<(Object, File), ScanError> {
    let found = bucket.read(key)?;
    found.ok_or_else(|| ScanError::NotFound(key.to_owned()))
}

/// Whether an object that a list names passes the filter. A missing object
/// passes: its run fails and shows that.
fn passes(bucket: &Bucket, key: &str, interval: TimeInterval) -> Result<bool, ScanError> {
    let object = bucket.find(key)?;
    Ok(object.is_none_or(|object| interval.contains(object.uploaded)))
}
