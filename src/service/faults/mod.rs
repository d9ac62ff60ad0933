//! Faults on purpose: what a service may do to its clients, done when a test asks for it.
//!
//! Which calls they hit is decided by a seed and by the order of the calls, so that a run can be
//! repeated.

mod file;
mod model;
mod play;

pub use model::{Choice, Fault, FaultKind, Faults, FaultsError};

pub(super) use play::{Dropped, Script, cut_in_half};
