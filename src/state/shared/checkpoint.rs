//! Checkpoints: all records as of a slot, so that the slots before need not be read, and the hint
//! that leads to one.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::log::LogError;
use super::slot::Digest;
use super::store::Store;
use crate::state::header::Lineage;
use crate::state::line::{Line, LineError, decode, decode_object, encode, encode_into};
use crate::state::records::Records;

const FORMAT: &str = "stocktake.checkpoint/1";
/// What the names of all begin with.
const FOLDER: &str = "checkpoint/";
/// The hint: an object that may be overwritten, be old, or be missing.
const HEAD: &str = "head";
/// Some three million records.
const SIZE_LIMIT: u64 = 1 << 30;

/// The first line of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointHeader {
    format: String,
    lineage: Lineage,
    /// The slot up to which it tells.
    number: u64,
    /// What is stored under that number.
    slot: Digest,
    records: usize,
}

/// All records as of a slot.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) number: u64,
    pub(super) slot: Digest,
    pub(super) records: Records,
}

/// What the hint says. It may be old or missing, and is never ahead of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// A slot that is in the log: one that ends before it was cut off.
    pub(super) number: u64,
    /// A checkpoint.
    pub(super) checkpoint: Option<String>,
}

/// The name and the bytes of a checkpoint; the name holds the digest of its text.
pub(super) fn encode_checkpoint(
    lineage: &Lineage,
    number: u64,
    slot: Digest,
    records: &Records,
) -> std::io::Result<(String, Vec<u8>)> {
    let header = CheckpointHeader {
        format: FORMAT.to_owned(),
        lineage: lineage.clone(),
        number,
        slot,
        records: records.len(),
    };
    let mut text = encode(&header)?;
    for record in records.iter() {
        encode_into(&mut text, record)?;
    }
    let name = format!("{FOLDER}{number:020}-{}", Digest::of(&text));
    let mut compressed = GzEncoder::new(Vec::new(), Compression::default());
    compressed.write_all(&text)?;
    Ok((name, compressed.finish()?))
}

/// Reads the hint, or makes one that names the newest checkpoint.
pub(super) async fn read_head(store: &dyn Store) -> Result<Head, LogError> {
    let head = store.read(HEAD).await?;
    if let Some(head) = head.and_then(|bytes| serde_json::from_slice::<Head>(&bytes).ok()) {
        let checkpoint = head.checkpoint.filter(|name| name.starts_with(FOLDER));
        return Ok(Head { checkpoint, ..head });
    }
    Ok(Head {
        number: 0,
        checkpoint: store.list(FOLDER).await?.pop(),
    })
}

/// Reads the checkpoint that the hint names; none if it names none.
pub(super) async fn read_checkpoint(
    store: &dyn Store,
    lineage: &Lineage,
    head: &Head,
) -> Result<Option<Checkpoint>, LogError> {
    let Some(name) = head.checkpoint.clone() else {
        return Ok(None);
    };
    let bytes = store.read(&name).await?;
    let bytes = bytes.ok_or_else(|| LogError::Missing { name: name.clone() })?;
    decode_checkpoint(&name, &bytes, lineage).map(Some)
}

/// Writes the hint, as well as that can be done.
pub(super) async fn write_head(store: &dyn Store, head: &Head) {
    let written = match serde_json::to_vec(head) {
        Ok(bytes) => store.write_hint(HEAD, &bytes).await,
        Err(_) => return,
    };
    if let Err(error) = written {
        tracing::debug!(%error, "the hint is not written");
    }
}

fn decode_checkpoint(name: &str, bytes: &[u8], lineage: &Lineage) -> Result<Checkpoint, LogError> {
    let damaged = |problem: String| LogError::Damaged {
        name: name.to_owned(),
        problem,
    };
    let mut text = Vec::new();
    let limited = GzDecoder::new(bytes)
        .take(SIZE_LIMIT + 1)
        .read_to_end(&mut text);
    limited.map_err(|error| damaged(format!("it cannot be unpacked: {error}")))?;
    if text.len() as u64 > SIZE_LIMIT {
        return Err(damaged(format!("it is larger than {SIZE_LIMIT} bytes")));
    }
    if !name.ends_with(&Digest::of(&text).to_string()) {
        return Err(damaged(
            "its text is not the one that its name tells".to_owned(),
        ));
    }
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    let mut lines = text.split(|byte| *byte == b'\n');
    let of_line = |error: LineError| damaged(error.to_string());
    let header: CheckpointHeader =
        decode_object(lines.next().unwrap_or_default()).map_err(of_line)?;
    if header.format != FORMAT {
        return Err(LogError::NewerFormat {
            name: name.to_owned(),
            found: header.format,
        });
    }
    if header.lineage != *lineage {
        return Err(LogError::WrongLineage {
            name: name.to_owned(),
            found: header.lineage,
            expected: lineage.clone(),
        });
    }
    let mut records = Records::default();
    for line in lines {
        match decode(line).map_err(of_line)? {
            Line::Record(record) => records.insert(record),
            Line::Header(_) => return Err(damaged("it holds a second header".to_owned())),
        }
    }
    if records.len() != header.records {
        return Err(damaged(format!(
            "it holds {} records, and its header says {}",
            records.len(),
            header.records
        )));
    }
    Ok(Checkpoint {
        number: header.number,
        slot: header.slot,
        records,
    })
}
