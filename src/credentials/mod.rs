//! Where the credentials of a target come from: a chain of links, tried in order, each of which names
//! its source.
//!
//! ```text
//! Surroundings ─chain→ Origin ─obtain→ CredentialProvider, which renews by obtaining again
//! ```
//!
//! The first link that is set decides. One that is set by half, damaged or out of reach is an error,
//! and never a reason to look further: the next link may belong to another account.

mod chain;
mod cleaning;
mod document;
mod error;
mod file;
mod instance;
mod obtain;
mod origin;
mod pair;
mod process;
mod profile;
mod sts;
mod tc3;
mod variables;
mod web_identity;

pub use chain::{Surroundings, origin};
pub use error::CredentialError;
pub use instance::METADATA_HOST;
pub use obtain::{Found, Reach, obtain};
pub use origin::Origin;
pub use pair::pair_of;
pub use variables::Variables;
