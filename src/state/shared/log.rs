//! Reading a shared log: slot after slot, each chained to the one before.

use super::slot::{Digest, Kind, Slot, SlotError, SlotHeader};
use super::store::{StoreError, slot_name};
use crate::state::header::Lineage;

/// Why a shared log cannot be read. Nothing is written or sent after any of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object is not there without which nothing may be taken for new.
    #[error("`{name}` is missing")]
    Missing {
        /// The object.
        name: String,
    },
    /// A slot is not what was written.
    #[error("`{}`: this slot {problem}", slot_name(*number))]
    Slot {
        /// Its number.
        number: u64,
        /// What is wrong with it.
        problem: SlotError,
    },
    /// Another object is not what was written.
    #[error("`{name}` is damaged: {problem}")]
    Damaged {
        /// The object.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An object has a format that only a newer version knows.
    #[error("`{name}` has the format `{found}`, which this version does not know")]
    NewerFormat {
        /// The object.
        name: String,
        /// Its format.
        found: String,
    },
    /// An object belongs to another state.
    #[error("`{name}` belongs to the state {found}, not {expected}")]
    WrongLineage {
        /// The object.
        name: String,
        /// The lineage that it names.
        found: Lineage,
        /// The one that is expected.
        expected: Lineage,
    },
    /// A slot does not follow the one before: two writers wrote the log.
    #[error("`{}` does not follow the slot before it: {problem}", slot_name(*number))]
    Fork {
        /// Its number.
        number: u64,
        /// How they differ.
        problem: &'static str,
    },
    /// There is a slot after one that is missing.
    #[error("`{name}` is missing, and there are slots after it")]
    Gap {
        /// The missing one.
        name: String,
    },
    /// The log does not contain what it did: it was cut off, replaced or restored from a copy.
    #[error("the log went backwards: `{name}` is not what it was")]
    Backwards {
        /// The slot that it should contain.
        name: String,
    },
    /// There is a slot after one that ends the log.
    #[error("`{}` follows a slot that says that the state has moved", slot_name(*number))]
    AfterMove {
        /// Its number.
        number: u64,
    },
}

/// Slots that follow one another, and what the next one has to chain to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail {
    /// The slots, oldest first.
    pub slots: Vec<Slot>,
    /// The last slot's header and digest; none if there is no slot yet.
    pub last: Option<(SlotHeader, Digest)>,
}

impl Tail {
    /// The tail after this slot, whose content is known to be right.
    pub(super) fn starting_at(
        lineage: &Lineage,
        number: u64,
        bytes: &[u8],
    ) -> Result<Self, LogError> {
        let slot = Slot::decode(number, bytes);
        let slot = slot.map_err(|problem| LogError::Slot { number, problem })?;
        if slot.header.lineage != *lineage {
            return Err(LogError::WrongLineage {
                name: slot_name(number),
                found: slot.header.lineage,
                expected: lineage.clone(),
            });
        }
        Ok(Self {
            slots: Vec::new(),
            last: Some((slot.header, Digest::of(bytes))),
        })
    }

    /// Adds a slot that is stored under the next number, if it follows the last one.
    pub fn push(&mut self, lineage: &Lineage, bytes: &[u8]) -> Result<(), LogError> {
        let number = self.last.as_ref().map_or(1, |(last, _)| last.number + 1);
        let slot = Slot::decode(number, bytes);
        let slot = slot.map_err(|problem| LogError::Slot { number, problem })?;
        let header = &slot.header;
        if header.lineage != *lineage {
            return Err(LogError::WrongLineage {
                name: slot_name(number),
                found: header.lineage.clone(),
                expected: lineage.clone(),
            });
        }
        self.check_order(header)?;
        self.last = Some((header.clone(), Digest::of(bytes)));
        self.slots.push(slot);
        Ok(())
    }

    fn check_order(&self, next: &SlotHeader) -> Result<(), LogError> {
        let number = next.number;
        let fork = |problem| Err(LogError::Fork { number, problem });
        let is_genesis = next.kinds.contains(&Kind::Genesis);
        let Some((last, digest)) = &self.last else {
            return match next.previous {
                None if is_genesis => Ok(()),
                _ => fork("it is the first one, and not the beginning of a log"),
            };
        };
        if last.kinds.contains(&Kind::Moved) {
            return Err(LogError::AfterMove { number });
        }
        if is_genesis || next.previous != Some(*digest) {
            return fork("it was written after another slot");
        }
        let acquires = next.kinds.contains(&Kind::Acquire);
        if next.epoch != last.epoch + u64::from(acquires) {
            return fork("its epoch is not the next one");
        }
        if !acquires && (next.writer != last.writer || last.kinds.contains(&Kind::Release)) {
            return fork("its writer does not own the log");
        }
        Ok(())
    }
}
