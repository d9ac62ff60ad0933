//! The first line of a state: which format, which state, of which target.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::listed::Listed;

/// The format this version writes.
pub(super) const FORMAT: &str = "stocktake.state/2";
/// Every format that this version reads. A file with headers of several, after a merge of branches,
/// has the newest of them.
pub(super) const FORMATS: [&str; 2] = ["stocktake.state/1", FORMAT];
/// What the name of every format begins with.
pub(super) const FORMAT_PREFIX: &str = "stocktake.state/";

/// Tells one state from any other, also from an earlier one of the same target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lineage(String);

impl Lineage {
    /// A new, random one.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Lineage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// Which state this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The state's own name.
    pub lineage: Lineage,
    /// The target whose jobs it records.
    pub target: String,
    /// Until when every job of the service is known.
    pub listed: Listed,
}

impl Header {
    /// The header of a new state.
    pub fn new(target: &str) -> Self {
        Self {
            lineage: Lineage::random(),
            target: target.to_owned(),
            listed: Listed::default(),
        }
    }
}

/// Which state the caller wants to find.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The target.
    pub target: &'a str,
    /// The lineage, where one is known (from a saved plan).
    pub lineage: Option<&'a Lineage>,
}

/// The header as a line.
///
/// It says how many fingerprints the state held when it was last compacted, so that a file that was
/// cut short between two lines is not taken for a smaller state. After a merge of two branches that
/// kept both their headers the larger number holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderLine {
    pub(super) format: String,
    pub(super) lineage: Lineage,
    pub(super) target: String,
    pub(super) records: usize,
    /// After a merge the earlier moments hold.
    #[serde(default, skip_serializing_if = "Listed::is_empty")]
    pub(super) listed_until: Listed,
}

impl HeaderLine {
    pub(super) fn new(header: &Header, records: usize) -> Self {
        Self {
            format: FORMAT.to_owned(),
            lineage: header.lineage.clone(),
            target: header.target.clone(),
            records,
            listed_until: header.listed.clone(),
        }
    }

    pub(super) fn header(&self) -> Header {
        Header {
            lineage: self.lineage.clone(),
            target: self.target.clone(),
            listed: self.listed_until.clone(),
        }
    }
}
