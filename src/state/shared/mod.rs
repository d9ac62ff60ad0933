//! A state that many runners share: a log of numbered slots in a store.
//!
//! A slot is only ever created, never overwritten and never removed, so its number is the fence: a
//! writer that was overtaken finds its next number taken. Everything else rests on that one call.

mod acquire;
mod begin;
mod checkpoint;
mod failure;
mod folder;
mod format;
mod handle;
mod log;
mod memory;
mod owner;
pub mod ownership;
mod put;
mod reader;
mod slot;
#[cfg(test)]
mod states;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use begin::begin;
pub use failure::Failure;
pub use folder::FolderStore;
pub use format::StateFormat;
pub use handle::Hold;
pub(super) use handle::{Opening, SharedWriter, read};
pub use log::{LogError, Tail};
pub use memory::MemoryStore;
pub use reader::{Position, SharedLog};
pub use slot::{Digest, Kind, Slot, SlotError, SlotHeader, Writer};
pub use store::{Answer, Created, Store, StoreError, StoreTime, slot_name};

/// Where a shared state is, and on whose behalf it is written.
#[derive(Debug, Clone)]
pub struct Shared {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its address, for messages.
    pub address: String,
    /// The address of the run of a pipeline that this process belongs to.
    pub run: Option<String>,
}
