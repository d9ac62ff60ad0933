//! What is said about a state as a whole.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::hint::pasteable;
use super::table::count;
use super::ui::style::{FAINT, GOOD};
use crate::report::json::write as write_json;
use crate::schema;
use crate::state::shared::ownership::Terms;
use crate::state::{Lineage, Verified};

/// The format that [`verified_json`] writes.
const FORMAT: &str = "stocktake.verified/1";

/// Says that an empty state was begun.
pub fn begun(out: &mut dyn Write, place: &dyn Display) -> io::Result<()> {
    writeln!(out, "{GOOD}created{GOOD:#}  {place}")?;
    writeln!(
        out,
        "Commit it: it is the only memory of what was submitted."
    )
}

/// Says that an empty shared state was begun.
pub fn shared_begun(out: &mut dyn Write, place: &dyn Display, terms: &Terms) -> io::Result<()> {
    writeln!(out, "{GOOD}created{GOOD:#}  {place}")?;
    writeln!(
        out,
        "Let nothing delete or overwrite what is in it: it is the only memory of what was submitted. \
         A run that dies is waited for {:?}.",
        terms.lease
    )
}

/// Reports that a state is intact, and what is in it.
pub fn verified(out: &mut dyn Write, place: &dyn Display, verified: &Verified) -> io::Result<()> {
    let records = count(verified.records.len(), "record", "records");
    writeln!(out, "{GOOD}ok{GOOD:#}  {place}: {records}")?;
    let lineage = &verified.header.lineage;
    writeln!(out, "{FAINT}lineage {lineage}{FAINT:#}")?;
    let unresolved = unresolved(verified);
    if unresolved > 0 {
        let jobs = count(unresolved, "job is", "jobs are");
        let hint = pasteable("`stocktake apply` looks them up");
        writeln!(out, "{jobs} unresolved; {hint}")?;
    }
    if verified.lines > verified.records.len() {
        let lines = count(verified.lines, "line", "lines");
        writeln!(out, "in {lines}; the next apply compacts the file")?;
    }
    if !verified.ends_well {
        writeln!(
            out,
            "The last line was not written to its end, by a run that was killed; nothing depends on it."
        )?;
    }
    Ok(())
}

/// What `stocktake state verify --format json` prints.
// Members stand in the order of their names, where programs found them from the first version on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "stocktake verified state")]
struct Document<'a> {
    /// Whether the last line is whole; one that is not belongs to a run that was killed, and nothing
    /// depends on it.
    ends_well: bool,
    /// The version of this format; fields are added to it, and never changed.
    #[schemars(extend("const" = FORMAT))]
    format: &'static str,
    /// The state's own name, which tells it from one that was begun again.
    #[schemars(with = "String")]
    lineage: &'a Lineage,
    /// In how many lines the records stand; more than there are records after a merge, or when the last
    /// run was killed.
    lines: usize,
    /// The file.
    path: Cow<'a, str>,
    /// How many pieces of work are recorded.
    records: usize,
    /// The target whose jobs are recorded.
    target: &'a str,
    /// How many of the records have an attempt of unknown end; `stocktake apply` looks them up.
    unresolved: usize,
}

/// Says the same for programs.
pub fn verified_json(
    out: &mut dyn Write,
    place: &dyn Display,
    verified: &Verified,
) -> io::Result<()> {
    let document = Document {
        ends_well: verified.ends_well,
        format: FORMAT,
        lineage: &verified.header.lineage,
        lines: verified.lines,
        path: place.to_string().into(),
        records: verified.records.len(),
        target: &verified.header.target,
        unresolved: unresolved(verified),
    };
    write_json(out, &document)
}

/// The schema of what [`verified_json`] writes.
pub fn verified_schema_json() -> Value {
    schema::of::<Document<'_>>()
}

/// How many records have an attempt of unknown end.
fn unresolved(verified: &Verified) -> usize {
    let records = verified.records.iter();
    let unresolved = records.filter(|record| record.unresolved().is_some());
    unresolved.count()
}
