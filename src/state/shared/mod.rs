//! A state that many runners share: a log of numbered slots in a store.
//!
//! A slot is only ever created, never overwritten and never removed, so its number is the fence: a
//! writer that was overtaken finds its next number taken. Everything else rests on that one call.

mod folder;
mod log;
mod memory;
pub mod ownership;
mod slot;
mod store;
#[cfg(test)]
mod tests;

pub use folder::FolderStore;
pub use log::{LogError, Tail, read_from};
pub use memory::MemoryStore;
pub use slot::{Digest, Kind, Slot, SlotError, SlotHeader, Writer};
pub use store::{Answer, Created, Store, StoreError, slot_name};
