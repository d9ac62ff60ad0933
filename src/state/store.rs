//! A state on disk.
#![expect(
    clippy::todo,
    reason = "signatures first, for those who build on them; bodies follow at once"
)]
#![expect(
    clippy::unused_async,
    clippy::needless_pass_by_value,
    reason = "bodies follow at once"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::error::StateError;
use super::header::{Expected, Header};
use super::lock::Holder;
use super::record::Record;
use super::records::Records;
use crate::job::Fingerprint;

/// How to open a state for writing.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// Begin an empty state where there is none.
    pub create: bool,
    /// How long to wait for another writer.
    pub lock_timeout: Duration,
}

/// A state that is locked and can be written.
#[derive(Debug)]
pub struct StateStore {
    header: Header,
}

impl StateStore {
    /// Reads a state without taking its lock.
    pub fn read(path: &Path, expected: Expected<'_>) -> Result<(Header, Records), StateError> {
        let _ = (path, expected);
        todo!()
    }

    /// Begins an empty state; one that is there already is left alone, as an error.
    pub fn init(path: &Path, target: &str) -> Result<Header, StateError> {
        let _ = (path, target);
        todo!()
    }

    /// Takes the lock, then reads. `on_wait` is told once when another writer has to be waited for.
    pub fn open_for_writing(
        path: &Path,
        expected: Expected<'_>,
        options: OpenOptions,
        on_wait: &mut dyn FnMut(Option<&Holder>),
    ) -> Result<Self, StateError> {
        let _ = (path, expected, options, on_wait);
        todo!()
    }

    /// Which state this is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// All records as they are now on disk.
    pub fn records(&self) -> Records {
        todo!()
    }

    /// One record as it is now on disk.
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<Arc<Record>> {
        let _ = fingerprint;
        todo!()
    }

    /// Writes a record and returns when it is durable. Those who call it at the same time share
    /// one fsync.
    pub async fn append(&self, record: Record) -> Result<Arc<Record>, StateError> {
        let _ = record;
        todo!()
    }

    /// [`append`](Self::append) for callers without a runtime.
    pub fn append_blocking(&self, record: Record) -> Result<Arc<Record>, StateError> {
        let _ = record;
        todo!()
    }

    /// Ends writing: compacts the log and gives the lock back.
    pub fn close(self) -> Result<(), StateError> {
        todo!()
    }
}
