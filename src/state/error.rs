//! Why a state cannot be read or written.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::Holder;
use super::shared::{Failure, LogError, SlotError, slot_name};
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
    /// The log of a shared state cannot be read, or may not be written.
    #[error("the shared state at {address} cannot be used: {problem}")]
    Log {
        /// The store.
        address: String,
        /// What is wrong.
        problem: LogError,
    },
    /// The log does not contain what a saved plan saw.
    #[error("the shared state at {address} cannot be used: {problem}")]
    Backwards {
        /// The store.
        address: String,
        /// Where it differs.
        problem: LogError,
    },
    /// Another run owns the shared state by now: this one writes nothing more.
    #[error("another run has taken over the shared state at {address}")]
    Fenced {
        /// The store.
        address: String,
    },
    /// What was written last may be stored or not.
    #[error("the store at {address} did not confirm `{slot}`: {reason}")]
    Unconfirmed {
        /// The store.
        address: String,
        /// The slot.
        slot: String,
        /// What was seen instead of an answer.
        reason: String,
    },
    /// Another run wrote between a decision and its record; nothing was recorded.
    #[error("another run wrote to the shared state at {address} at the same time")]
    Overtaken {
        /// The store.
        address: String,
    },
    /// A shared state cannot be written for another reason.
    #[error("the shared state at {address} cannot be written: {problem}")]
    Shared {
        /// The store.
        address: String,
        /// Why.
        problem: String,
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
    /// Why the shared state at `address` cannot be used.
    pub(super) fn shared(address: &str, failure: Failure) -> Self {
        let (path, address) = (PathBuf::from(address), address.to_owned());
        let problem = match failure {
            Failure::Held(holder) => return Self::Locked { path, holder },
            Failure::Fenced => return Self::Fenced { address },
            Failure::Overtaken => return Self::Overtaken { address },
            Failure::Unconfirmed(slot, reason) => {
                let reason = reason.to_string();
                return Self::Unconfirmed {
                    address,
                    slot,
                    reason,
                };
            }
            Failure::Slot(_) | Failure::Moved | Failure::Process(_) => {
                let problem = failure.to_string();
                return Self::Shared { address, problem };
            }
            Failure::OtherState {
                what,
                found,
                expected,
            } => {
                return Self::WrongState {
                    path,
                    what,
                    found,
                    expected,
                };
            }
            Failure::Log(problem) => problem,
        };
        match problem {
            LogError::Missing { .. } => Self::Missing { path },
            LogError::WrongLineage {
                found, expected, ..
            } => Self::WrongState {
                path,
                what: "lineage",
                found: found.to_string(),
                expected: expected.to_string(),
            },
            LogError::NewerFormat { name, found } => Self::NewerFormat {
                path: path.join(name),
                found,
            },
            LogError::Slot {
                number,
                problem: SlotError::NewerFormat(found),
            } => Self::NewerFormat {
                path: path.join(slot_name(number)),
                found,
            },
            problem @ LogError::Backwards { .. } => Self::Backwards { address, problem },
            problem => Self::Log { address, problem },
        }
    }

    /// Names what was tried on which file.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }
}
