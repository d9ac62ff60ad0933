//! Counts of objects, and the estimate that is made of them.

use std::collections::{BTreeMap, HashMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::name::WorkflowId;
use crate::job::Fingerprint;
use crate::money::{Money, Price};

/// What one workflow costs, for those that have a price.
pub type Prices = BTreeMap<WorkflowId, Price>;

/// Objects that were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// How many.
    pub objects: u64,
    /// Their bytes, as far as sizes are known.
    pub bytes: u64,
    /// How many of them are of unknown size.
    pub without_size: u64,
    /// How many of them a list names and the bucket does not have.
    pub missing: u64,
}

/// What was counted for the jobs of a plan.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Each job's objects, or why they could not be counted.
    pub jobs: HashMap<Fingerprint, Result<Count, String>>,
    /// Objects that more than one of the jobs covers.
    pub covered_twice: u64,
    /// Those of them that one workflow would process more than once.
    pub processed_twice: BTreeMap<WorkflowId, u64>,
}

/// An estimate of what a plan would make the service process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// Job by job.
    pub jobs: HashMap<Fingerprint, JobEstimate>,
    /// All of it.
    pub total: TotalEstimate,
}

/// An estimate of what one job would process; null for what is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct JobEstimate {
    /// How many objects.
    pub objects: Option<u64>,
    /// How many bytes they have.
    pub bytes: Option<u64>,
    /// What the workflows cost that run over them; null where one has no price.
    pub cost: Option<Money>,
    /// How many of the objects are of unknown size.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_size: u64,
    /// How many of the objects a list names and the bucket does not have.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// Why the objects could not be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// An estimate of what all jobs would process. An object counts once for each run over it: twice
/// for a job with two workflows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct TotalEstimate {
    /// Whether everything that was asked for is known. If not, the numbers are those of what is known.
    pub complete: bool,
    /// How many objects.
    pub objects: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// What they cost; null where no workflow has a price.
    pub cost: Option<Money>,
    /// Jobs whose objects could not be counted.
    pub uncounted: u64,
    /// Objects of unknown size.
    pub without_size: u64,
    /// Jobs whose cost is not known, though others have a price.
    pub unpriced: u64,
    /// Objects that more than one of the jobs covers, as far as they are listed together: by prefix
    /// and key in one bucket, or in one list.
    pub covered_twice: u64,
    /// The same, workflow by workflow.
    pub workflows: Vec<WorkflowEstimate>,
}

/// An estimate of what one workflow would process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkflowEstimate {
    /// Its id.
    pub workflow_id: WorkflowId,
    /// For how many jobs that could be counted.
    pub jobs: u64,
    /// How many objects.
    pub objects: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// What they cost; null where it has no price or depends on sizes that are not known.
    pub cost: Option<Money>,
    /// Objects that it would process more than once.
    pub processed_twice: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Count {
    /// Takes one more object into account.
    pub fn add(&mut self, size: Option<u64>) {
        self.objects += 1;
        match size {
            Some(size) => self.bytes = self.bytes.saturating_add(size),
            None => self.without_size += 1,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            objects: self.objects + other.objects,
            bytes: self.bytes.saturating_add(other.bytes),
            without_size: self.without_size + other.without_size,
            missing: self.missing + other.missing,
        }
    }

    /// What this has beyond a part of it.
    #[must_use]
    pub fn minus(&self, part: &Self) -> Self {
        Self {
            objects: self.objects - part.objects,
            bytes: self.bytes - part.bytes,
            without_size: self.without_size - part.without_size,
            missing: self.missing - part.missing,
        }
    }

    /// The same, and objects that are named without being there.
    #[must_use]
    pub fn with_missing(&self, missing: u64) -> Self {
        Self {
            objects: self.objects + missing,
            missing,
            ..*self
        }
    }

    /// Their bytes, if the size of each is known.
    pub(super) fn known_bytes(&self) -> Option<u64> {
        (self.without_size == 0).then_some(self.bytes)
    }
}
