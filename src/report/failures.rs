//! Which objects failed, for people and machines.

use std::io::{self, Write};

use serde_json::json;

use super::table::count;
use super::text::one_line;
use super::ui::style::{BAD, FAINT, GOOD, STRONG};
use crate::status::FailedObject;

/// Writes each failed object with its reason.
pub fn human(out: &mut dyn Write, failed: &[FailedObject]) -> io::Result<()> {
    if failed.is_empty() {
        return writeln!(out, "{GOOD}No object failed.{GOOD:#}");
    }
    for object in failed {
        writeln!(
            out,
            "{BAD}failed{BAD:#}  {}  {STRONG}{}{STRONG:#}",
            object.key, object.url
        )?;
        if let Some(message) = &object.message {
            writeln!(out, "        {FAINT}{}{FAINT:#}", one_line(message))?;
        }
    }
    writeln!(
        out,
        "{}",
        count(failed.len(), "object failed", "objects failed")
    )
}

/// Writes them as one JSON document.
pub fn json(out: &mut dyn Write, target: &str, failed: &[FailedObject]) -> io::Result<()> {
    let failures: Vec<_> = failed
        .iter()
        .map(|object| {
            json!({
                "key": object.key,
                "job_id": object.job_id,
                "workflow_id": object.workflow_id,
                "run_id": object.run_id,
                "url": object.url,
                "message": object.message,
            })
        })
        .collect();
    let document = json!({
        "format": "stocktake.failures/1",
        "target": target,
        "failures": failures,
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}
