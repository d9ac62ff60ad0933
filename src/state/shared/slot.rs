//! One slot of a shared log: a header line, then lines of records as in a local log.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::state::header::Lineage;
use crate::state::line::{Line, LineError, decode, decode_object, encode, encode_into};
use crate::state::listed::Listed;
use crate::state::lock::Holder;
use crate::state::record::Record;

/// The format that this version writes, and the only one that it reads.
const FORMAT: &str = "stocktake.slot/1";
/// What the name of every format begins with.
const FORMAT_PREFIX: &str = "stocktake.slot/";
/// A slot is one call, without parts.
pub(super) const MAX_SLOT_BYTES: usize = 1 << 20;

/// SHA-256 of a slot as it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// That of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let decoded = HEXLOWER.decode(text.as_bytes()).ok();
        let bytes = decoded.and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("is not a SHA-256 digest"))
    }
}

/// The name of one acquisition: drawn for it, and never a host, a process or a run of a pipeline,
/// which may be the same twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Writer(String);

impl Writer {
    /// A new one.
    pub fn random() -> Self {
        Self(Uuid::new_v4().simple().to_string())
    }
}

/// What a slot does. A short owner does all of it in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The first slot: the log begins.
    Genesis,
    /// The writer takes the log over.
    Acquire,
    /// Records follow.
    Records,
    /// The writer is still there.
    Beat,
    /// The writer lets the log go.
    Release,
    /// The state has gone elsewhere: nothing follows.
    Moved,
}

/// The first line of a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotHeader {
    format: String,
    /// The state that it belongs to.
    pub lineage: Lineage,
    /// Its number, from 1.
    pub number: u64,
    /// Grows by one with each acquisition.
    pub epoch: u64,
    /// The acquisition that wrote it.
    pub writer: Writer,
    /// The run behind it, for people.
    pub holder: Holder,
    /// Until when every job of the service is known; what the slot before says, and more.
    #[serde(default, skip_serializing_if = "Listed::is_empty")]
    pub listed_until: Listed,
    /// What it does.
    pub kinds: BTreeSet<Kind>,
    /// The digest of the slot before; none for the first one.
    pub previous: Option<Digest>,
    /// Until when the writer owns the log, by the store's clock.
    pub until: Timestamp,
    /// How many records follow.
    pub records: usize,
}

/// A slot. Its bytes are made once, before its first create, and are what says whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The header.
    pub header: SlotHeader,
    /// What it records.
    pub records: Vec<Arc<Record>>,
}

/// Why a slot cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlotError {
    /// It is not what was written; the text completes the sentence "this slot …".
    #[error("{0}")]
    Damaged(String),
    /// A format that only a newer version knows.
    #[error("has the format `{0}`, which this version does not know")]
    NewerFormat(String),
}

impl Slot {
    /// A slot that does this, as the next one after `before`.
    pub fn new(
        lineage: &Lineage,
        before: Option<(&SlotHeader, Digest)>,
        (writer, holder): (&Writer, &Holder),
        kinds: impl IntoIterator<Item = Kind>,
        until: Timestamp,
        records: Vec<Arc<Record>>,
    ) -> Self {
        let kinds: BTreeSet<Kind> = kinds.into_iter().collect();
        let acquires = kinds.contains(&Kind::Acquire);
        let (number, epoch) = before.map_or((1, 0), |(header, _)| {
            (header.number + 1, header.epoch + u64::from(acquires))
        });
        Self {
            header: SlotHeader {
                format: FORMAT.to_owned(),
                lineage: lineage.clone(),
                number,
                epoch,
                writer: writer.clone(),
                holder: holder.clone(),
                listed_until: before
                    .map(|(header, _)| header.listed_until.clone())
                    .unwrap_or_default(),
                kinds,
                previous: before.map(|(_, digest)| digest),
                until,
                records: records.len(),
            },
            records,
        }
    }

    /// The same slot, from which on more is known of the service's jobs.
    #[must_use]
    pub(super) fn with_listed(mut self, listed: &Listed) -> Self {
        self.header.listed_until.extend(listed);
        self
    }

    /// The slot as it is stored. What the reader would refuse is never written.
    pub fn encode(&self) -> Result<Vec<u8>, SlotError> {
        let damaged = |error: serde_json::Error| SlotError::Damaged(error.to_string());
        let mut bytes = encode(&self.header).map_err(damaged)?;
        for record in &self.records {
            encode_into(&mut bytes, record).map_err(damaged)?;
        }
        if bytes.len() > MAX_SLOT_BYTES {
            let problem = format!("is larger than {MAX_SLOT_BYTES} bytes");
            return Err(SlotError::Damaged(problem));
        }
        let read = Self::decode(self.header.number, &bytes)?;
        if read != *self {
            return Err(SlotError::Damaged("does not read back".to_owned()));
        }
        Ok(bytes)
    }

    /// Reads the slot that is stored under this number.
    pub fn decode(number: u64, bytes: &[u8]) -> Result<Self, SlotError> {
        let damaged = |problem: &str| SlotError::Damaged(problem.to_owned());
        let text = bytes.strip_suffix(b"\n");
        let text = text.ok_or_else(|| damaged("was not stored to its end"))?;
        let mut lines = text.split(|byte| *byte == b'\n');
        let header = lines.next().unwrap_or_default();
        check_format(header)?;
        let header: SlotHeader = decode_object(header).map_err(SlotError::from)?;
        let mut records = Vec::new();
        for line in lines {
            match decode(line).map_err(SlotError::from)? {
                Line::Record(record) => records.push(record),
                Line::Header(_) => return Err(damaged("holds the header of a local state")),
            }
        }
        if header.number != number {
            let problem = format!("is number {}, under the name of {number}", header.number);
            return Err(SlotError::Damaged(problem));
        }
        if header.records != records.len() {
            let (found, promised) = (records.len(), header.records);
            let problem = format!("holds {found} records, and its header says {promised}");
            return Err(SlotError::Damaged(problem));
        }
        Ok(Self { header, records })
    }
}

impl From<LineError> for SlotError {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Damaged(problem) => {
                Self::Damaged(format!("is not what was stored: a line of it {problem}"))
            }
            LineError::NewerFormat(format) => Self::NewerFormat(format),
        }
    }
}

/// Looks at the format before anything else: a newer one may be checked and written differently.
fn check_format(line: &[u8]) -> Result<(), SlotError> {
    #[derive(Deserialize)]
    struct Format {
        format: String,
    }
    match serde_json::from_slice::<Format>(line) {
        Ok(Format { format }) if format == FORMAT => Ok(()),
        Ok(Format { format }) if format.starts_with(FORMAT_PREFIX) => {
            Err(SlotError::NewerFormat(format))
        }
        _ => Err(SlotError::Damaged(
            "does not begin with a header".to_owned(),
        )),
    }
}
