//! `stocktake lsp`

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

use super::exit::Exit;
use super::failure::Failure;
use super::location;
use super::options::GlobalOptions;
use super::session::given_variables;
use super::settings::Settings;
use crate::lsp::{self, Choices, End, Follow, TargetCheck};
use crate::state::Location;
use crate::watch::{ChangeSet, WatchPaths, Watcher};
use crate::workspace::Target;

/// Changes on disk are looked at once it has been quiet for this long.
const QUIET: Duration = Duration::from_millis(100);

/// How often files are looked at where no events of changes are sent, and whether the folder was
/// replaced where they are.
const LOOK: Duration = Duration::from_secs(2);

/// Serve an editor: findings while you type
///
/// Speaks the language server protocol on standard input and output; an editor starts it. Shows what
/// `stocktake validate` says, for texts that are not saved yet as well. It asks no service, starts no
/// program, and writes nothing. docs/editors.md has the settings of editors.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  stocktake -t prod lsp      an editor's command for work on the target `prod`

Exit codes: 0 the editor ended it, 1 the connection ended in another way.")]
pub(super) struct LspArgs {
    /// Standard input and output; there is no other way, and some editors say it
    #[arg(long, hide = true)]
    stdio: bool,
}

pub(super) fn run(
    LspArgs { stdio: _ }: &LspArgs,
    options: &GlobalOptions,
    settings: &Settings,
) -> Result<Exit, Failure> {
    let choices = Choices {
        target: options.target.clone().or_else(|| settings.target.clone()),
        variables: given_variables(settings, options),
        now: options.now,
        check: target_check(settings.clone()),
    };
    // Handles of our own: a thread that is stuck in one holds no lock that the end needs.
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let end = lsp::serve(input, output, choices, Box::new(watch))?;
    Ok(match end {
        End::Orderly => Exit::Done,
        End::Abrupt => Exit::Failed,
    })
}

/// The checks of a target, and the file of its state, as [`Session::open`](super::session::Session::open) makes.
fn target_check(settings: Settings) -> TargetCheck {
    let check = move |target: &Target| {
        let mut target = target.clone();
        if let Some(state) = &settings.state {
            target.state = location::address(state)?;
        }
        let location = location::locate(&target, &settings, settings.state.is_some())?;
        Ok(match location {
            Location::File(path) => Some(path),
            Location::Shared(_) => None,
        })
    };
    Arc::new(move |target| check(target).map_err(|failure: Failure| failure.diagnostics))
}

/// Watches paths on a thread of its own, which ends with the process.
fn watch(paths: WatchPaths, report: Box<dyn Fn(ChangeSet) + Send>) -> Follow {
    let (follow, followed) = unbounded_channel();
    let thread = thread::Builder::new().name("lsp-watch".to_owned());
    let started = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        match runtime {
            Ok(runtime) => runtime.block_on(watch_all(paths, followed, &*report)),
            Err(error) => tracing::error!(%error, "changes on disk are not seen"),
        }
    });
    if let Err(error) = started {
        tracing::error!(%error, "changes on disk are not seen");
    }
    Box::new(move |paths| {
        let (done, is_done) = oneshot::channel();
        // A watch that could not start is in the log.
        if follow.send((paths, done)).is_ok() {
            let _ = is_done.blocking_recv();
        }
    })
}

async fn watch_all(
    mut paths: WatchPaths,
    mut followed: UnboundedReceiver<(WatchPaths, oneshot::Sender<()>)>,
    report: &(dyn Fn(ChangeSet) + Send),
) {
    let mut watcher = Watcher::start(paths.clone(), QUIET, LOOK, false);
    loop {
        tokio::select! {
            changes = watcher.next() => report(changes),
            next = followed.recv() => {
                let Some((next, done)) = next else { return };
                paths = next;
                watcher.follow(paths.clone());
                let _ = done.send(());
            }
            () = tokio::time::sleep(LOOK) => {
                if watcher.root_was_replaced() {
                    watcher.follow(paths.clone());
                    report(ChangeSet::everything());
                }
            }
        }
    }
}
