//! The harness of the integration tests, the crash tests and the benches: workspaces with the real
//! binary in them, a `serve` process, a server below HTTP, jobs and waiting.

pub mod cloud;
pub mod jobs;
pub mod raw;
pub mod serve;
pub mod signed;
pub mod target;
pub mod text;
pub mod tools;
pub mod wait;
pub mod workspace;
