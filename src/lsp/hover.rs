//! What stands at a position.

use std::path::Path;

use super::cursor::{Part, cursor};
use super::known::Known;
use crate::job::Job;
use crate::state::Record;

/// The most jobs of one key that are listed.
const JOB_LIMIT: usize = 5;

/// Words in Markdown about what stands at an offset of the text.
pub(super) fn hover(known: &Known<'_>, shown: &Path, text: &str, offset: usize) -> Option<String> {
    let is_name =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.');
    let rest = &text[offset..];
    let end = offset + rest.len() - rest.trim_start_matches(is_name).len();
    let at = cursor(text, end, known.syntax);
    let mut path = at.path;
    match at.part {
        Part::Expression => return variable(known, &at.typed),
        Part::Key if at.typed.is_empty() => return None,
        Part::Key => path.push(at.typed),
        Part::Value => {
            let names = known.names(&path);
            let name = names.into_iter().find(|name| name.name == at.typed);
            if let Some(about) = name.and_then(|name| name.description) {
                return Some(format!("`{}`: {about}", at.typed));
            }
        }
    }
    let is_job = at.part == Part::Key && path.len() == 2 && path[0] == "jobs";
    let jobs = is_job.then(|| jobs(known, shown, offset)).flatten();
    jobs.or_else(|| known.fields.about(&path))
}

fn variable(known: &Known<'_>, typed: &str) -> Option<String> {
    let (_, name) = typed.rsplit_once("vars.")?;
    let (name, value) = known.variables().find(|(other, _)| *other == name)?;
    let setup = known.analysis.setup.as_ref()?;
    let target = &setup.target.name;
    let origin = if setup.workspace.is_variable_of_target(target, name) {
        format!("of the target `{target}`")
    } else {
        "of the workspace".to_owned()
    };
    Some(format!("`vars.{name}` = `{value}`, {origin}"))
}

/// The jobs whose key stands at the offset, each with what is recorded of it.
fn jobs(known: &Known<'_>, shown: &Path, offset: usize) -> Option<String> {
    let jobs = known.analysis.jobs.iter().filter(|job| {
        let span = job.source.span;
        job.source.file.path() == shown && span.range().contains(&offset)
    });
    let jobs: Vec<_> = jobs.collect();
    let lines = jobs.iter().take(JOB_LIMIT);
    let lines: Vec<String> = lines
        .map(|job| format!("- `{}`: {}", job.key, state(known, job)))
        .collect();
    let more = jobs.len().saturating_sub(JOB_LIMIT);
    match more {
        _ if lines.is_empty() => None,
        0 => Some(lines.join("\n")),
        _ => Some(format!("{}\n- and {more} more", lines.join("\n"))),
    }
}

/// What the state says of a job.
fn state(known: &Known<'_>, job: &Job) -> String {
    let Some(records) = &known.analysis.records else {
        return "the state is not read here; `stocktake plan` shows it".to_owned();
    };
    let record = records.get(&job.fingerprint);
    match record.filter(|record| !record.is_removed()) {
        Some(record) => recorded(record),
        None if records
            .under_key(&job.key)
            .any(|record| !record.is_removed()) =>
        {
            "changed: other work was submitted under this key".to_owned()
        }
        None => "new: not submitted yet".to_owned(),
    }
}

fn recorded(record: &Record) -> String {
    if record.unresolved().is_some() {
        return "unresolved: whether the service took it is not known".to_owned();
    }
    let Some((submission, job_id)) = record.accepted() else {
        return "submitted, and not accepted".to_owned();
    };
    let state = record
        .last_seen()
        .map_or("submitted", |seen| seen.state.as_str());
    let at = submission.intended_at.strftime("%Y-%m-%d %H:%M UTC");
    format!("{state}, submitted {at}, job `{job_id}`")
}
