//! `stocktake watch`

mod applier;
mod event_loop;
mod screen;
mod state;

use std::time::Duration;

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::keys::Keys;
use super::options::{GlobalOptions, parse_duration};
use super::settings::Settings;
use super::signals::Interrupts;
use crate::diagnostic::Diagnostic;
use crate::report::Ui;
use event_loop::WatchLoop;
use state::WatchState;

/// Plan again at every save, until it is interrupted
///
/// Shows what each save changes in the plan. A file with a mistake shows the mistake and leaves the
/// last good plan as it was. On a terminal, the key `a` applies, `p` shows the whole plan, `q` quits.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
#[command(after_help = "Examples:
  stocktake watch                     the plan, at every save
  stocktake watch --apply             on the embedded target: runs what is new
  stocktake watch --poll              where no events of changes are sent
  stocktake -t prod watch --apply --auto-approve

Exit codes: 0 ended with q, 1 something is wrong from the start, 130 and 143
interrupted; everything sent is recorded.")]
pub(super) struct WatchArgs {
    /// Apply each good plan as soon as the files are quiet
    #[arg(long)]
    apply: bool,

    /// Apply to a target that costs money without asking
    #[arg(long)]
    auto_approve: bool,

    /// Clear the screen before each plan
    #[arg(long)]
    clear: bool,

    /// Ring the bell when a save brings a mistake
    #[arg(long)]
    bell: bool,

    /// Look for changes from time to time, every second unless said otherwise
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "1s", value_parser = parse_duration)]
    poll: Option<Duration>,

    /// How long it has to be quiet after a change
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = parse_duration)]
    quiet_time: Duration,
}

pub(super) fn run(
    arguments: &WatchArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Exit, Failure> {
    let ui = ui.shared();
    let state = WatchState::open(options, settings, ui)?;
    if state.session().state_file().is_none() {
        let message = "`watch` follows a state in a file, and this one is shared";
        let problem = Diagnostic::error("state", message);
        return Err(problem
            .help("use `plan` and `apply`, or a target with a state of its own")
            .into());
    }
    let costs_money = state.session().target.embedded().is_none();
    if arguments.apply && costs_money && !arguments.auto_approve {
        let message = format!(
            "`{}` costs money, and --apply would submit to it unasked",
            state.session().target.name
        );
        return Err(Diagnostic::error("approval", message)
            .help("give --auto-approve too, or leave --apply out and press `a` when you want it")
            .into());
    }
    tokio::runtime::Runtime::new()?.block_on(watch(state, arguments, ui))
}

async fn watch(state: WatchState, arguments: &WatchArgs, ui: Ui) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let mut keys = Keys::listen();
    let mut watch_loop = WatchLoop::new(state, arguments, ui, interrupts);
    watch_loop.begin(keys.is_some())?;
    let exit = watch_loop.run(&mut keys).await?;
    watch_loop.end().await?;
    Ok(exit)
}
