//! A complete job: a spec with everything filled in, and the fingerprint of its work.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::api::name::{BucketName, Region};
use crate::api::request::{Input, Request};
use crate::api::wire::JobDetail;
use crate::shared_text::{self, SharedText};
use crate::source::Place;

/// A job's name in its workspace, such as `spring-uploads` or `archive[region_folder=cn]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct JobKey(SharedText);

impl JobKey {
    /// Keeps the text unchecked: `jobfile` checks what files hold, `expand` makes the rest.
    pub fn new(text: &str) -> Self {
        Self(SharedText::from(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for JobKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shared_text::deserialize(deserializer, |text| Ok::<_, Infallible>(Self::new(text)))
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// What the service is made to do, and where: all that the fingerprint covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The bucket to run in.
    pub bucket: BucketName,
    /// The bucket's region.
    pub region: Region,
    /// The body to send. Its name is not part of the fingerprint.
    pub request: Request,
    /// Any text; changing it asks for the same work again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun: Option<String>,
}

impl Work {
    /// The fingerprint: two works with the same one are the same work.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = CanonicalHash(Sha256::new());
        hash.field("format", FINGERPRINT_FORMAT);
        hash.field("bucket", self.bucket.as_str());
        hash.field("region", self.region.as_str());
        hash.field("type", self.request.kind.as_str());
        let input: &Input = &self.request.input;
        hash.field("input", input.field());
        hash.field("value", input.value());
        for id in self.request.operation.workflow_ids.as_slice() {
            hash.field("workflow_id", id.as_str());
        }
        let interval = self.request.operation.time_interval;
        for (name, moment) in [("start", interval.start), ("end", interval.end)] {
            if let Some(moment) = moment {
                hash.field(name, &moment.as_second().to_string());
            }
        }
        if let Some(rerun) = &self.rerun {
            hash.field("rerun", rerun);
        }
        Fingerprint(hash.0.finalize().into())
    }
}

impl Work {
    /// Whether the service's job does this work, under whatever name; `None` if its answer does not
    /// say what it was asked for.
    pub fn is_done_by(&self, job: &JobDetail) -> Option<bool> {
        let request = &self.request;
        if !job.kind.is_empty() && job.kind != request.kind.as_str() {
            return Some(false);
        }
        let same_input = job.input.as_ref().map(|input| *input == request.input);
        let operation = job.operation.as_ref();
        let same_operation = operation.map(|operation| *operation == request.operation);
        match (same_input, same_operation) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}

/// Changes only together with what the fingerprint means, that is: never for a released format.
const FINGERPRINT_FORMAT: &str = "stocktake.fingerprint/1";

/// Hashes name and value with their lengths: different sequences of fields never hash the same
/// bytes.
struct CanonicalHash(Sha256);

impl CanonicalHash {
    fn field(&mut self, name: &str, value: &str) {
        for text in [name, value] {
            self.0.update((text.len() as u64).to_be_bytes());
            self.0.update(text.as_bytes());
        }
    }
}

/// SHA-256 of a [`Work`] in canonical form; written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

/// Why a text is not a [`Fingerprint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a fingerprint: 64 lower-case hexadecimal digits")]
pub struct FingerprintError;

impl Fingerprint {
    /// Sorts before every other one, or equal.
    pub(crate) const MIN: Self = Self([0; 32]);
    /// Sorts after every other one, or equal.
    pub(crate) const MAX: Self = Self([u8::MAX; 32]);

    /// The first twelve digits: enough to tell works apart in a table.
    pub fn short(&self) -> String {
        HEXLOWER.encode(&self.0[..6])
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(HEXLOWER.encode_mut_str(&self.0, &mut [0; 64]))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| FingerprintError)?;
        let mut bytes = [0; 32];
        let decoded = HEXLOWER.decode_mut(digits, &mut bytes);
        decoded.map_err(|_| FingerprintError)?;
        Ok(Self(bytes))
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shared_text::deserialize(deserializer, str::parse)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HEXLOWER.encode_mut_str(&self.0, &mut [0; 64]))
    }
}

/// What to do about a job whose last run the service ended as Failed or Cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnFailure {
    /// Show it, do nothing.
    #[default]
    Leave,
    /// Submit the same work again, until it was submitted this often in all.
    Resubmit {
        /// At least 2.
        max_attempts: u32,
    },
}

/// Whether a job may process objects that another job of the same workflow covers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// A guard blocks the plan.
    #[default]
    Deny,
    /// The person wants it so.
    Allow,
}

/// One job, complete.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name in the workspace.
    pub key: JobKey,
    /// The fingerprint of `work`.
    pub fingerprint: Fingerprint,
    /// What it makes the service do.
    pub work: Arc<Work>,
    /// For people; never sent.
    pub description: Option<Arc<str>>,
    /// What to do when it failed.
    pub on_failure: OnFailure,
    /// Whether it may cover the objects of another job.
    pub overlap: Overlap,
    /// Where its key is written.
    pub source: Place,
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    #[test]
    fn a_fingerprint_reads_back_and_nothing_else_does() {
        let text = "00ff".repeat(16);
        let fingerprint: Fingerprint = text.parse().unwrap();
        assert_eq!(fingerprint.to_string(), text);
        assert_eq!(fingerprint.short(), "00ff00ff00ff");
        for bad in [
            String::new(),
            "0".repeat(63),
            "0".repeat(65),
            "A".repeat(64),
            "é".repeat(32),
        ] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
    }
}
