//! The event loop of a watch: changes of files, keys, the clock, the end of an apply, signals.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use super::WatchArgs;
use super::applier::{Applying, Ending};
use super::screen::Screen;
use super::state::WatchState;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::keys::Keys;
use crate::cli::signals::Interrupts;
use crate::load::ChangedFiles;
use crate::plain_text::printable;
use crate::report::{self, Ui, WatchOpening};
use crate::watch::{ChangeSet, WatchPaths, Watcher};
use crate::workspace::DEFAULT_CONFIRM;

/// How often to check what causes no event: the clock, and a workspace that was replaced.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// What is to be done with the plan on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PendingAction {
    /// Nothing: it is shown.
    None,
    /// A person was asked whether to submit it to a target that costs money.
    Confirm,
    /// Apply it as soon as possible.
    Apply,
}

impl PendingAction {
    /// Returns what is to be done with a new plan.
    pub(super) fn of(arguments: &WatchArgs) -> Self {
        if arguments.apply {
            Self::Apply
        } else {
            Self::None
        }
    }
}

/// The watch while it runs.
pub(super) struct WatchLoop<'a> {
    arguments: &'a WatchArgs,
    screen: Screen,
    state: WatchState,
    watcher: Watcher,
    interrupts: Interrupts,
    applying: Option<Applying>,
    pending: PendingAction,
    /// Whether no file has changed since the last refresh.
    settled: bool,
    /// The file that a pending apply waits for.
    held_back: Option<PathBuf>,
    /// Another run held the state when an apply was tried.
    is_locked: bool,
}

impl<'a> WatchLoop<'a> {
    /// Watches the workspace of `state` from now on.
    pub(super) fn new(
        state: WatchState,
        arguments: &'a WatchArgs,
        ui: Ui,
        interrupts: Interrupts,
    ) -> Self {
        let interval = arguments.poll.unwrap_or(HEARTBEAT);
        let poll = arguments.poll.is_some();
        // Before the first refresh: no change is missed between the two.
        let watcher = Watcher::start(state.paths(), arguments.quiet_time, interval, poll);
        Self {
            arguments,
            screen: Screen::new(ui, arguments),
            state,
            watcher,
            interrupts,
            applying: None,
            pending: PendingAction::of(arguments),
            settled: true,
            held_back: None,
            is_locked: false,
        }
    }

    /// Shows what is watched, and the first plan.
    pub(super) fn begin(&mut self, has_keys: bool) -> Result<(), Failure> {
        let start = Instant::now();
        let refresh = self.state.update(&ChangeSet::everything());
        let opening = WatchOpening {
            root: self.state.session().workspace.root(),
            target: &self.state.session().target,
            files: self.state.files(),
            polling: self.watcher.polling(),
            applies: self.arguments.apply,
            has_keys,
        };
        self.screen.opening(&opening)?;
        if let Some(refresh) = refresh {
            self.screen.show(&self.state, &refresh, start.elapsed())?;
        }
        self.start_pending()
    }

    /// Handles events until one ends the watch.
    pub(super) async fn run(&mut self, keys: &mut Option<Keys>) -> Result<Exit, Failure> {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut interrupts = self.interrupts.clone();
        loop {
            tokio::select! {
                changes = self.watcher.next() => self.refresh(&changes)?,
                _ = heartbeat.tick() => self.check_clock()?,
                key = Keys::next(keys) => {
                    if self.press(key)? {
                        return Ok(Exit::Done);
                    }
                }
                ended = Applying::join(&mut self.applying) => self.applied(ended)?,
                () = interrupts.arrived() => {
                    return Ok(interrupts.exit().unwrap_or(Exit::Interrupted));
                }
            }
        }
    }

    /// Waits for what is in flight.
    pub(super) async fn end(&mut self) -> Result<(), Failure> {
        if let Some(applying) = &self.applying {
            applying.stop_after_flight();
            Applying::join(&mut self.applying).await?;
        }
        Ok(())
    }

    /// Refreshes, and shows what is new.
    fn refresh(&mut self, changes: &ChangeSet) -> Result<(), Failure> {
        if self.applying.is_some() && changes.is_state_only() {
            // Written by our own apply; it is read when that ends.
            return Ok(());
        }
        let start = Instant::now();
        // No event reports what was replaced together with its folder.
        let everything = ChangeSet {
            settled: changes.settled,
            ..ChangeSet::everything()
        };
        let root_was_replaced = self.watcher.root_was_replaced();
        let changes = if root_was_replaced {
            &everything
        } else {
            changes
        };
        let paths = self.state.paths();
        if changes.files == ChangedFiles::Anywhere {
            // Folders first: from now on, changes in them are noticed.
            self.follow(paths.clone())?;
        }
        let refresh = self.state.update(&ChangeSet {
            state: changes.state || self.applying.is_some(),
            ..changes.clone()
        });
        if self.state.paths() != paths {
            self.follow(self.state.paths())?;
        }
        // Without events, files are quiet when a second refresh finds nothing.
        self.settled = changes.settled && (self.watcher.polling().is_none() || refresh.is_none());
        if let Some(refresh) = refresh {
            // The action was for another plan.
            self.pending = PendingAction::of(self.arguments);
            self.screen.show(&self.state, &refresh, start.elapsed())?;
        }
        self.start_pending()
    }

    /// Watches these paths from now on, and says so where they send no events.
    fn follow(&mut self, paths: WatchPaths) -> Result<(), Failure> {
        let had_events = self.watcher.polling().is_none();
        self.watcher.follow(paths);
        match self.watcher.polling() {
            Some(reason) if had_events => self.screen.polling(reason),
            _ => Ok(()),
        }
    }

    /// Checks what causes no event.
    fn check_clock(&mut self) -> Result<(), Failure> {
        if self.watcher.root_was_replaced() || self.state.is_due() {
            return self.refresh(&ChangeSet::nothing());
        }
        self.start_pending()
    }

    /// Handles a key; true when it ends the watch.
    fn press(&mut self, key: char) -> Result<bool, Failure> {
        let was_asking = self.pending == PendingAction::Confirm;
        if was_asking {
            self.pending = PendingAction::None;
        }
        match key {
            'q' => return Ok(true),
            'y' if was_asking => {
                self.pending = PendingAction::Apply;
                self.start_pending()?;
            }
            _ if was_asking => self.screen.ui.note("not submitted")?,
            'p' => self.show_all()?,
            'a' => self.ask_to_apply()?,
            // Whatever else is pressed looks for a key.
            _ if !key.is_whitespace() && !key.is_control() => {
                self.screen.ui.note(report::WATCH_KEYS)?;
            }
            _ => {}
        }
        Ok(false)
    }

    /// Shows the plan with what an apply has recorded meanwhile.
    fn show_all(&mut self) -> Result<(), Failure> {
        self.state.update(&ChangeSet::everything());
        self.screen.show_all(&self.state)
    }

    fn ask_to_apply(&mut self) -> Result<(), Failure> {
        let target = &self.state.session().target;
        let words = match self.state.current_plan() {
            _ if self.applying.is_some() => "an apply is under way".to_owned(),
            None => "mend the mistakes first; nothing was submitted".to_owned(),
            Some(plan) if !plan.blocked.is_empty() => {
                "the plan is blocked; nothing was submitted".to_owned()
            }
            Some(plan) if !plan.has_work() => "there is nothing to apply".to_owned(),
            Some(_) if target.embedded().is_some() => {
                self.pending = PendingAction::Apply;
                return self.start_pending();
            }
            // A key is too little where the target asks for a word of its own.
            Some(_) if target.confirm != DEFAULT_CONFIRM => {
                "this target asks for its word: run `stocktake apply`".to_owned()
            }
            Some(plan) => {
                self.pending = PendingAction::Confirm;
                format!(
                    "{}? `y` does it, any other key does not",
                    report::intention(plan, target)
                )
            }
        };
        Ok(self.screen.ui.note(words)?)
    }

    /// Begins the pending apply unless a file may be half-written.
    fn start_pending(&mut self) -> Result<(), Failure> {
        let Some(plan) = self.state.current_plan() else {
            return Ok(());
        };
        if self.pending != PendingAction::Apply || !self.settled {
            return Ok(());
        }
        // Without events, the writer may be on another machine.
        let by_age_alone = self.watcher.polling().is_some();
        let unsettled = self.state.unsettled(by_age_alone).map(Path::to_path_buf);
        if unsettled.is_some() {
            if self.held_back != unsettled && !by_age_alone {
                let shown = printable(unsettled.as_deref().unwrap_or(Path::new("")));
                self.screen
                    .ui
                    .note(format!("waiting for {shown}, which is being written"))?;
            }
            self.held_back = unsettled;
            return Ok(());
        }
        self.held_back = None;
        let session = self.state.session();
        let follows = session.target.embedded().is_some() && self.state.has_open_jobs();
        let can_do_something = plan.blocked.is_empty() && (plan.has_work() || follows);
        match &self.applying {
            _ if !can_do_something => self.pending = PendingAction::None,
            Some(applying) if plan.has_work() => applying.stop_after_flight(),
            Some(_) => self.pending = PendingAction::None,
            None => {
                if session.target.embedded().is_none() && !self.is_locked {
                    self.screen
                        .ui
                        .note(report::intention(plan, &session.target))?;
                }
                let (session, plan) = (session.clone(), plan.clone());
                self.pending = PendingAction::None;
                self.applying = Some(Applying::begin(session, plan, self.interrupts.clone()));
            }
        }
        Ok(())
    }

    /// Handles the end of an apply.
    fn applied(&mut self, ended: Result<Ending, Failure>) -> Result<(), Failure> {
        let was_locked = std::mem::take(&mut self.is_locked);
        match ended {
            Ok(Ending::Locked) => {
                self.is_locked = true;
                self.pending = PendingAction::Apply;
                if !was_locked {
                    self.screen
                        .ui
                        .note("another run writes the state; it is waited for")?;
                }
                return Ok(());
            }
            Ok(Ending::Outdated) => {
                self.screen
                    .ui
                    .note("the state has changed; nothing was submitted")?;
                return self.refresh(&ChangeSet::state());
            }
            Ok(Ending::FileChanged) => {
                self.screen
                    .ui
                    .note("a job file has changed; nothing was submitted")?;
                return self.refresh(&ChangeSet::everything());
            }
            // Only a change of files or limits can help.
            Ok(Ending::Blocked) => return Ok(()),
            Ok(Ending::Done) => {}
            // The output is closed.
            Err(failure) if failure.diagnostics.is_empty() => return Err(failure),
            Err(failure) => {
                report::diagnostics::human(
                    &mut self.screen.ui.messages(),
                    &failure.diagnostics,
                    self.screen.ui.look().width,
                )?;
            }
        }
        let refresh = self.state.update(&ChangeSet::state());
        if let Some(refresh) = refresh.filter(|refresh| refresh.is_broken) {
            self.screen.show(&self.state, &refresh, Duration::ZERO)?;
        }
        self.start_pending()
    }
}
