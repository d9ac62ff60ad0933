//! The language server, by the pipes of the real binary.

mod bad_input;
mod client;
mod findings;
mod same_as_validate;
mod writing;
