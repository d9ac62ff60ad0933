//! Inventories as input: a `manifest.json` and the files that it names, all in the bucket.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;

use md5::{Digest, Md5};

use super::{ScanError, find_list, passes};
use crate::api::objects::{DataFile, Inventory, MANIFEST_LIMIT, Row};
use crate::api::request::TimeInterval;
use crate::service::bucket::Bucket;

/// How much of a file is read at once.
const BUFFER: usize = 256 * 1024;

/// Checks all files before the first object is handed out: nothing is run for a damaged inventory.
pub(super) fn scan(
    bucket: &Bucket,
    reference: &str,
    interval: TimeInterval,
    mut take: impl FnMut(String) -> bool,
) -> Result<(), ScanError> {
    let (file, path) = find_list(bucket, reference)?;
    let mut text = Vec::new();
    File::open(path)?
        .take(MANIFEST_LIMIT as u64 + 1)
        .read_to_end(&mut text)?;
    let inventory =
        Inventory::parse(&bucket.name, &text).map_err(|problem| ScanError::list(&file, problem))?;
    let mut paths = Vec::new();
    for data in &inventory.files {
        paths.push(check(bucket, data)?);
    }
    for (data, path) in inventory.files.iter().zip(paths) {
        let stored = BufReader::with_capacity(BUFFER, File::open(path)?);
        let mut rows = inventory.columns.rows(stored);
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
fn check(bucket: &Bucket, data: &DataFile) -> Result<PathBuf, ScanError> {
    let path = bucket.path(&data.key).filter(|path| path.is_file());
    let path = path.ok_or_else(|| ScanError::NotFound(data.key.clone()))?;
    let problem = |problem| ScanError::list(&data.key, problem);
    data.check_size(path.metadata()?.len()).map_err(problem)?;
    if data.has_md5() {
        let mut digest = Md5::new();
        let mut file = BufReader::with_capacity(BUFFER, File::open(&path)?);
        io::copy(&mut file, &mut DigestWriter(&mut digest))?;
        data.check_md5(&digest.finalize()).map_err(problem)?;
    }
    Ok(path)
}

struct DigestWriter<'a>(&'a mut Md5);

impl io::Write for DigestWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
