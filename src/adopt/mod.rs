//! Takes jobs that were triggered by other means into the account: those that do the work of a job of
//! the files, those that a person names, and the rest as jobs of a new file. Pure; who calls it asks
//! and records.

mod matching;
mod named;
mod record;
mod unwritten;

pub use matching::{Matches, matches};
pub use named::{Refusal, named};
pub use unwritten::{Unwritten, unwritten};
