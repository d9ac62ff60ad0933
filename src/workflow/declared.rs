//! A workflow as the job files declare it, with everything filled in.

use std::sync::Arc;

use crate::api::name::{BucketName, Region};
use crate::api::wire::Definition;
use crate::source::Place;

/// One workflow, complete.
#[derive(Debug, Clone)]
pub struct DeclaredWorkflow {
    /// Its name in the workspace, which jobs use.
    pub key: Arc<str>,
    /// For people; never sent.
    pub description: Option<String>,
    /// The bucket that it belongs to.
    pub bucket: BucketName,
    /// The region of the bucket.
    pub region: Region,
    /// Whether it is to react to uploads.
    pub active: bool,
    /// What it is to do.
    pub definition: Definition,
    /// Where its key is written.
    pub source: Place,
}
