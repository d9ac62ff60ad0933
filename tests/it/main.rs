//! The integration tests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(unreachable_pub, reason = "a test binary exports nothing")]

mod adopt;
mod after_apply;
mod apply;
mod bad_input;
mod browser;
mod client;
mod completion;
mod cookbook;
mod credentials;
mod doctor;
mod documents;
mod drift;
mod environment;
mod estimates;
mod examples;
mod field;
mod fingerprint;
mod first_hour;
mod forks;
mod forms;
mod fuzz_corpus;
mod help;
mod hints;
mod hostile;
mod hostile_answers;
mod incremental;
mod init;
mod job_files;
mod machines;
mod on_the_way;
mod pipelines;
mod plan_properties;
mod progress;
mod public_schemas;
mod readme;
mod reliability;
mod render;
mod report_page;
mod saved_plans;
mod schemas;
mod serve;
mod serve_objects;
mod service;
mod shared_state;
mod shells;
mod state_merge;
mod steering;
mod strangers;
#[path = "../support/mod.rs"]
mod support;
mod surroundings;
mod tidy;
mod translations;
mod watch;
