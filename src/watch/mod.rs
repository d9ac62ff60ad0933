//! Notices that something a plan depends on may have changed, and tells how two plans differ.
//!
//! What is noticed is only a reason to look: the content decides whether anything is another.

mod debounce;
mod paths;
mod watcher;

pub use debounce::ChangeSet;
pub use paths::WatchPaths;
pub use watcher::{Polling, Watcher};
