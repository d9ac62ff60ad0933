//! What is said about a state as a whole.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::table::count;
use super::ui::style::{FAINT, GOOD};
use crate::state::Verified;

/// Says that an empty state was begun.
pub fn begun(out: &mut dyn Write, path: &Path) -> io::Result<()> {
    writeln!(out, "{GOOD}begun{GOOD:#}  {}", path.display())?;
    writeln!(
        out,
        "Commit it: it is the only memory of what was submitted."
    )
}

/// Says that a state is right, and what is in it.
pub fn verified(out: &mut dyn Write, path: &Path, verified: &Verified) -> io::Result<()> {
    let records = count(verified.records.len(), "record", "records");
    writeln!(out, "{GOOD}right{GOOD:#}  {}: {records}", path.display())?;
    let lineage = &verified.header.lineage;
    writeln!(out, "{FAINT}lineage {lineage}{FAINT:#}")?;
    let unresolved = verified.records.iter();
    let unresolved = unresolved
        .filter(|record| record.unresolved().is_some())
        .count();
    if unresolved > 0 {
        let jobs = count(unresolved, "job is", "jobs are");
        writeln!(out, "{jobs} unresolved; `stocktake apply` looks them up")?;
    }
    if verified.lines > verified.records.len() {
        let lines = count(verified.lines, "line", "lines");
        writeln!(
            out,
            "{lines} say it; the next apply joins those about the same work"
        )?;
    }
    if !verified.ends_well {
        writeln!(
            out,
            "The last line was not written to its end, by a run that was killed; nothing depends on it."
        )?;
    }
    Ok(())
}

/// Says the same for programs.
pub fn verified_json(out: &mut dyn Write, path: &Path, verified: &Verified) -> io::Result<()> {
    let records = verified.records.iter();
    let unresolved = records.filter(|record| record.unresolved().is_some());
    let document = json!({
        "format": "stocktake.verified/1",
        "path": path,
        "target": verified.header.target,
        "lineage": verified.header.lineage,
        "records": verified.records.len(),
        "lines": verified.lines,
        "unresolved": unresolved.count(),
        "ends_well": verified.ends_well,
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
