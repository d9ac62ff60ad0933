//! Which objects a job is about.

use std::io;

use jiff::Timestamp;

use super::bucket::Bucket;
use crate::api::request::{Input, Request, TimeInterval};

/// Why the objects of a job cannot be told.
#[derive(Debug, thiserror::Error)]
pub(super) enum ScanError {
    /// The bucket's folder cannot be read.
    #[error("the bucket cannot be read: {0}")]
    Bucket(#[from] io::Error),
    /// An object is gone.
    #[error("the bucket has no object `{0}`")]
    NotFound(String),
    /// A list of objects is not supported yet.
    #[error("{0}")]
    Unsupported(String),
}

impl ScanError {
    /// The code that the failed job shows.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Bucket(_) => "ResourceDownloadFailed",
            Self::NotFound(_) => "ResourceNotFound",
            Self::Unsupported(_) => "InvalidArgument",
        }
    }
}

/// Hands the key of each object of the request to `take`, until that returns false. The filter on
/// upload times holds for every kind of input; without an end it ends when the job was created.
pub(super) fn scan(
    bucket: &Bucket,
    request: &Request,
    created: Timestamp,
    mut take: impl FnMut(String) -> bool,
) -> Result<(), ScanError> {
    let asked = request.operation.time_interval;
    let interval = TimeInterval {
        start: asked.start,
        end: asked.end.or(Some(created)),
    };
    match &request.input {
        Input::Prefix(prefix) => {
            for object in bucket.walk(prefix) {
                let object = object?;
                if interval.contains(object.uploaded) && !take(object.key) {
                    break;
                }
            }
        }
        Input::Object(key) => {
            let object = bucket.find(key)?;
            let object = object.ok_or_else(|| ScanError::NotFound(key.clone()))?;
            if interval.contains(object.uploaded) {
                take(object.key);
            }
        }
        Input::Manifest(_) | Input::UrlFile(_) => {
            let field = request.input.field();
            return Err(ScanError::Unsupported(format!("`{field}` cannot be read")));
        }
    }
    Ok(())
}
