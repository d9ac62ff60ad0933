//! Lists of object URLs as input.

use std::fs::File;
use std::io::{BufReader, Seek};

use super::{ScanError, passes, read_list};
use crate::api::objects::{Budget, UrlList};
use crate::api::request::TimeInterval;
use crate::service::bucket::Bucket;

/// Reads the list twice: nothing is run for a list that has a mistake further down.
pub(super) fn scan(
    bucket: &Bucket,
    reference: &str,
    interval: TimeInterval,
    budget: &Budget,
    mut take: impl FnMut(String) -> bool,
) -> Result<(), ScanError> {
    let (name, mut file) = read_list(bucket, reference)?;
    for key in keys(bucket, budget, &file) {
        key.map_err(|problem| ScanError::list(&name, problem))?;
    }
    file.rewind()?;
    let budget = budget.whole_again();
    for key in keys(bucket, &budget, &file) {
        let key = key.map_err(|problem| ScanError::list(&name, problem))?;
        if passes(bucket, &key, interval)? && !take(key) {
            break;
        }
    }
    Ok(())
}

fn keys<'a>(
    bucket: &'a Bucket,
    budget: &'a Budget,
    file: &'a File,
) -> UrlList<'a, BufReader<&'a File>> {
    UrlList::new(
        &bucket.name,
        budget,
        BufReader::with_capacity(64 * 1024, file),
    )
}
