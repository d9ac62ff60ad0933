//! JSON documents for programs.

use std::io::{self, Write};

use serde::Serialize;

use super::steering::{Allowed, Fence};

/// Writes one document, indented, with a line end after it.
pub(super) fn write(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(Fence::new(&mut *out, Allowed::Json), document)?;
    writeln!(out)
}

/// Writes one document on one line.
pub(super) fn write_line(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(Fence::new(&mut *out, Allowed::Json), document)?;
    writeln!(out)
}
