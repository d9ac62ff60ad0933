//! What is said before jobs are cancelled.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;

use super::status;
use super::text::wrap;
use super::ui::Look;
use crate::state::Record;

/// Writes how far the jobs are, and what cancelling can and cannot stop.
pub fn cancelling(
    out: &mut dyn Write,
    records: &[Arc<Record>],
    now: Timestamp,
    look: Look,
) -> io::Result<()> {
    status::table(out, records, now, look)?;
    let (those, them) = if records.len() == 1 {
        ("this job", "It is")
    } else {
        ("these jobs", "They are")
    };
    let words = format!(
        "The service begins no further objects of {those}. What is done stays done and is paid for; \
         whether objects that are being processed are stopped is the service's decision. {them} not \
         submitted again by the next apply, unless `on_failure: resubmit` asks for that."
    );
    writeln!(out, "{}", wrap(&words, look.width))
}
