//! What the service says otherwise than the records, for people.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use super::super::hint::pasteable;
use super::super::table::grouped;
use super::super::text::{clean, wrap};
use super::super::ui::style::{BAD, FAINT, STRONG};
use super::{PlanView, words};
use crate::plan::{Drift, DriftKind};

/// A longer list is cut.
const SHOWN: usize = 20;
/// Sign and blanks in front of a key.
const INDENT: usize = 5;

/// Writes what differs, if the service was asked.
pub(super) fn write(out: &mut dyn Write, view: &PlanView<'_>) -> io::Result<()> {
    let Some(all) = &view.plan.drift else {
        return Ok(());
    };
    if all.is_empty() {
        return writeln!(out, "  the service was asked, and agrees with the records");
    }
    writeln!(
        out,
        "\n{FAINT}the service says otherwise than the records{FAINT:#}"
    )?;
    let (mut shown, mut forgotten) = words::notable_drift(view.plan);
    if view.all {
        shown = all.iter().collect();
        forgotten = 0;
    }
    let limit = if view.all { usize::MAX } else { SHOWN };
    for drift in shown.iter().take(limit) {
        line(out, view, drift)?;
    }
    if shown.len() > limit {
        let more = grouped(shown.len() - limit);
        let rest = view.rest;
        writeln!(out, "     {FAINT}… {more} more; {rest} shows them{FAINT:#}")?;
    }
    if forgotten > 0 {
        let forgotten = words::forgotten(forgotten);
        let rest = view.rest;
        writeln!(out, "     {FAINT}{forgotten}; {rest} names them{FAINT:#}")?;
    }
    if shown.iter().any(|drift| drift.kind == DriftKind::Unknown) {
        for line in wrap(&pasteable(words::UNKNOWN_HELP), view.width - 2).lines() {
            writeln!(out, "  {FAINT}{line}{FAINT:#}")?;
        }
    }
    Ok(())
}

fn line(out: &mut dyn Write, view: &PlanView<'_>, drift: &Drift) -> io::Result<()> {
    let key = clean(drift.key.as_str());
    let words = clean(&words::drift(drift));
    write!(out, "  {BAD}!{BAD:#}  {STRONG}{key}{STRONG:#}")?;
    if INDENT + key.width() + 2 + words.width() <= view.width {
        return writeln!(out, "  {words}");
    }
    writeln!(out)?;
    for line in wrap(&words, view.width - 8).lines() {
        writeln!(out, "        {line}")?;
    }
    Ok(())
}
