//! Inventories as input: a `manifest.json` and the files that it names, all in the bucket.

use std::fs::File;
use std::io::{self, BufReader, Read};

use md5::{Digest, Md5};

use super::{ScanError, passes, read, read_list};
use crate::api::objects::{Budget, DataFile, Inventory, MANIFEST_LIMIT, Row};
use crate::api::request::TimeInterval;
use crate::service::bucket::Bucket;
use crate::stop::StopFlag;

/// How much of a file is read at once.
const BUFFER: usize = 256 * 1024;

/// Checks all files before the first object is handed out: nothing is run for a damaged inventory.
pub(super) fn scan(
    bucket: &Bucket,
    reference: &str,
    interval: TimeInterval,
    budget: &Budget,
    mut take: impl FnMut(String) -> bool,
) -> Result<(), ScanError> {
    let (name, manifest) = read_list(bucket, reference)?;
    let mut text = Vec::new();
    manifest
        .take(MANIFEST_LIMIT as u64 + 1)
        .read_to_end(&mut text)?;
    let inventory =
        Inventory::parse(&bucket.name, &text).map_err(|problem| ScanError::list(&name, problem))?;
    for data in &inventory.files {
        check(bucket, data, budget.stop())?;
    }
    for data in &inventory.files {
        let stored = BufReader::with_capacity(BUFFER, read(bucket, &data.key)?.1);
        let mut rows = inventory.columns.rows(stored, budget);
        while let Some(row) = rows
            .next_row()
            .map_err(|problem| ScanError::list(&data.key, problem))?
        {
            if is_in(bucket, &row, interval)? && !take(row.key.into_owned()) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The inventory's own word saves a look at each file.
fn is_in(bucket: &Bucket, row: &Row<'_>, interval: TimeInterval) -> Result<bool, ScanError> {
    match row.uploaded {
        Some(uploaded) => Ok(interval.contains(uploaded)),
        None => passes(bucket, &row.key, interval),
    }
}

/// The file is there, and is the one that the manifest means.
fn check(bucket: &Bucket, data: &DataFile, stop: &StopFlag) -> Result<(), ScanError> {
    let (object, mut file) = read(bucket, &data.key)?;
    let problem = |problem| ScanError::list(&data.key, problem);
    data.check_size(object.size).map_err(problem)?;
    if data.has_md5() {
        let digest = digest(&mut file, stop)?;
        data.check_md5(&digest).map_err(problem)?;
    }
    Ok(())
}

fn digest(file: &mut File, stop: &StopFlag) -> io::Result<[u8; 16]> {
    let mut digest = Md5::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        stop.check()?;
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finalize().into()),
            count => digest.update(&buffer[..count]),
        }
    }
}
