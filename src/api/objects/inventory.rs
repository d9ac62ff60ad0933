//! COS inventories: a `manifest.json` and the gzip CSV files that it names.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{ByteRecord, Reader, ReaderBuilder};
use data_encoding::HEXLOWER;
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use percent_encoding::percent_decode;
use serde::Deserialize;
use serde_json::Value;

use super::{Budget, ListProblem, check_key_length};
use crate::api::name::BucketName;

/// The largest `manifest.json` in bytes: a hundred thousand files.
pub const MANIFEST_LIMIT: usize = 32 * 1024 * 1024;

/// The longest row of a data file, as far as it is read at all.
const ROW_LIMIT: usize = 1024 * 1024;

/// How much of a data file is unpacked at once.
const BUFFER: usize = 256 * 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    source_appid: Option<String>,
    source_bucket: Option<String>,
    file_format: String,
    file_schema: String,
    files: Vec<DataFile>,
}

/// One data file, as the manifest describes it.
#[derive(Debug, Clone, Deserialize)]
pub struct DataFile {
    /// Its key.
    pub key: String,
    /// A number that the documents print as a text.
    size: Option<Value>,
    #[serde(rename = "md5Checksum")]
    md5: Option<String>,
}

/// A manifest that was read.
#[derive(Debug)]
pub struct Inventory {
    /// Its data files.
    pub files: Vec<DataFile>,
    /// How their rows are read.
    pub columns: Columns,
}

/// Where the columns that matter stand in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    key: usize,
    size: Option<usize>,
    uploaded: Option<usize>,
    is_latest: Option<usize>,
    is_delete_marker: Option<usize>,
}

/// One object of an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its key.
    pub key: Cow<'a, str>,
    /// When it was uploaded in whole seconds, where the inventory says so.
    pub uploaded: Option<Timestamp>,
    /// How many bytes it has, where the inventory says so.
    pub size: Option<u64>,
}

impl Inventory {
    /// Reads a `manifest.json` that lies in `bucket` and must be about it.
    pub fn parse(bucket: &BucketName, text: &[u8]) -> Result<Self, ListProblem> {
        if text.len() > MANIFEST_LIMIT {
            let problem = format!("larger than {MANIFEST_LIMIT} bytes");
            return Err(ListProblem::whole(problem));
        }
        let manifest: Manifest =
            serde_json::from_slice(text).map_err(|error| no_manifest(&error))?;
        if !manifest.file_format.eq_ignore_ascii_case("CSV") {
            let problem = "its `fileFormat` is not CSV, the only one that can be read";
            return Err(ListProblem::whole(problem));
        }
        if let (Some(name), Some(app_id)) = (&manifest.source_bucket, &manifest.source_appid) {
            let source = format!("{name}-{app_id}");
            if source != bucket.as_str() && name != bucket.as_str() {
                return Err(ListProblem::whole("the inventory of another bucket"));
            }
        }
        let mut keys = HashSet::new();
        for (index, file) in manifest.files.iter().enumerate() {
            let number = index + 1;
            check_key_length(&file.key).map_err(|problem| {
                ListProblem::whole(format!("data file {number}: its {problem}"))
            })?;
            if !keys.insert(file.key.as_str()) {
                let problem = format!("data file {number} is named before");
                return Err(ListProblem::whole(problem));
            }
        }
        let columns = Columns::of(&manifest.file_schema)
            .ok_or_else(|| ListProblem::whole("`fileSchema` has no column Key"))?;
        Ok(Self {
            files: manifest.files,
            columns,
        })
    }
}

/// Says what is wrong without the words of the object: a plan is shown to people who may not read it.
fn no_manifest(error: &serde_json::Error) -> ListProblem {
    let problem = if error.is_data() {
        "a field is missing, or not what it is in an inventory"
    } else {
        "it is not JSON"
    };
    ListProblem::at(
        error.line() as u64,
        format!("no inventory's manifest: {problem}"),
    )
}

impl DataFile {
    /// Whether a file of this size is the one that is meant.
    pub fn check_size(&self, size: u64) -> Result<(), ListProblem> {
        let stated = self.size.as_ref().and_then(|stated| match stated {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        });
        if self.size.is_some() && stated != Some(size) {
            let problem = format!("{size} bytes, which is not what the manifest says");
            return Err(ListProblem::whole(problem));
        }
        Ok(())
    }

    /// Whether its content has to be hashed.
    pub fn has_md5(&self) -> bool {
        self.md5.is_some()
    }

    /// Whether a file with this MD5 is the one that is meant.
    pub fn check_md5(&self, digest: &[u8]) -> Result<(), ListProblem> {
        match &self.md5 {
            Some(stated) if !stated.eq_ignore_ascii_case(&HEXLOWER.encode(digest)) => {
                Err(ListProblem::whole("its MD5 is not what the manifest says"))
            }
            _ => Ok(()),
        }
    }
}

/// The rows of a data file whose objects are there and are no placeholders.
#[derive(Debug)]
pub struct Rows<'a, R> {
    columns: Columns,
    budget: &'a Budget,
    reader: Reader<Bounded<'a, R>>,
    row: ByteRecord,
    since_row: Rc<Cell<usize>>,
}

impl<R: Read> Rows<'_, R> {
    /// The next object; `None` at the end of the file.
    pub fn next_row(&mut self) -> Result<Option<Row<'_>>, ListProblem> {
        let line = loop {
            let line = self.reader.position().line();
            let read = self.reader.read_byte_record(&mut self.row);
            if !read.map_err(|error| ListProblem::at(line, error.to_string()))? {
                return Ok(None);
            }
            self.since_row.set(0);
            self.budget.spend_row()?;
            if self.columns.is_wanted(&self.row) {
                break line;
            }
        };
        let row = self.columns.row(&self.row);
        row.map(Some)
            .map_err(|problem| ListProblem::at(line, problem))
    }
}

/// A reader that fails rather than let one row fill the memory, or all rows take unbounded time.
#[derive(Debug)]
struct Bounded<'a, R> {
    budget: &'a Budget,
    reader: MultiGzDecoder<R>,
    /// How many bytes were read since the last row was complete.
    since_row: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.budget.spend_bytes(count)?;
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
    /// Reads the rows of a data file, from the bytes as they are stored.
    pub fn rows<R: Read>(self, stored: R, budget: &Budget) -> Rows<'_, R> {
        let since_row = Rc::new(Cell::new(0));
        let unpacked = Bounded {
            budget,
            reader: MultiGzDecoder::new(stored),
            since_row: Rc::clone(&since_row),
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER)
            .from_reader(unpacked);
        Rows {
            columns: self,
            budget,
            reader,
            row: ByteRecord::new(),
            since_row,
        }
    }

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
            size: place("Size"),
            uploaded: place("LastModifiedDate"),
            is_latest: place("IsLatest"),
            is_delete_marker: place("IsDeleteMarker"),
        })
    }

    /// Whether the row is about an object that is there now and is no placeholder.
    fn is_wanted(&self, row: &ByteRecord) -> bool {
        let is = |place, word: &str| {
            field(row, place).is_some_and(|value| value.eq_ignore_ascii_case(word.as_bytes()))
        };
        let key = field(row, Some(self.key)).unwrap_or_default();
        // The slash may be encoded.
        let end = key.len().saturating_sub(3);
        let end = percent_decode(&key[end..]).last();
        !is(self.is_delete_marker, "true") && !is(self.is_latest, "false") && end != Some(b'/')
    }

    /// The object of a row; the error says what is wrong with it.
    fn row<'a>(&self, row: &'a ByteRecord) -> Result<Row<'a>, String> {
        let key = field(row, Some(self.key)).filter(|key| !key.is_empty());
        let key = percent_decode(key.ok_or("no key")?).decode_utf8();
        let key = key.map_err(|_| "the key is not UTF-8")?;
        check_key_length(&key).map_err(|problem| format!("the {problem}"))?;
        let size = field(row, self.size).and_then(|text| std::str::from_utf8(text).ok());
        Ok(Row {
            key,
            uploaded: field(row, self.uploaded).and_then(parse_moment),
            size: size.and_then(|text| text.trim().parse().ok()),
        })
    }
}

fn field(row: &ByteRecord, place: Option<usize>) -> Option<&[u8]> {
    place.and_then(|place| row.get(place))
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
        assert_eq!((columns.size, columns.is_latest), (Some(3), None));
        assert_eq!(Columns::of("Appid, Bucket"), None);
    }
}
