//! A plan as a document: what is shown, given to programs, saved, and applied later.

mod job;

use std::borrow::Cow;
use std::io;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use schemars::JsonSchema;
use serde::ser::{Error, SerializeSeq};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};

use super::drift::Drift;
use super::model::{Blocked, Plan, Summary};
use crate::estimate::TotalEstimate;
use crate::job::{Fingerprint, JobKey};
use crate::state::shared::Position;
use crate::state::{Holder, Lineage};

pub use job::{DocumentJob, KnownRecord, KnownSubmission, SourceLine};

/// The format of the documents that this version writes and reads.
pub(super) const FORMAT: &str = "stocktake.plan/1";

/// The version of this program: a plan is applied by the version that made it.
pub(super) const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a plan was made from, beside jobs and records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// When.
    pub created: Timestamp,
    /// For which target.
    pub target: String,
    /// Against which state, if there was one.
    pub lineage: Option<Lineage>,
    /// The commit that is checked out, in a git work tree.
    pub commit: Option<String>,
    /// SHA-256 over the job files.
    pub files: Option<String>,
    /// SHA-256 of the workspace file.
    pub workspace: Option<String>,
    /// Where the log of a shared state ended.
    pub log: Option<Position>,
    /// The run that owns a shared state.
    pub holder: Option<Holder>,
}

impl Origin {
    /// The same, of a shared state that was read to this place.
    #[must_use]
    pub fn of_log(self, log: Option<Position>, holder: Option<Holder>) -> Self {
        Self {
            log,
            holder,
            ..self
        }
    }
}

/// What would be done about every job of a target: the result of `stocktake plan`.
// Borrows from the plan, or owns what was read from a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "stocktake plan")]
pub struct PlanDocument<'plan> {
    /// The version of this format; fields are added to it, and never changed.
    #[schemars(extend("const" = FORMAT))]
    pub format: String,
    /// The version of stocktake that made the plan.
    pub stocktake: String,
    /// When it was made.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub created: Timestamp,
    /// The target that it is for.
    pub target: String,
    /// The state that it was made against; null when there was none yet.
    #[schemars(with = "Option<String>")]
    pub lineage: Option<Lineage>,
    /// The commit that was checked out; null outside a git work tree.
    pub commit: Option<String>,
    /// SHA-256 over the paths and contents of the job files; null where they were not needed.
    pub files: Option<String>,
    /// SHA-256 of the workspace file, which says where jobs go; null where there is none or it was not
    /// needed. A plan is applied while it is the same.
    #[serde(default)]
    pub workspace: Option<String>,
    /// SHA-256 over everything else in a plan that is kept; null in others. It finds what was changed
    /// by mistake, and is no signature.
    #[serde(default)]
    pub digest: Option<String>,
    /// Where the log of a shared state ended: `apply` refuses a log that no longer has this; absent for
    /// a state in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Position>,
    /// The run that owned the shared state when the plan was made; absent when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// How many jobs have each action.
    pub summary: Summary,
    /// The guards that forbid the plan; empty when nothing does.
    pub blocked: Cow<'plan, [Blocked]>,
    /// What is worth a look but forbids nothing.
    pub warnings: Cow<'plan, [String]>,
    /// What the service says otherwise than the records; absent when it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Cow<'plan, [Drift]>>,
    /// How much all jobs would make the service process; absent where that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Cow<'plan, TotalEstimate>>,
    /// Every job, in the order of keys.
    #[serde(serialize_with = "serialize_in_parallel")]
    pub jobs: Vec<DocumentJob<'plan>>,
    /// Records whose job is no longer in the files, in the order of keys.
    pub retired: Vec<RetiredRecord>,
}

/// A record whose job is no longer in the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetiredRecord {
    /// The key it was recorded under.
    pub key: JobKey,
    /// The fingerprint of its work.
    #[schemars(with = "String")]
    pub fingerprint: Fingerprint,
}

impl<'plan> PlanDocument<'plan> {
    /// Returns the document of a plan that was made from `origin`.
    pub fn new(plan: &'plan Plan, origin: Origin) -> Self {
        let estimates = plan.estimate.as_ref().map(|estimate| &estimate.jobs);
        let jobs = plan.jobs.par_iter().map(|planned| DocumentJob {
            estimate: estimates
                .and_then(|estimates| estimates.get(&planned.job.fingerprint))
                .map(Cow::Borrowed),
            ..DocumentJob::from(planned)
        });
        let retired = plan.retired.iter().map(|record| RetiredRecord {
            key: record.key.clone(),
            fingerprint: record.fingerprint,
        });
        Self {
            format: FORMAT.to_owned(),
            stocktake: TOOL_VERSION.to_owned(),
            created: origin.created,
            target: origin.target,
            lineage: origin.lineage,
            commit: origin.commit,
            files: origin.files,
            workspace: origin.workspace,
            digest: None,
            log: origin.log,
            holder: origin.holder,
            summary: plan.summary,
            blocked: Cow::Borrowed(&plan.blocked),
            warnings: Cow::Borrowed(&plan.warnings),
            drift: plan.drift.as_deref().map(Cow::Borrowed),
            estimate: plan
                .estimate
                .as_ref()
                .map(|estimate| Cow::Borrowed(&estimate.total)),
            jobs: jobs.collect(),
            retired: retired.collect(),
        }
    }

    /// Returns the plan with its digest, for one that is kept.
    pub fn sealed(mut self) -> serde_json::Result<Self> {
        self.digest = Some(self.compute_digest()?);
        Ok(self)
    }

    /// Takes the digest away; whether it was that of the rest.
    pub(super) fn unseal(&mut self) -> serde_json::Result<bool> {
        let stated = self.digest.take();
        Ok(stated == Some(self.compute_digest()?))
    }

    /// SHA-256 over the document as it is written without whitespace and without a digest.
    fn compute_digest(&self) -> serde_json::Result<String> {
        debug_assert!(self.digest.is_none(), "the digest does not cover itself");
        let mut hash = Hashing(Sha256::new());
        serde_json::to_writer(&mut hash, self)?;
        Ok(HEXLOWER.encode(&hash.0.finalize()))
    }

    /// Returns what the service says otherwise than the records, as far as it was asked.
    pub fn drift(&self) -> &[Drift] {
        self.drift.as_deref().unwrap_or_default()
    }

    /// Whether `apply` would hand anything to the service.
    pub fn submits(&self) -> bool {
        self.summary.submits()
    }
}

/// Hashes what is written to it.
struct Hashing(Sha256);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Serializes chunks of jobs on all cores: jobs are nearly all of a document.
fn serialize_in_parallel<S: Serializer>(
    jobs: &[DocumentJob<'_>],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    const CHUNK: usize = 4096;
    let mut sequence = serializer.serialize_seq(Some(jobs.len()))?;
    for chunk in jobs.chunks(CHUNK) {
        let texts = chunk.par_iter().map(to_raw_value);
        let texts: Vec<serde_json::Result<Box<RawValue>>> = texts.collect();
        for text in texts {
            sequence.serialize_element(&text.map_err(S::Error::custom)?)?;
        }
    }
    sequence.end()
}
