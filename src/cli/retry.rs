//! `stocktake retry`

use std::time::Duration;

use clap::Args;

use super::apply::{self, ApplyArgs, Format};
use super::exit::Exit;
use super::failure::Failure;
use super::options::{GlobalOptions, parse_duration};
use super::settings::Settings;
use crate::report::Ui;

/// Submit failed work once more
///
/// Submits those of the named jobs that ended Failed or Cancel, whatever their `on_failure` says, and
/// nothing else: it shows the plan and asks as `apply` does, with the same guards. No file is changed.
/// The whole job runs again, and is billed again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake retry spring-uploads
  stocktake retry 'backfill[folder=sport,*]'  those of one matrix that failed
  stocktake retry '*'                         everything that failed

Exit codes: as of `stocktake apply`.")]
pub(super) struct RetryArgs {
    /// The jobs: keys, `backfill` for its whole matrix, patterns with `*`
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,

    /// Do not ask
    #[arg(long, short = 'y')]
    auto_approve: bool,

    /// Allow this many submissions in this run, instead of what the target allows
    #[arg(long, value_name = "N")]
    max_submissions: Option<usize>,

    /// How long to wait for another run that writes the state, such as 5m
    ///
    /// Without it: not at all for a state in a file; the lease and 30s for a shared one.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    lock_timeout: Option<Duration>,

    /// Wait until every job has ended
    #[arg(long)]
    wait: bool,

    /// The form of the output: human, json (one event a line)
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        hide_possible_values = true
    )]
    format: Format,
}

pub(super) fn run(
    arguments: RetryArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let arguments = ApplyArgs::retry(
        arguments.keys,
        arguments.auto_approve,
        arguments.max_submissions,
        arguments.lock_timeout,
        arguments.wait,
        arguments.format,
    );
    apply::run(&arguments, options, settings, ui)
}
