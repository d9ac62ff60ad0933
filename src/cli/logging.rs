//! The log: off unless asked for, on standard error, without secrets.

use tracing_subscriber::EnvFilter;

use super::options::{GlobalOptions, LogFormat};

/// Starts the log. `filter` is what the environment asks for; `-v` goes before it.
pub(super) fn start(options: &GlobalOptions, filter: Option<&str>) {
    let directives = match options.verbose {
        0 => filter.unwrap_or("off"),
        1 => "stocktake=debug",
        _ => "trace",
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(directives))
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // A log that is there already is one that a test has started.
    let _ = match options.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
