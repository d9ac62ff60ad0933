//! Notices that something a plan depends on may have changed, and tells how two plans differ.
//!
//! What is noticed is only a reason to look: the content decides whether anything is another.

mod difference;
mod inbox;
mod places;
mod watcher;

pub use difference::{Difference, JobDifference};
pub use inbox::Batch;
pub use places::Places;
pub use watcher::{Polling, Watcher};
