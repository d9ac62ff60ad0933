//! Runs jobs: scans their objects and starts the workflow's command for each, a bounded number at once.

mod command;
mod context;
mod job;
mod message;
mod nodes;
mod object_name;
mod scheduler;

pub(super) use context::RunnerContext;
pub(super) use scheduler::Runner;
