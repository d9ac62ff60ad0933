//! Reading a shared state without owning it: a checkpoint, then the slots after it.

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::checkpoint::{self, Checkpoint, Head};
use super::failure::Failure;
use super::format::StateFormat;
use super::log::{LogError, Tail};
use super::ownership::{Standing, Terms};
use super::slot::{Digest, SlotHeader};
use super::store::{Store, slot_name};
use crate::state::header::{Expected, Header};
use crate::state::lock::Holder;
use crate::state::records::Records;

/// How many slots are asked for at once, first and after a full answer.
const FEW: u64 = 4;
const MANY: u64 = 8;
/// The log has ended where so many numbers are free; one of them alone could be a slot that was lost.
const FREE: usize = 3;

/// A place in a log, which later ones still have to contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The number of a slot.
    pub number: u64,
    /// SHA-256 of what is stored under it.
    #[schemars(with = "String")]
    pub digest: Digest,
}

/// A shared state as it was read: what a prefix of its log says.
#[derive(Debug, Clone)]
pub struct SharedLog {
    format: StateFormat,
    header: Header,
    /// What is recorded.
    pub records: Records,
    tail: Tail,
    /// What the hint says, or is to say.
    pub(super) head: Head,
    /// How much was read after the last checkpoint.
    pub(super) slots: usize,
    pub(super) bytes: usize,
}

impl SharedLog {
    /// Reads the state of a store to its end.
    pub async fn read(store: &dyn Store) -> Result<Self, LogError> {
        let format = StateFormat::read(store).await?;
        let header = format.header();
        let mut log = Self {
            header,
            format,
            records: Records::default(),
            tail: Tail::default(),
            head: checkpoint::read_head(store).await?,
            slots: 0,
            bytes: 0,
        };
        let lineage = &log.header.lineage;
        if let Some(checkpoint) = checkpoint::read_checkpoint(store, lineage, &log.head).await? {
            log.start_at(store, checkpoint).await?;
        }
        log.read_on(store).await?;
        if log.next_number() <= log.head.number {
            let name = slot_name(log.next_number());
            return Err(LogError::Backwards { name });
        }
        Ok(log)
    }

    /// The slot of a checkpoint has to be the one that the checkpoint was made of.
    async fn start_at(
        &mut self,
        store: &dyn Store,
        checkpoint: Checkpoint,
    ) -> Result<(), LogError> {
        let number = checkpoint.number;
        let bytes = store.read(&slot_name(number)).await?;
        let bytes = bytes.ok_or_else(|| LogError::Backwards {
            name: slot_name(number),
        })?;
        if Digest::of(&bytes) != checkpoint.slot {
            let problem = "it is not the one that a checkpoint was made of";
            return Err(LogError::Fork { number, problem });
        }
        self.tail = Tail::starting_at(&self.header.lineage, number, &bytes)?;
        self.records = checkpoint.records;
        if let Some((last, _)) = &self.tail.last {
            self.header.listed.clone_from(&last.listed_until);
        }
        Ok(())
    }

    /// Reads what was written since; whether there is any.
    pub async fn read_on(&mut self, store: &dyn Store) -> Result<bool, LogError> {
        let begun_at = self.next_number();
        let mut count = FEW;
        loop {
            let next = self.next_number();
            let names: Vec<String> = (next..next + count).map(slot_name).collect();
            let answers = join_all(names.iter().map(|name| store.read(name))).await;
            let mut found = Vec::new();
            for answer in answers {
                found.push(answer?);
            }
            let free = found.iter().skip_while(|bytes| bytes.is_some());
            let has_ended = free.clone().count() >= FREE && free.clone().all(Option::is_none);
            let is_first_missing = found[0].is_none();
            for bytes in found.into_iter().map_while(|bytes| bytes) {
                self.push(&bytes)?;
            }
            if has_ended {
                break;
            }
            if is_first_missing {
                // It may have been created after it was asked for, and before the later ones were.
                self.require(store, next).await?;
            }
            count = MANY;
        }
        if self.tail.last.is_none() {
            return Err(LogError::Missing { name: slot_name(1) });
        }
        Ok(self.next_number() != begun_at)
    }

    /// Lets the hint say what is known of the log.
    pub(super) async fn tell_head(&mut self, store: &dyn Store) {
        self.head.number = self.next_number() - 1;
        checkpoint::write_head(store, &self.head).await;
    }

    async fn require(&mut self, store: &dyn Store, number: u64) -> Result<(), LogError> {
        match store.read(&slot_name(number)).await? {
            Some(bytes) => self.push(&bytes),
            None => Err(LogError::Gap {
                name: slot_name(number),
            }),
        }
    }

    /// Takes the next slot, as it is stored.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), LogError> {
        self.tail.push(&self.header.lineage, bytes)?;
        for slot in self.tail.slots.drain(..) {
            // In a log the later line of a fingerprint holds.
            slot.records
                .into_iter()
                .for_each(|record| self.records.insert(record));
        }
        if let Some((last, _)) = &self.tail.last {
            self.header.listed.clone_from(&last.listed_until);
        }
        self.slots += 1;
        self.bytes += bytes.len();
        Ok(())
    }

    fn next_number(&self) -> u64 {
        self.tail
            .last
            .as_ref()
            .map_or(1, |(last, _)| last.number + 1)
    }

    /// Which state it is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Refuses a state that is not the one that is wanted.
    pub(in crate::state) fn check_is(&self, expected: Expected<'_>) -> Result<(), Failure> {
        let other = |what, found: &str, expected: &str| Failure::OtherState {
            what,
            found: found.to_owned(),
            expected: expected.to_owned(),
        };
        let Header {
            lineage, target, ..
        } = &self.header;
        if target != expected.target {
            return Err(other("target", target, expected.target));
        }
        match expected.lineage {
            Some(wanted) if wanted != lineage => {
                Err(other("lineage", lineage.as_str(), wanted.as_str()))
            }
            _ => Ok(()),
        }
    }

    /// What every run keeps to.
    pub fn terms(&self) -> Terms {
        self.format.terms()
    }

    /// The last slot and its digest.
    pub(super) fn last(&self) -> Option<(&SlotHeader, Digest)> {
        self.tail
            .last
            .as_ref()
            .map(|(last, digest)| (last, *digest))
    }

    /// How the last slot leaves the log.
    pub fn standing(&self) -> Standing {
        self.last().map_or(Standing::Free, |(last, _)| last.into())
    }

    /// The run that owns the log, as far as the log says.
    pub fn holder(&self) -> Option<&Holder> {
        let (last, _) = self.last()?;
        matches!(Standing::from(last), Standing::Held(_)).then_some(&last.holder)
    }

    /// The end of what was read.
    pub fn position(&self) -> Option<Position> {
        let (last, digest) = self.last()?;
        Some(Position {
            number: last.number,
            digest,
        })
    }

    /// Whether the log still contains that place: it does not, if it was cut off or replaced.
    pub async fn check(&self, store: &dyn Store, place: &Position) -> Result<(), LogError> {
        let name = slot_name(place.number);
        let is_short = self.next_number() <= place.number;
        let found = if is_short {
            None
        } else {
            store.read(&name).await?
        };
        if found.is_some_and(|bytes| Digest::of(&bytes) == place.digest) {
            return Ok(());
        }
        Err(LogError::Backwards { name })
    }
}
