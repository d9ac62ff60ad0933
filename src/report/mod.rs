//! The words: everything that people and machines read is written here, and only here.
//!
//! Data goes to stdout, the rest to stderr. Whether there is colour, and how wide a line is, is
//! decided once, in [`Ui`].

mod apply;
pub mod diagnostics;
mod plan;
mod status;
mod table;
mod text;
mod ui;

pub use apply::{ApplyReporter, outcome as apply_outcome};
pub use plan::{PlanView, human as plan_human};
pub use status::{change as status_change, human as status_human};
pub use ui::{ColorChoice, Look, Ui, Verbosity};
