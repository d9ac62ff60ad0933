//! Whether a target is ready for work: checks as data, each with its remedy. Nothing is changed, and
//! nothing is submitted.

mod bucket;
mod check;
mod clock;
mod embedded;
mod files;
mod input;
mod service;
mod workflow;

pub use check::{Check, Outcome, TargetChecks};
pub use embedded::{Machine, embedded};
pub use files::{jobs, state};
pub use service::{Questions, service};
