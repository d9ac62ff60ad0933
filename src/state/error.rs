//! Why a state cannot be read or written.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::Holder;
use crate::plain_text::printable;

/// Why a state cannot be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StateError {
    /// There is no file. Nothing may be taken for new on that account.
    #[error("there is no state at {}", printable(path))]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A new state was asked for where there is one.
    #[error("there is a state at {} already", printable(path))]
    Exists {
        /// Where it is.
        path: PathBuf,
    },
    /// A line is not what was written.
    #[error("{}:{line}: this line {problem}", printable(path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Every line is right, but there are fewer than there were.
    #[error(
        "{} is truncated: it holds {found} records, and held {expected} when it was last compacted",
        printable(path)
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// How many fingerprints it has.
        found: usize,
        /// How many its header promises.
        expected: usize,
    },
    /// Two lines contradict each other.
    #[error(
        "{}: lines {first} and {second} contradict each other: {problem}",
        printable(path)
    )]
    Contradiction {
        /// The file.
        path: PathBuf,
        /// The earlier line, from 1.
        first: usize,
        /// The later line.
        second: usize,
        /// How they differ.
        problem: String,
    },
    /// Written by a newer version of this program.
    #[error(
        "{} has the format `{found}`, which this version does not know",
        printable(path)
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format it names.
        found: String,
    },
    /// The state of another target, or another state of this one.
    #[error(
        "{} is another state: its {what} is `{found}`, not `{expected}`",
        printable(path)
    )]
    WrongState {
        /// The file.
        path: PathBuf,
        /// `target` or `lineage`.
        what: &'static str,
        /// What the file says.
        found: String,
        /// What the caller expects.
        expected: String,
    },
    /// Larger than this program reads.
    #[error("{} is larger than {limit} bytes", printable(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read.
        limit: u64,
    },
    /// Another run writes it, and the wait is over.
    #[error("{} is locked by another run{}", printable(path), describe(holder.as_ref()))]
    Locked {
        /// The state.
        path: PathBuf,
        /// The process that holds the lock, if it is known.
        holder: Option<Holder>,
    },
    /// Another program removed, replaced or changed it while it was open.
    #[error("{} {problem} while it was in use", printable(path))]
    ExternallyModified {
        /// The file.
        path: PathBuf,
        /// What happened to it.
        problem: &'static str,
    },
    /// The system refused to read or write.
    #[error("cannot {action} {}: {source}", printable(path))]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
}

fn describe(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(": {holder}"))
}

impl StateError {
    /// Names what was tried on which file.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }
}
