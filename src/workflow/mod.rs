//! What a workflow does, compared: its normal form, its digest, and how two definitions differ.
//!
//! Pure. The wire form is in `api::wire`, the form of job files in `jobfile` and `expand`.

mod declared;
mod difference;
mod normal;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::api::wire::Definition;
use crate::shared_text;

pub use declared::DeclaredWorkflow;
pub use difference::{Change, differences};
pub use normal::normalised;
pub use words::{element_name, field_name, is_list, joined_by};

/// SHA-256 of a definition in normal form; written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Changes only together with what the digest means.
const DIGEST_FORMAT: &str = "stocktake.workflow/1\n";

impl Digest {
    /// The same for two definitions that differ only in the order of nodes and the spelling of
    /// defaults.
    pub fn of(definition: &Definition) -> Self {
        let json = json_of(&normalised(definition));
        let mut hash = Sha256::new();
        hash.update(DIGEST_FORMAT);
        hash.update(json);
        Self(hash.finalize().into())
    }

    /// The first twelve digits: enough to tell definitions apart in a table.
    pub fn short(&self) -> String {
        HEXLOWER.encode(&self.0[..6])
    }
}

#[expect(clippy::expect_used, reason = "its maps have texts as keys")]
fn json_of(definition: &Definition) -> Vec<u8> {
    serde_json::to_vec(definition).expect("a definition is JSON")
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Why a text is not a [`Digest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a digest: 64 lower-case hexadecimal digits")]
pub struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| DigestError)?;
        bytes.try_into().map(Self).map_err(|_| DigestError)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXLOWER.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shared_text::deserialize(deserializer, str::parse)
    }
}
