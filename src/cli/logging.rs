//! The log: off unless asked for, on standard error or in a file, without secrets.

use std::fs::File;
use std::path::Path;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use super::failure::Failure;
use super::options::{GlobalOptions, LogFormat};
use super::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::plain_text::printable;

/// Starts the log. The environment says what is logged, and where; `-v` goes before it.
pub(super) fn start(options: &GlobalOptions, settings: &Settings) -> Result<(), Failure> {
    let directives = match options.verbose {
        0 => settings.log.as_deref().unwrap_or("off"),
        1 => "stocktake=debug",
        _ => "trace",
    };
    let writer = match &settings.log_file {
        Some(path) => BoxMakeWriter::new(Mutex::new(open(path)?)),
        None => BoxMakeWriter::new(std::io::stderr),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(directives))
        .with_writer(writer)
        .with_ansi(false);
    // A log that is there already is one that a test has started.
    let _ = match options.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}

/// Runs one after another log into one file.
fn open(path: &Path) -> Result<File, Failure> {
    let opened = File::options().append(true).create(true).open(path);
    opened.map_err(|error| {
        let message = format!("cannot log to {}: {error}", printable(path));
        let problem = Diagnostic::error("log-file", message);
        problem.help("it is named in STOCKTAKE_LOG_FILE").into()
    })
}
