//! Why a shared state cannot be written.

use super::log::LogError;
use super::slot::SlotError;
use super::store::StoreError;
use crate::state::lock::Holder;

/// Why a shared state cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It is another state than the one that is wanted.
    #[error("its {what} is `{found}`, not `{expected}`")]
    OtherState {
        /// `target` or `lineage`.
        what: &'static str,
        /// What the log says.
        found: String,
        /// What the caller expects.
        expected: String,
    },
    /// Another run owns it, and the wait is over.
    #[error("another run owns it")]
    Held(Option<Holder>),
    /// Another run has taken it over: this one writes nothing more.
    #[error("another run has taken the shared state over: nothing more is written")]
    Fenced,
    /// A slot may be stored or not, and nothing may follow it.
    #[error("it is not known whether `{0}` is stored: {1}")]
    Unconfirmed(String, StoreError),
    /// What was to be recorded cannot be put into a slot.
    #[error("what is to be recorded {0}")]
    Slot(#[from] SlotError),
    /// Another run wrote something since the decision was made; nothing was recorded.
    #[error("another run wrote to the shared state at the same time: nothing was recorded")]
    Overtaken,
    /// The state is elsewhere.
    #[error("the state has moved elsewhere")]
    Moved,
    /// This process cannot do what it takes.
    #[error("this process cannot use a shared state: {0}")]
    Process(String),
}
