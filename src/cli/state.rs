//! `stocktake state`

use std::io::Write as _;

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::failure::Failure;
use super::options::{Format, FormatArgs, GlobalOptions};
use super::records;
use super::session::Session;
use super::settings::Settings;
use crate::plain_text::printable;
use crate::report::{self, Ui};
use crate::state::StateStore;

/// Begin, check and change what is recorded
#[derive(Debug, Args)]
pub(super) struct StateArgs {
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Debug, Subcommand)]
enum StateCommand {
    /// Begin the empty state of a target that was never used
    ///
    /// Every target but an embedded one needs it once. A state that is there already is left alone:
    /// one that was lost must be brought back, or else every job counts as new and is billed again.
    #[command(after_help = "Examples:
  stocktake -t prod state init      then commit the new file")]
    Init,
    /// Read the whole state and report everything that is wrong with it
    ///
    /// Checks every line's checksum and fingerprint, contradictions between lines, and whether lines
    /// are missing. Changes nothing.
    #[command(after_help = "Examples:
  stocktake -t prod state verify    after a merge, or in a pipeline

Exit codes: 0 the state is right, 1 it is not.")]
    Verify(FormatArgs),
    /// Print where the state is
    ///
    /// For pipelines that commit it. The file need not exist.
    #[command(after_help = "Examples:
  git add \"$(stocktake -t prod state path)\"")]
    Path,
    List(records::ListArgs),
    Show(records::ShowArgs),
    Mv(records::MoveArgs),
    Rm(records::RemoveArgs),
}

pub(super) fn run(
    arguments: &StateArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let path = &session.target.state;
    match &arguments.command {
        StateCommand::List(arguments) => return records::list(arguments, &session),
        StateCommand::Show(arguments) => return records::show(arguments, &session),
        StateCommand::Mv(arguments) => return records::rename(arguments, &session),
        StateCommand::Rm(arguments) => return records::remove(arguments, &session),
        StateCommand::Path => writeln!(ui.data(), "{}", printable(path))?,
        StateCommand::Init => {
            StateStore::init(path, &session.target.name)?;
            report::state_begun(&mut ui.data(), path)?;
        }
        StateCommand::Verify(arguments) => {
            let verified = StateStore::verify(path, session.expected())?;
            let mut out = ui.data();
            match arguments.format {
                Format::Human => report::state_verified(&mut out, path, &verified)?,
                Format::Json => report::state_verified_json(&mut out, path, &verified)?,
            }
        }
    }
    Ok(Exit::Done)
}
