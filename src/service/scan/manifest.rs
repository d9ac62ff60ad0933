//! COS inventories: a `manifest.json` and the gzip CSV files that it names.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};
use data_encoding::HEXLOWER;
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use md5::{Digest, Md5};
use percent_encoding::percent_decode;
use serde::Deserialize;
use serde_json::Value;

use super::reference::resolve;
use super::{ScanError, passes};
use crate::api::request::TimeInterval;
use crate::service::bucket::Bucket;

/// The largest `manifest.json`: a hundred thousand files.
const MANIFEST_LIMIT: u64 = 32 * 1024 * 1024;

/// The longest row of a data file, as far as it is read at all.
const ROW_LIMIT: usize = 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    source_appid: Option<String>,
    source_bucket: Option<String>,
    file_format: String,
    file_schema: String,
    files: Vec<DataFile>,
}

#[derive(Debug, Deserialize)]
struct DataFile {
    key: String,
    /// A number that the documents print as a text.
    size: Option<Value>,
    #[serde(rename = "md5Checksum")]
    md5: Option<String>,
}

/// Where the columns that matter stand in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    key: usize,
    uploaded: Option<usize>,
    is_latest: Option<usize>,
    is_delete_marker: Option<usize>,
}

/// Checks all files before the first object is handed out: nothing is run for a damaged inventory.
pub(super) fn scan(
    bucket: &Bucket,
    reference: &str,
    interval: TimeInterval,
    mut take: impl FnMut(String) -> bool,
) -> Result<(), ScanError> {
    let file = resolve(&bucket.name, reference)
        .map_err(|problem| ScanError::list(reference, None, format!("this {problem}")))?;
    let manifest = read_manifest(bucket, &file)?;
    let columns = Columns::of(&manifest.file_schema)
        .ok_or_else(|| ScanError::list(&file, None, "`fileSchema` has no column Key"))?;
    let mut paths = Vec::new();
    for data in &manifest.files {
        paths.push(check(bucket, data)?);
    }
    for (data, path) in manifest.files.iter().zip(paths) {
        let mut wanted = |row: &ByteRecord| match columns.wanted(bucket, row, interval)? {
            Some(key) => Ok(take(key)),
            None => Ok(true),
        };
        if !read_rows(&data.key, &path, &mut wanted)? {
            break;
        }
    }
    Ok(())
}

fn read_manifest(bucket: &Bucket, file: &str) -> Result<Manifest, ScanError> {
    let problem = |problem: String| ScanError::list(file, None, problem);
    let path = find(bucket, file)?;
    let mut text = Vec::new();
    File::open(path)?
        .take(MANIFEST_LIMIT + 1)
        .read_to_end(&mut text)?;
    if text.len() as u64 > MANIFEST_LIMIT {
        return Err(problem(format!("larger than {MANIFEST_LIMIT} bytes")));
    }
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| problem(format!("no inventory's manifest: {error}")))?;
    if !manifest.file_format.eq_ignore_ascii_case("CSV") {
        let format = &manifest.file_format;
        return Err(problem(format!(
            "its format is {format}; only CSV can be read"
        )));
    }
    if let (Some(name), Some(app_id)) = (&manifest.source_bucket, &manifest.source_appid) {
        let source = format!("{name}-{app_id}");
        if source != bucket.name.as_str() && name != bucket.name.as_str() {
            return Err(problem(format!(
                "the inventory of another bucket, {source}"
            )));
        }
    }
    Ok(manifest)
}

fn find(bucket: &Bucket, key: &str) -> Result<PathBuf, ScanError> {
    let path = bucket.path(key).filter(|path| path.is_file());
    path.ok_or_else(|| ScanError::NotFound(key.to_owned()))
}

/// The file is there, and is the one that the manifest means.
fn check(bucket: &Bucket, data: &DataFile) -> Result<PathBuf, ScanError> {
    let path = find(bucket, &data.key)?;
    let problem = |problem: String| ScanError::list(&data.key, None, problem);
    let size = path.metadata()?.len();
    let stated = data.size.as_ref().and_then(|stated| match stated {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    });
    if data.size.is_some() && stated != Some(size) {
        return Err(problem(format!(
            "{size} bytes, which is not what the manifest says"
        )));
    }
    if let Some(stated) = &data.md5 {
        let mut digest = Md5::new();
        let mut file = BufReader::with_capacity(256 * 1024, File::open(&path)?);
        io::copy(&mut file, &mut DigestWriter(&mut digest))?;
        if !stated.eq_ignore_ascii_case(&HEXLOWER.encode(&digest.finalize())) {
            return Err(problem("its MD5 is not what the manifest says".to_owned()));
        }
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

/// Hands each row to `take`, until that returns false, and says whether it never did.
fn read_rows(
    file: &str,
    path: &Path,
    take: &mut impl FnMut(&ByteRecord) -> Result<bool, RowError>,
) -> Result<bool, ScanError> {
    let since_row = Rc::new(Cell::new(0));
    let rows = Bounded {
        reader: MultiGzDecoder::new(BufReader::with_capacity(256 * 1024, File::open(path)?)),
        since_row: Rc::clone(&since_row),
    };
    let mut rows = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(256 * 1024)
        .from_reader(rows);
    let mut row = ByteRecord::new();
    loop {
        let line = rows.position().line();
        let problem = |problem: String| ScanError::list(file, Some(line), problem);
        if !rows
            .read_byte_record(&mut row)
            .map_err(|error| problem(error.to_string()))?
        {
            return Ok(true);
        }
        since_row.set(0);
        match take(&row) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(RowError::Content(text)) => return Err(problem(text)),
            Err(RowError::Scan(error)) => return Err(error),
        }
    }
}

/// Why a row is no use.
enum RowError {
    Content(String),
    Scan(ScanError),
}

/// A reader that fails rather than let one row fill the memory.
struct Bounded<R> {
    reader: R,
    /// How many bytes were read since the last row was complete.
    since_row: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.since_row.set(self.since_row.get() + count);
        if self.since_row.get() > ROW_LIMIT + buffer.len() {
            return Err(io::Error::other(format!(
                "a row is longer than {ROW_LIMIT} bytes"
            )));
        }
        Ok(count)
    }
}

impl Columns {
    /// The columns by their names, which `fileSchema` separates by commas and blanks.
    fn of(schema: &str) -> Option<Self> {
        let names: Vec<&str> = schema.split(',').map(str::trim).collect();
        let place = |wanted: &str| {
            names
                .iter()
                .position(|name| name.eq_ignore_ascii_case(wanted))
        };
        Some(Self {
            key: place("Key")?,
            uploaded: place("LastModifiedDate"),
            is_latest: place("IsLatest"),
            is_delete_marker: place("IsDeleteMarker"),
        })
    }

    /// The key of a row whose object is there, is no placeholder, and passes the filter.
    fn wanted(
        &self,
        bucket: &Bucket,
        row: &ByteRecord,
        interval: TimeInterval,
    ) -> Result<Option<String>, RowError> {
        let field = |place: Option<usize>| place.and_then(|place| row.get(place));
        let is = |place, word: &str| {
            field(place).is_some_and(|value| value.eq_ignore_ascii_case(word.as_bytes()))
        };
        if is(self.is_delete_marker, "true") || is(self.is_latest, "false") {
            return Ok(None);
        }
        let key = field(Some(self.key)).filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| RowError::Content("no key".to_owned()))?;
        let key = percent_decode(key).decode_utf8();
        let key = key.map_err(|_| RowError::Content("the key is not UTF-8".to_owned()))?;
        if key.ends_with('/') {
            return Ok(None);
        }
        // The inventory's own word saves a look at each file.
        let uploaded = field(self.uploaded).and_then(parse_moment);
        let passes = match uploaded {
            Some(uploaded) => interval.contains(uploaded),
            None => passes(bucket, &key, interval).map_err(RowError::Scan)?,
        };
        Ok(passes.then(|| key.into_owned()))
    }
}

/// In whole seconds, as upload times are.
fn parse_moment(text: &[u8]) -> Option<Timestamp> {
    let moment: Timestamp = std::str::from_utf8(text).ok()?.parse().ok()?;
    Timestamp::from_second(moment.as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn columns_are_found_by_name() {
        let columns = Columns::of("Appid, Bucket,key , Size, LastModifiedDate").unwrap();
        assert_eq!((columns.key, columns.uploaded), (2, Some(4)));
        assert_eq!(columns.is_latest, None);
        assert_eq!(Columns::of("Appid, Bucket"), None);
    }
}
