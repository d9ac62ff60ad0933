//! Lists of object URLs as input.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::{ScanError, find_list, passes};
use crate::api::objects::UrlList;
use crate::api::request::TimeInterval;
use crate::service::bucket::Bucket;

/// Reads the list twice: nothing is run for a list that has a mistake further down.
pub(super) fn scan(
    bucket: &Bucket,
    reference: &str,
    interval: TimeInterval,
    mut take: impl FnMut(String) -> bool,
) -> Result<(), ScanError> {
    let (file, path) = find_list(bucket, reference)?;
    for key in keys(bucket, &path)? {
        key.map_err(|problem| ScanError::list(&file, problem))?;
    }
    for key in keys(bucket, &path)? {
        let key = key.map_err(|problem| ScanError::list(&file, problem))?;
        if passes(bucket, &key, interval)? && !take(key) {
            break;
        }
    }
    Ok(())
}

fn keys<'a>(bucket: &'a Bucket, path: &Path) -> Result<UrlList<'a, BufReader<File>>, ScanError> {
    let reader = BufReader::with_capacity(64 * 1024, File::open(path)?);
    Ok(UrlList::new(&bucket.name, reader))
}
