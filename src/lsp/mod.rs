//! The language server: what `validate` says, while the files are being written.
//!
//! One thread reads messages, one writes them, one reads workspaces ([`worker`]); the loop between them
//! ([`server`]) waits for none of them. Nothing here sends a request, starts a program, writes a file or
//! takes a lock: an editor opens a folder before anyone has read what is in it.

mod analysis;
mod completion;
mod cursor;
mod documents;
mod fields;
mod hover;
mod known;
mod publisher;
mod server;
mod session;
mod text;
mod transport;
mod worker;

pub use server::{End, serve};
pub use worker::{Choices, Follow, TargetCheck, Watch};
