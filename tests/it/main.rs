//! The integration tests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod apply;
mod client;
mod jobs;
mod raw;
mod schemas;
mod service;
