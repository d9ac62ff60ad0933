//! What a service says when it is ready.

use std::io::{self, Write};
use std::net::SocketAddr;

use super::table::{self, Cell};
use super::text::cut;
use super::ui::Look;
use super::ui::style::{FAINT, GOOD, STRONG};
use crate::service::ServiceSettings;

/// Says where a service listens and what it serves.
pub fn serving(
    out: &mut dyn Write,
    look: Look,
    address: SocketAddr,
    settings: &ServiceSettings,
) -> io::Result<()> {
    writeln!(out, "{GOOD}listening{GOOD:#} on http://{address}")?;
    let row = |what: &str, name: String, rest: String| {
        vec![
            Cell::new(what, FAINT),
            Cell::new(name, STRONG),
            Cell::plain(rest),
        ]
    };
    let buckets = settings
        .buckets
        .iter()
        .map(|(name, folder)| row("bucket", name.to_string(), folder.display().to_string()));
    let bucket_names = settings.buckets.keys().map(|name| name.as_str().len());
    let ids = settings.workflows.keys().map(|id| id.as_str().len());
    let names = bucket_names.chain(ids).max().unwrap_or(0);
    let room = look.width.saturating_sub("  workflow    ".len() + names);
    let workflows = settings.workflows.iter().map(|(id, workflow)| {
        let state = if workflow.paused { "paused: " } else { "" };
        let command = format!("{state}{}", workflow.command.join(" "));
        row("workflow", id.to_string(), cut(&command, room))
    });
    let rows: Vec<_> = buckets.chain(workflows).collect();
    table::write(out, 2, &rows)?;
    let data = settings.data.display();
    writeln!(
        out,
        "{FAINT}Jobs and results are kept in {data}. Ctrl-C ends it.{FAINT:#}"
    )
}
