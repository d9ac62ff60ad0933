//! What is wanted of the plan on the screen, by keys or by `--apply`, and how far that is done.

use std::time::Duration;

use super::WatchArgs;
use super::applier::{Applying, Ending};
use super::desk::Desk;
use crate::cli::failure::Failure;
use crate::report;
use crate::watch::Batch;
use crate::workspace::DEFAULT_CONFIRM;

/// What is wanted of the plan on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// That it is shown.
    Look,
    /// A person was asked whether to submit it to a target that costs money.
    Asked,
    /// That it is applied, as soon as that can be done.
    Apply,
}

impl Wish {
    /// What a new plan is wanted for.
    pub(super) fn of(arguments: &WatchArgs) -> Self {
        if arguments.apply {
            Self::Apply
        } else {
            Self::Look
        }
    }
}

impl Desk<'_> {
    /// Does what a key asks for; true when that is to end.
    pub(super) fn press(&mut self, key: char) -> Result<bool, Failure> {
        let was_asking = self.wish == Wish::Asked;
        if was_asking {
            self.wish = Wish::Look;
        }
        match key {
            'q' => return Ok(true),
            'y' if was_asking => {
                self.wish = Wish::Apply;
                self.consider()?;
            }
            _ if was_asking => self.screen.ui.note("not submitted")?,
            'p' => self.show_all()?,
            'a' => self.ask_to_apply()?,
            _ => {}
        }
        Ok(false)
    }

    /// The plan as it is now: what an apply records meanwhile is not told by itself.
    fn show_all(&mut self) -> Result<(), Failure> {
        self.board.update(&Batch::state());
        self.screen.show_all(&self.board)
    }

    fn ask_to_apply(&mut self) -> Result<(), Failure> {
        let target = &self.board.session().target;
        let words = match self.board.current_plan() {
            _ if self.applying.is_some() => "an apply is under way".to_owned(),
            None => "mend the mistakes first; nothing was submitted".to_owned(),
            Some(plan) if !plan.blocked.is_empty() => {
                "the plan is blocked; nothing was submitted".to_owned()
            }
            Some(plan) if !plan.has_work() => "there is nothing to apply".to_owned(),
            Some(_) if target.embedded().is_some() => {
                self.wish = Wish::Apply;
                return self.consider();
            }
            // A key is too little where the target asks for a word of its own.
            Some(_) if target.confirm != DEFAULT_CONFIRM => {
                "this target asks for its word: run `stocktake apply`".to_owned()
            }
            Some(plan) => {
                self.wish = Wish::Asked;
                format!(
                    "{}? `y` does it, any other key does not",
                    report::intention(plan, target)
                )
            }
        };
        Ok(self.screen.ui.note(words)?)
    }

    /// Begins to apply if that is wanted, and nothing is half-written.
    pub(super) fn consider(&mut self) -> Result<(), Failure> {
        let Some(plan) = self.board.current_plan() else {
            return Ok(());
        };
        if self.wish != Wish::Apply || !self.settled {
            return Ok(());
        }
        let session = self.board.session();
        let follows = session.target.embedded().is_some() && self.board.has_open_jobs();
        let can_do_something = plan.blocked.is_empty() && (plan.has_work() || follows);
        match &self.applying {
            _ if !can_do_something => self.wish = Wish::Look,
            Some(applying) if plan.has_work() => applying.hurry(),
            Some(_) => self.wish = Wish::Look,
            None => {
                if session.target.embedded().is_none() && !self.is_locked {
                    self.screen
                        .ui
                        .note(report::intention(plan, &session.target))?;
                }
                let (session, plan) = (session.clone(), plan.clone());
                self.wish = Wish::Look;
                self.applying = Some(Applying::begin(session, plan, self.interrupts.clone()));
            }
        }
        Ok(())
    }

    /// Takes in how an apply ended.
    pub(super) fn applied(&mut self, ended: Result<Ending, Failure>) -> Result<(), Failure> {
        let was_locked = std::mem::take(&mut self.is_locked);
        match ended {
            Ok(Ending::Locked) => {
                self.is_locked = true;
                self.wish = Wish::Apply;
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
                return self.look(&Batch::state());
            }
            // Only a change of files or limits can help.
            Ok(Ending::Blocked) => return Ok(()),
            Ok(Ending::Done) => {}
            // Nobody reads what is said here any more.
            Err(failure) if failure.diagnostics.is_empty() => return Err(failure),
            Err(failure) => {
                report::diagnostics::human(
                    &mut self.screen.ui.messages(),
                    &failure.diagnostics,
                    self.screen.ui.look().width,
                )?;
            }
        }
        let outlook = self.board.update(&Batch::state());
        if let Some(outlook) = outlook.filter(|outlook| outlook.is_broken) {
            self.screen.show(&self.board, &outlook, Duration::ZERO)?;
        }
        self.consider()
    }
}
