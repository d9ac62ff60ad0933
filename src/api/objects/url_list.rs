//! Lists of object URLs, one a line.

use std::io::{BufRead, Read};

use super::reference::resolve_url;
use super::{Budget, ListProblem, is_placeholder};
use crate::api::name::BucketName;

/// The longest line, in bytes: three for each byte of the longest key, and a signature.
const LINE_LIMIT: u64 = 8192;

/// The keys of a list, line by line; placeholders of folders are left out.
#[derive(Debug)]
pub struct UrlList<'a, R> {
    bucket: &'a BucketName,
    budget: &'a Budget,
    reader: R,
    line: Vec<u8>,
    number: u64,
}

impl<'a, R: BufRead> UrlList<'a, R> {
    /// Reads `reader`, a list of objects of `bucket`.
    pub fn new(bucket: &'a BucketName, budget: &'a Budget, reader: R) -> Self {
        Self {
            bucket,
            budget,
            reader,
            line: Vec::new(),
            number: 0,
        }
    }

    fn step(&mut self) -> Result<Option<String>, ListProblem> {
        loop {
            self.line.clear();
            self.number += 1;
            let number = self.number;
            self.budget.spend_row()?;
            let read = (&mut self.reader)
                .take(LINE_LIMIT)
                .read_until(b'\n', &mut self.line);
            if read.map_err(|error| ListProblem::at(number, error.to_string()))? == 0 {
                return Ok(None);
            }
            if self.line.len() as u64 == LINE_LIMIT && self.line.last() != Some(&b'\n') {
                let problem = format!("longer than {LINE_LIMIT} bytes");
                return Err(ListProblem::at(number, problem));
            }
            let text = std::str::from_utf8(&self.line)
                .map_err(|_| ListProblem::at(number, "not UTF-8"))?;
            // Editors of one system begin a file with a mark of its encoding.
            let text = text.trim_start_matches('\u{feff}').trim();
            if text.is_empty() {
                continue;
            }
            let key = resolve_url(self.bucket, text)
                .map_err(|error| ListProblem::at(number, format!("this {error}")))?;
            if !is_placeholder(&key) {
                return Ok(Some(key));
            }
        }
    }
}

impl<R: BufRead> Iterator for UrlList<'_, R> {
    type Item = Result<String, ListProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
