//! `stocktake state lock`

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::options::{Format, FormatArgs};
use super::session::Session;
use crate::diagnostic::Diagnostic;
use crate::report::{self, LockView};
use crate::state::look_at;
use crate::state::shared::ownership::Standing;

/// Show who holds a shared state
///
/// Since when, until when it is waited for if it says nothing more, and which run of a pipeline it is.
/// Nothing is changed: a run that died is waited for, and then gone before, by itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stocktake -t prod state lock
  stocktake -t prod state lock --format json")]
pub(super) struct LockArgs {
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) fn show(arguments: &LockArgs, session: &Session) -> Result<Exit, Failure> {
    let Some(shared) = session.location.shared() else {
        let message = "the state is in a file: its lock ends with the process that holds it";
        let problem = Diagnostic::error("state", message);
        return Err(problem
            .help("`apply` names the holder where it has to wait")
            .into());
    };
    let log = look_at(shared)?;
    let until = match log.standing() {
        Standing::Held(until) => Some(until),
        Standing::Free | Standing::Moved => None,
    };
    let view = LockView {
        place: &shared.address,
        holder: log.holder(),
        until,
        position: log.position(),
        lease: log.terms().lease,
    };
    let mut out = session.ui.data();
    match arguments.format.format {
        Format::Human => report::lock_human(&mut out, &view)?,
        Format::Json => report::lock_json(&mut out, &view)?,
    }
    Ok(Exit::Done)
}
