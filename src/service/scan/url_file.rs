//! Lists of object URLs, one a line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::reference::{resolve, resolve_url};
use super::{ScanError, passes};
use crate::api::request::TimeInterval;
use crate::service::bucket::Bucket;

/// The longest line, in bytes: three for each byte of the longest key, and a signature.
const LINE_LIMIT: u64 = 8192;

/// Reads the list twice: nothing is run for a list that has a mistake further down.
pub(super) fn scan(
    bucket: &Bucket,
    reference: &str,
    interval: TimeInterval,
    mut take: impl FnMut(String) -> bool,
) -> Result<(), ScanError> {
    let file = resolve(&bucket.name, reference)
        .map_err(|problem| ScanError::list(reference, None, format!("this {problem}")))?;
    let path = bucket.path(&file).filter(|path| path.is_file());
    let path = path.ok_or_else(|| ScanError::NotFound(file.clone()))?;
    read(bucket, &file, &path, |_| Ok(true))?;
    read(bucket, &file, &path, |key| {
        Ok(!passes(bucket, &key, interval)? || take(key))
    })
}

/// Hands the key of each line to `take`, until that returns false.
fn read(
    bucket: &Bucket,
    file: &str,
    path: &Path,
    mut take: impl FnMut(String) -> Result<bool, ScanError>,
) -> Result<(), ScanError> {
    let mut reader = BufReader::with_capacity(64 * 1024, File::open(path)?);
    let mut line = Vec::new();
    for number in 1.. {
        let problem = |problem: String| ScanError::list(file, Some(number), problem);
        line.clear();
        if (&mut reader)
            .take(LINE_LIMIT)
            .read_until(b'\n', &mut line)?
            == 0
        {
            break;
        }
        if line.len() as u64 == LINE_LIMIT && line.last() != Some(&b'\n') {
            return Err(problem(format!("longer than {LINE_LIMIT} bytes")));
        }
        let text = std::str::from_utf8(&line).map_err(|_| problem("not UTF-8".to_owned()))?;
        // Editors of one system begin a file with a mark of its encoding.
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            continue;
        }
        let key = resolve_url(&bucket.name, text);
        let key = key.map_err(|error| problem(format!("this {error}")))?;
        // Placeholders that show a folder are no objects to run over.
        if !key.ends_with('/') && !take(key)? {
            break;
        }
    }
    Ok(())
}
