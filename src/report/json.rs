//! JSON documents for programs.

use std::io::{self, Write};

use serde::Serialize;

/// Writes one document, indented, with a line end after it.
pub(super) fn write(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}
