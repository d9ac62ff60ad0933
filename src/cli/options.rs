//! The options that every command has.

use std::io;
use std::path::{Component, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use crate::api::time;
use crate::diagnostic::Diagnostic;
use crate::plain_text::printable;
use crate::report;
use crate::units::parse_bytes;

/// The options that every command has.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalOptions {
    /// Run as if started in this folder
    #[arg(short = 'C', long, value_name = "DIR", global = true)]
    pub(super) dir: Option<PathBuf>,

    /// Where the search for the workspace starts, as an absolute path.
    #[arg(skip)]
    pub(super) start: PathBuf,

    #[arg(
        short,
        long,
        value_name = "NAME",
        global = true,
        help = "The target of stocktake.toml to work with [env: STOCKTAKE_TARGET]"
    )]
    pub(super) target: Option<String>,

    /// Give a declared variable another value; may be repeated
    #[arg(long = "var", value_name = "K=V", global = true, value_parser = parse_variable)]
    pub(super) variables: Vec<(String, String)>,

    /// Take this as the present moment, for runs that can be repeated
    #[arg(long, value_name = "TIME", global = true, value_parser = parse_moment, hide_short_help = true)]
    pub(super) now: Option<Timestamp>,

    /// When to use colour: auto, always, never
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(super) color: Color,

    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,

    /// Log what is done: -v requests and answers, -vv everything
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(super) verbose: u8,

    /// The form of the log: text, json
    #[arg(
        long,
        value_name = "FORMAT",
        global = true,
        default_value = "text",
        hide_possible_values = true
    )]
    pub(super) log_format: LogFormat,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// The form of what is shown.
#[derive(Debug, Args)]
pub(super) struct FormatArgs {
    /// The form of the output: human, json
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        hide_possible_values = true
    )]
    pub(super) format: Format,
}

/// The forms of an answer that is for people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Human,
    Json,
}

impl GlobalOptions {
    /// Goes to the folder of `-C`, so that every relative path means one in there.
    ///
    /// The start stays a path: a workspace that is removed and made again is found again, and so is
    /// one whose path is a link that is changed.
    pub(super) fn enter(&mut self) -> Result<(), Diagnostic> {
        let here = std::env::current_dir();
        let Some(dir) = self.dir.as_ref().filter(|dir| !dir.as_os_str().is_empty()) else {
            // A folder that was removed is an error where the workspace is looked for.
            self.start = here.unwrap_or_else(|_| PathBuf::from("."));
            return Ok(());
        };
        let unusable = |error: io::Error| {
            let message = format!("cannot go to the folder {}: {error}", printable(dir));
            Diagnostic::error("folder", message)
        };
        std::env::set_current_dir(dir).map_err(unusable)?;
        let goes_up = dir.components().any(|part| part == Component::ParentDir);
        self.start = match here {
            Ok(here) if !goes_up => here.join(dir),
            _ => std::env::current_dir().map_err(unusable)?,
        };
        Ok(())
    }

    /// Colour as the command line says, or else the environment.
    pub(super) fn color_choice(&self, environment: Option<bool>) -> report::ColorChoice {
        match (self.color, environment) {
            (Color::Always, _) | (Color::Auto, Some(true)) => report::ColorChoice::Always,
            (Color::Never, _) | (Color::Auto, Some(false)) => report::ColorChoice::Never,
            (Color::Auto, None) => report::ColorChoice::Auto,
        }
    }
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    if name.is_empty() {
        return Err("the name is missing: write it as NAME=VALUE".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// A moment on the command line.
pub(super) fn parse_moment(text: &str) -> Result<Timestamp, String> {
    time::parse(text).map_err(|error| format!("it {error}"))
}

/// A number of bytes such as `10GiB`.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    parse_bytes(text).ok_or_else(|| "write a size such as 500MB or 10GiB".to_owned())
}

/// A length of time on the command line.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = text.parse::<SignedDuration>().ok();
    let duration = duration.and_then(|duration| Duration::try_from(duration).ok());
    duration.ok_or_else(|| "write a length of time such as 30s or 5m".to_owned())
}
