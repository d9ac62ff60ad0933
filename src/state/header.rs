//! The first line of a state: which format, which state, of which target.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What tells one state from any other, also from one of the same target that was begun anew.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The state's own name.
    pub lineage: Lineage,
    /// The target whose jobs it records.
    pub target: String,
}

/// Which state the caller wants to find.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The target.
    pub target: &'a str,
    /// The lineage, where one is known (from a saved plan).
    pub lineage: Option<&'a Lineage>,
}
