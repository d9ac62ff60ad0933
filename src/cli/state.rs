//! `stocktake state`

use std::io::Write as _;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::failure::Failure;
use super::options::{Format, FormatArgs, GlobalOptions, parse_duration};
use super::records;
use super::session::Session;
use super::settings::Settings;
use super::state_lock as lock;
use crate::diagnostic::Diagnostic;
use crate::report::{self, Ui};
use crate::state::shared::ownership::Terms;
use crate::state::{Location, StateStore};

/// A store may take a second to answer.
const MIN_LEASE: Duration = Duration::from_secs(1);

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
    Init(InitArgs),
    Lock(lock::LockArgs),
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

#[derive(Debug, Args)]
struct InitArgs {
    /// A shared state: how long a run that dies is waited for, by every run of the state
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    lease: Duration,
}

fn init(arguments: &InitArgs, session: &Session) -> Result<(), Failure> {
    let target = &session.target.name;
    let mut out = session.ui.data();
    match &session.location {
        Location::File(path) => {
            StateStore::init(path, target)?;
            report::state_begun(&mut out, &session.target.state)?;
        }
        Location::Shared(shared) => {
            if arguments.lease < MIN_LEASE {
                let message = format!("a lease is at least {MIN_LEASE:?}");
                return Err(Diagnostic::error("lease", message)
                    .help("a run that is only slow would lose the state; the usual lease is 60s")
                    .into());
            }
            let terms = Terms {
                mode: shared.store.mode(),
                lease: arguments.lease,
                delay: Duration::ZERO,
            };
            StateStore::init_shared(shared, target, &terms)?;
            report::shared_state_begun(&mut out, &shared.address, &terms)?;
        }
    }
    Ok(())
}

pub(super) fn run(
    arguments: &StateArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(options, settings, ui)?;
    let place = &session.target.state;
    match &arguments.command {
        StateCommand::List(arguments) => return records::list(arguments, &session),
        StateCommand::Show(arguments) => return records::show(arguments, &session),
        StateCommand::Mv(arguments) => return records::rename(arguments, &session),
        StateCommand::Rm(arguments) => return records::remove(arguments, &session),
        StateCommand::Lock(arguments) => return lock::show(arguments, &session),
        StateCommand::Path => writeln!(ui.data(), "{place}")?,
        StateCommand::Init(arguments) => init(arguments, &session)?,
        StateCommand::Verify(arguments) => {
            let verified = StateStore::verify_at(&session.location, session.expected())?;
            let mut out = ui.data();
            match arguments.format {
                Format::Human => report::state_verified(&mut out, place, &verified)?,
                Format::Json => report::state_verified_json(&mut out, place, &verified)?,
            }
        }
    }
    Ok(Exit::Done)
}
