//! What a store has to do for a shared state: the few calls that each driver implements.

use std::fmt::Debug;
use std::pin::Pin;

use jiff::Timestamp;

use super::ownership::Mode;

/// What a call to a store comes to.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// How a create ended, as far as the store says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The object is there now, with these bytes.
    Created,
    /// An object of that name was there before: perhaps with the same bytes, from an earlier call
    /// whose answer was lost. Its bytes say which.
    Exists,
}

/// Why a call to a store has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It is unknown whether a write took place: the object has to be read before anything else is
    /// written.
    #[error("{store} did not say whether `{name}` was written: {reason}")]
    Unknown {
        /// The store.
        store: String,
        /// The object.
        name: String,
        /// What was seen instead of an answer.
        reason: String,
    },
    /// The store refuses the call, or cannot do it.
    #[error("{store} cannot {action} `{name}`: {reason}")]
    Refused {
        /// The store.
        store: String,
        /// What was tried.
        action: &'static str,
        /// The object.
        name: String,
        /// Why.
        reason: String,
    },
}

/// A place for objects. Names are relative to the state's own prefix, in lower-case letters, digits,
/// `.`, `-` and `/`.
pub trait Store: Debug + Send + Sync {
    /// Creates an object that must not be there. Of any number of creates of one name at most one
    /// ends as [`Created::Created`], and the object is durable before either end is answered. A store
    /// with a [`clock`](Self::clock) refuses the call after `ends`, by that clock.
    fn create<'a>(
        &'a self,
        name: &'a str,
        bytes: &'a [u8],
        ends: Option<Timestamp>,
    ) -> Answer<'a, Created>;

    /// Reads an object; none if it is not there. Sees every create that was answered before.
    fn read<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Vec<u8>>>;

    /// Writes an object over any earlier one: for hints alone, which are checked and never trusted.
    fn write_hint<'a>(&'a self, name: &'a str, bytes: &'a [u8]) -> Answer<'a, ()>;

    /// The names that begin with `prefix`, sorted. A hint as well: it may miss the newest ones.
    fn list<'a>(&'a self, prefix: &'a str) -> Answer<'a, Vec<String>>;

    /// The store's time as its answers tell it; none for a store without one that it enforces.
    fn clock(&self) -> Option<StoreTime> {
        None
    }

    /// What its creates are trusted with.
    fn mode(&self) -> Mode {
        Mode::Atomic
    }
}

/// Two readings of a store's clock, between which its time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreTime {
    /// Not after the store's time.
    pub early: Timestamp,
    /// Not before it.
    pub late: Timestamp,
}

/// The name of the slot with this number.
pub fn slot_name(number: u64) -> String {
    format!("log/{number:020}")
}
