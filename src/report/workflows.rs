//! Workflows at the service, for people.

use std::io::{self, Write};

use super::table::{self, Cell, count};
use super::text::wrap;
use super::ui::Look;
use super::ui::style::{CHANGE, FAINT};
use crate::api::time;
use crate::api::wire::{START, WorkflowDetail, state_word};
use crate::workflow::Change;

/// A workflow with the name that this workspace has for it.
#[derive(Debug, Clone)]
pub struct WorkflowLine<'a> {
    /// A name of the target, or the key of a workflow that the files declare.
    pub name: Option<&'a str>,
    pub workflow: &'a WorkflowDetail,
}

/// Writes one line for each workflow.
pub fn workflow_list(
    out: &mut dyn Write,
    lines: &[WorkflowLine<'_>],
    look: Look,
) -> io::Result<()> {
    let rows = lines.iter().map(|line| {
        let workflow = line.workflow;
        let nodes = workflow.definition.topology.nodes.keys();
        let nodes = nodes.filter(|name| *name != START).count();
        vec![
            Cell::plain(line.name.unwrap_or(workflow.name())),
            Cell::plain(&workflow.workflow_id),
            Cell::plain(state_word(workflow.active)),
            Cell::new(count(nodes, "node", "nodes"), FAINT),
        ]
    });
    table::write_within(out, &rows.collect::<Vec<_>>(), look.width)?;
    let total = count(lines.len(), "workflow", "workflows");
    writeln!(out, "{FAINT}{total}{FAINT:#}")
}

/// Writes what the service says of one workflow, as a job file would declare it, and how that differs
/// from what the files declare.
pub fn workflow_shown(
    out: &mut dyn Write,
    line: &WorkflowLine<'_>,
    text: &str,
    changes: Option<&[Change]>,
    look: Look,
) -> io::Result<()> {
    let workflow = line.workflow;
    let moment = |moment: Option<jiff::Timestamp>| moment.map_or_else(String::new, time::format);
    let name = line.name.unwrap_or(workflow.name());
    let rows = [
        ("workflow", name.to_owned()),
        ("id", workflow.workflow_id.clone()),
        ("state", state_word(workflow.active).to_owned()),
        ("bucket", workflow.bucket.clone()),
        ("made", moment(workflow.created)),
        ("changed", moment(workflow.updated)),
    ];
    let rows = rows.map(|(field, value)| vec![Cell::new(field, FAINT), Cell::plain(value)]);
    table::write(out, 0, &rows)?;
    writeln!(out)?;
    for line in text.lines() {
        writeln!(out, "{}", super::text::clean(line))?;
    }
    match changes {
        None => Ok(()),
        Some([]) => writeln!(out, "\nThe files declare the same."),
        Some(changes) => {
            writeln!(out, "\n{CHANGE}The files declare another one:{CHANGE:#}")?;
            for change in changes {
                let value =
                    |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
                let (before, after) = (value(&change.before), value(&change.after));
                let words = format!("  {}: {before} → {after}", change.path);
                writeln!(out, "{}", wrap(&super::text::clean(&words), look.width))?;
            }
            Ok(())
        }
    }
}
