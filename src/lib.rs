//! Plan and apply for batch jobs of Tencent Cloud's Cloud Infinite.
//!
//! The flow goes one way, and each stage has its own type:
//!
//! ```text
//! files -> jobfile -> expand -> Vec<Job> -> plan(state) -> Plan -> apply -> State
//! ```
//!
//! Modules are `pub` for this crate's own tests, benches and fuzz targets alone; nothing here is a
//! stable interface. The program is.

pub mod adopt;
pub mod api;
pub mod apply;
mod characters;
pub mod cli;
mod crash;
pub mod credentials;
pub mod diagnostic;
pub mod doctor;
pub mod document;
pub mod estimate;
pub mod expand;
mod files;
pub mod job;
mod job_status;
pub mod jobfile;
pub mod load;
pub mod lsp;
pub mod money;
pub mod notification;
pub mod page;
mod plain_text;
pub mod plan;
mod policy;
mod remedy;
pub mod report;
mod schema;
pub mod service;
pub(crate) mod shared_text;
pub mod source;
pub mod state;
pub mod status;
pub mod stop;
mod sync;
mod units;
pub mod watch;
pub mod workflow;
pub mod workspace;
