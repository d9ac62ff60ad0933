//! What was taken into the account, and what was not.

mod json;

use std::io::{self, Write};
use std::path::Path;

use crate::adopt::Refusal;
use crate::api::time;
use crate::api::wire::JobDetail;
use crate::diagnostic::Diagnostic;
use crate::job::JobKey;
use crate::plain_text::printable;
use crate::plan::Change;
use crate::report::table::{self, Cell, grouped};
use crate::report::ui::style::{CHANGE, FAINT, GOOD, STRONG};
use crate::state::Record;

pub use json::{json, schema_json};

/// Jobs of the service that are named one by one; the others are counted.
const NAMED: usize = 20;

/// What adopting has led to.
#[derive(Debug, Default)]
pub struct Adoption<'a> {
    /// What was recorded.
    pub adopted: &'a [Record],
    /// Keys that were recorded as the named job already.
    pub known: &'a [JobKey],
    /// Jobs that did the work of a key again.
    pub repeated: &'a [(JobDetail, JobKey)],
    /// Jobs that no job of the files asks for.
    pub others: &'a [JobDetail],
    /// The job file that some of the adopted jobs were written to, and how many.
    pub written: Option<(&'a Path, usize)>,
}

/// Writes it for people.
pub fn human(out: &mut dyn Write, adoption: &Adoption<'_>) -> io::Result<()> {
    let row = |word: Cell, first: &str, rest: String| {
        vec![word, Cell::new(first, STRONG), Cell::plain(rest)]
    };
    let mut rows = Vec::new();
    for record in adoption.adopted {
        let job_id = record.accepted().map(|(_, job_id)| job_id.to_string());
        let word = Cell::new("adopted", GOOD);
        rows.push(row(word, record.key.as_str(), job_id.unwrap_or_default()));
    }
    for key in adoption.known {
        let word = Cell::new("known", FAINT);
        rows.push(row(word, key.as_str(), "recorded already".to_owned()));
    }
    for (job, key) in adoption.repeated {
        let word = Cell::new("again", CHANGE);
        rows.push(row(
            word,
            key.as_str(),
            format!("{} did the same work", job.job_id),
        ));
    }
    for job in adoption.others.iter().take(NAMED) {
        let created = job.created.map_or_else(|| "-".to_owned(), time::format);
        let name = if job.name.is_empty() { "-" } else { &job.name };
        let word = Cell::new("other", FAINT);
        rows.push(row(
            word,
            name,
            format!("{}  {}  {created}", job.job_id, job.state),
        ));
    }
    table::write(out, 0, &rows)?;
    if adoption.others.len() > NAMED {
        let more = grouped(adoption.others.len() - NAMED);
        writeln!(out, "{FAINT}and {more} more of other work{FAINT:#}")?;
    }
    let mut parts = vec![format!("{} adopted", grouped(adoption.adopted.len()))];
    for (number, words) in [
        (adoption.known.len(), "known"),
        (adoption.repeated.len(), "that did the same again"),
        (adoption.others.len(), "of other work"),
    ] {
        if number > 0 {
            parts.push(format!("{} {words}", grouped(number)));
        }
    }
    writeln!(out, "{}", parts.join(", "))?;
    if let Some((path, number)) = adoption.written {
        writeln!(out, "{} holds {} of them", printable(path), grouped(number))?;
    }
    Ok(())
}

/// Why a named job is not recorded, and the way out.
pub fn refusal(refusal: &Refusal) -> Diagnostic {
    let mut message = refusal.to_string();
    let help = match refusal {
        Refusal::Unknown { .. } => {
            "look the id up in the console; a job of another bucket belongs to a job that names it"
        }
        Refusal::Different { changes, .. } => {
            for change in changes {
                message.push_str(&difference(change));
            }
            "`stocktake adopt --file jobs/found.yaml` writes jobs of other work into a job file of their own"
        }
        Refusal::Unreadable { .. } => "compare it by hand, in the console",
        Refusal::Taken { .. } => "one job of the service belongs to one job of the files",
        Refusal::Recorded { .. } => {
            "`stocktake state show KEY` shows it; `stocktake state rm KEY` forgets it"
        }
        Refusal::Unresolved { .. } => {
            "`stocktake resolve KEY --adopt JOBID` says what became of it"
        }
    };
    Diagnostic::error("not-adopted", message).help(help)
}

fn difference(change: &Change) -> String {
    let text = |value: &Option<String>| {
        value
            .as_ref()
            .map_or_else(|| "nothing".to_owned(), |text| format!("{text:?}"))
    };
    let change = change.told_apart();
    let (before, after) = (text(&change.before), text(&change.after));
    format!("\n{}: the job has {before}, the files {after}", change.path)
}
