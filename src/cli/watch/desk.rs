//! The watch while it runs: whatever happens comes in here.

use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use super::WatchArgs;
use super::applier::Applying;
use super::board::Board;
use super::screen::Screen;
use super::wish::Wish;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::keys::Keys;
use crate::cli::signals::Interrupts;
use crate::load::Changes;
use crate::report::{Ui, WatchOpening};
use crate::watch::{Batch, Places, Watcher};

/// How often a look is taken at what no event tells: the clock, and a workspace made anew.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// The watch while it runs.
pub(super) struct Desk<'a> {
    pub(super) arguments: &'a WatchArgs,
    pub(super) screen: Screen,
    pub(super) board: Board,
    watcher: Watcher,
    pub(super) interrupts: Interrupts,
    pub(super) applying: Option<Applying>,
    pub(super) wish: Wish,
    /// Whether it has been quiet since the last look.
    pub(super) settled: bool,
    /// Another run held the state when an apply was tried.
    pub(super) is_locked: bool,
}

impl<'a> Desk<'a> {
    /// Watches the workspace of `board` from now on.
    pub(super) fn new(
        board: Board,
        arguments: &'a WatchArgs,
        ui: Ui,
        interrupts: Interrupts,
    ) -> Self {
        let interval = arguments.poll.unwrap_or(HEARTBEAT);
        let poll = arguments.poll.is_some();
        // Before the first look, so that nothing falls between.
        let watcher = Watcher::start(board.places(), arguments.quiet_time, interval, poll);
        Self {
            arguments,
            screen: Screen::new(ui, arguments),
            board,
            watcher,
            interrupts,
            applying: None,
            wish: Wish::of(arguments),
            settled: true,
            is_locked: false,
        }
    }

    /// Says what is watched, and shows the first plan.
    pub(super) fn begin(&mut self, has_keys: bool) -> Result<(), Failure> {
        let start = Instant::now();
        let outlook = self.board.update(&Batch::everything());
        let opening = WatchOpening {
            root: self.board.session().workspace.root(),
            target: &self.board.session().target,
            files: self.board.files(),
            polling: self.watcher.polling(),
            applies: self.arguments.apply,
            has_keys,
        };
        self.screen.opening(&opening)?;
        if let Some(outlook) = outlook {
            self.screen.show(&self.board, &outlook, start.elapsed())?;
        }
        self.consider()
    }

    /// Does what comes, until somebody wants it to end.
    pub(super) async fn run(&mut self, keys: &mut Option<Keys>) -> Result<Exit, Failure> {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut interrupts = self.interrupts.clone();
        loop {
            tokio::select! {
                batch = self.watcher.next() => self.look(&batch)?,
                _ = heartbeat.tick() => self.beat()?,
                key = Keys::next(keys) => {
                    if self.press(key)? {
                        return Ok(Exit::Done);
                    }
                }
                ended = Applying::ended(&mut self.applying) => self.applied(ended)?,
                () = interrupts.arrived() => {
                    return Ok(interrupts.exit().unwrap_or(Exit::Interrupted));
                }
            }
        }
    }

    /// Waits for what is in flight.
    pub(super) async fn end(&mut self) -> Result<(), Failure> {
        if let Some(applying) = &self.applying {
            applying.hurry();
            Applying::ended(&mut self.applying).await?;
        }
        Ok(())
    }

    /// Takes a look, and shows what is new.
    pub(super) fn look(&mut self, batch: &Batch) -> Result<(), Failure> {
        if self.applying.is_some() && batch.is_state_only() {
            // Our own doing; it is read when that ends.
            return Ok(());
        }
        let start = Instant::now();
        // Nothing told of what was made anew with its folder.
        let everything = Batch {
            settled: batch.settled,
            ..Batch::everything()
        };
        let has_lost_its_place = self.watcher.has_lost_its_place();
        let batch = if has_lost_its_place {
            &everything
        } else {
            batch
        };
        let places = self.board.places();
        if batch.changes == Changes::Anywhere {
            // Folders first: what comes into them from now on is noticed.
            self.follow(places.clone())?;
        }
        let outlook = self.board.update(&Batch {
            state: batch.state || self.applying.is_some(),
            ..batch.clone()
        });
        if self.board.places() != places {
            self.follow(self.board.places())?;
        }
        // Without events, it has been quiet when a second look finds nothing.
        self.settled = batch.settled && (self.watcher.polling().is_none() || outlook.is_none());
        if let Some(outlook) = outlook {
            // What was agreed to was another plan.
            self.wish = Wish::of(self.arguments);
            self.screen.show(&self.board, &outlook, start.elapsed())?;
        }
        self.consider()
    }

    /// Follows the places; where no more events come from there, that is said.
    fn follow(&mut self, places: Places) -> Result<(), Failure> {
        let had_events = self.watcher.polling().is_none();
        self.watcher.follow(places);
        match self.watcher.polling() {
            Some(reason) if had_events => self.screen.polling(reason),
            _ => Ok(()),
        }
    }

    /// What no event tells.
    fn beat(&mut self) -> Result<(), Failure> {
        if self.watcher.has_lost_its_place() || self.board.is_due() {
            return self.look(&Batch::nothing());
        }
        self.consider()
    }
}
