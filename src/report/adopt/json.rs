//! What was taken into the account, as one document for programs.

use std::borrow::Cow;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::Adoption;
use crate::api::name::JobId;
use crate::api::time;
use crate::api::wire::JobDetail;
use crate::job::{Fingerprint, JobKey};
use crate::report::json::write as write_json;
use crate::schema;
use crate::source::slashes;
use crate::state::Record;

/// The format that [`json`] writes.
const FORMAT: &str = "stocktake.adoption/1";

/// What `stocktake adopt --format json` prints.
// Members stand in the order of their names, where programs found them from the first version on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "stocktake adoption")]
struct Document<'a> {
    /// What was recorded now.
    adopted: Vec<Adopted<'a>>,
    /// The job file that jobs of other work were written to, relative to the workspace; null when there
    /// was nothing to write, or none was asked for.
    file: Option<Cow<'a, str>>,
    /// The version of this format; fields are added to it, and never changed.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// Keys that were recorded as the named job already.
    known: &'a [JobKey],
    /// Jobs of the service that no job of the files asks for.
    others: Vec<ServiceJob<'a>>,
    /// Jobs of the service that did the work of a key again, and are not recorded.
    repeated: Vec<Repeated<'a>>,
    /// The target whose jobs these are.
    target: &'a str,
}

/// A job of the service that is recorded now.
#[derive(Debug, Serialize, JsonSchema)]
struct Adopted<'a> {
    /// SHA-256 of the work.
    #[schemars(with = "String")]
    fingerprint: Fingerprint,
    /// The service's id of the job.
    job_id: Option<&'a JobId>,
    /// The job's name in the workspace.
    key: &'a JobKey,
}

impl<'a> From<&'a Record> for Adopted<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            fingerprint: record.fingerprint,
            job_id: record.accepted().map(|(_, job_id)| job_id),
            key: &record.key,
        }
    }
}

/// A job of the service whose work another one had done.
#[derive(Debug, Serialize, JsonSchema)]
struct Repeated<'a> {
    /// The job.
    job: ServiceJob<'a>,
    /// The key of the work.
    key: &'a JobKey,
}

/// A job as the service lists it.
#[derive(Debug, Serialize, JsonSchema)]
struct ServiceJob<'a> {
    /// When the service took it, such as `2022-06-01T12:00:00+0800`; null where it does not tell.
    created_at: Option<String>,
    /// The service's id of it.
    job_id: &'a JobId,
    /// The name that it was sent with; empty where the service does not tell.
    name: &'a str,
    /// The service's word for how far it is.
    state: &'a str,
}

impl<'a> From<&'a JobDetail> for ServiceJob<'a> {
    fn from(job: &'a JobDetail) -> Self {
        Self {
            created_at: job.created.map(time::format),
            job_id: &job.job_id,
            name: &job.name,
            state: job.state.as_str(),
        }
    }
}

/// Writes it for programs.
pub fn json(out: &mut dyn Write, target: &str, adoption: &Adoption<'_>) -> io::Result<()> {
    let repeated = adoption.repeated.iter().map(|(job, key)| Repeated {
        job: job.into(),
        key,
    });
    let document = Document {
        adopted: adoption.adopted.iter().map(Adopted::from).collect(),
        file: adoption.written.map(|(path, _)| slashes(path)),
        format: FORMAT,
        known: adoption.known,
        others: adoption.others.iter().map(ServiceJob::from).collect(),
        repeated: repeated.collect(),
        target,
    };
    write_json(out, &document)
}

/// The schema of what [`json`] writes.
pub fn schema_json() -> Value {
    schema::of::<Document<'_>>()
}
