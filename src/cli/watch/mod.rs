//! `stocktake watch`

mod applier;
mod board;

use std::io::Write as _;
use std::time::{Duration, Instant};

use clap::Args;
use tokio::time::MissedTickBehavior;

use super::exit::Exit;
use super::failure::Failure;
use super::keys::Keys;
use super::options::{GlobalOptions, parse_duration};
use super::plan_file;
use super::settings::Settings;
use super::signals::Interrupts;
use crate::diagnostic::Diagnostic;
use crate::load::Changes;
use crate::plan::{Plan, PlanDocument};
use crate::report::{self, PlanView, SHOWN_JOBS, Ui, WatchOpening, WatchView};
use crate::watch::{Batch, Difference, Watcher};
use crate::workspace::DEFAULT_CONFIRM;
use applier::{Applying, Ending};
use board::{Board, Outlook};

/// How often a look is taken at what no event tells: the clock, and a workspace made anew.
const HEARTBEAT: Duration = Duration::from_secs(1);

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
    let board = Board::open(options, settings, ui)?;
    let costs_money = board.session().target.embedded().is_none();
    if arguments.apply && costs_money && !arguments.auto_approve {
        let message = format!(
            "`{}` costs money, and --apply would submit to it unasked",
            board.session().target.name
        );
        return Err(Diagnostic::error("approval", message)
            .help("give --auto-approve too, or leave --apply out and press `a` when you want it")
            .into());
    }
    tokio::runtime::Runtime::new()?.block_on(watch(board, arguments, ui))
}

/// The watch while it runs.
struct Desk<'a> {
    arguments: &'a WatchArgs,
    ui: Ui,
    board: Board,
    watcher: Watcher,
    interrupts: Interrupts,
    applying: Option<Applying>,
    wish: Wish,
    /// Whether it has been quiet since the last look.
    settled: bool,
    /// Another run held the state when an apply was tried.
    is_locked: bool,
    has_keys: bool,
}

/// What is wanted of the plan on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// That it is shown.
    Look,
    /// A person was asked whether to submit it to a target that costs money.
    Asked,
    /// That it is applied, as soon as that can be done.
    Apply,
}

impl Wish {
    /// What a new plan is wanted for.
    fn of(arguments: &WatchArgs) -> Self {
        if arguments.apply {
            Self::Apply
        } else {
            Self::Look
        }
    }
}

async fn watch(board: Board, arguments: &WatchArgs, ui: Ui) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let mut keys = Keys::listen();
    let interval = arguments.poll.unwrap_or(HEARTBEAT);
    let poll = arguments.poll.is_some();
    // Before the first look, so that nothing falls between.
    let watcher = Watcher::start(board.places(), arguments.quiet_time, interval, poll);
    let mut desk = Desk {
        arguments,
        ui,
        board,
        watcher,
        interrupts,
        applying: None,
        wish: Wish::of(arguments),
        settled: true,
        is_locked: false,
        has_keys: keys.is_some(),
    };
    desk.begin()?;
    let exit = desk.run(&mut keys).await?;
    if let Some(applying) = &desk.applying {
        applying.hurry();
        Applying::ended(&mut desk.applying).await?;
    }
    Ok(exit)
}

impl Desk<'_> {
    async fn run(&mut self, keys: &mut Option<Keys>) -> Result<Exit, Failure> {
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

    fn begin(&mut self) -> Result<(), Failure> {
        let start = Instant::now();
        let outlook = self.board.update(&Batch::everything());
        let opening = WatchOpening {
            root: self.board.session().workspace.root(),
            target: &self.board.session().target,
            files: self.board.files(),
            polling: self.watcher.polling(),
            applies: self.arguments.apply,
            has_keys: self.has_keys,
        };
        report::watch_opening(&mut self.ui.data(), &opening)?;
        if let Some(outlook) = outlook {
            self.show(&outlook, start.elapsed())?;
        }
        self.consider()
    }

    /// Takes a look, and shows what is new.
    fn look(&mut self, batch: &Batch) -> Result<(), Failure> {
        if self.applying.is_some() && batch.is_state_only() {
            // Our own doing; it is read when that ends.
            return Ok(());
        }
        let start = Instant::now();
        let places = self.board.places();
        if batch.changes == Changes::Anywhere {
            // Folders first: what comes into them from now on is noticed.
            self.watcher.follow(places.clone());
        }
        let outlook = self.board.update(&Batch {
            state: batch.state || self.applying.is_some(),
            ..batch.clone()
        });
        if self.board.places() != places {
            self.watcher.follow(self.board.places());
        }
        // Without events, it has been quiet when a second look finds nothing.
        self.settled = batch.settled && (self.watcher.polling().is_none() || outlook.is_none());
        if let Some(outlook) = outlook {
            // What was agreed to was another plan.
            self.wish = Wish::of(self.arguments);
            self.show(&outlook, start.elapsed())?;
        }
        self.consider()
    }

    /// What no event tells.
    fn beat(&mut self) -> Result<(), Failure> {
        if self.watcher.has_lost_its_place() {
            return self.look(&Batch::everything());
        }
        if self.board.is_due() {
            return self.look(&Batch::nothing());
        }
        self.consider()
    }

    fn show(&self, outlook: &Outlook, took: Duration) -> Result<(), Failure> {
        let plan = self.board.plan().map(|plan| match &outlook.difference {
            None if !outlook.is_broken => self.document(Plan::clone(plan)),
            // Of a plan that was shown before, what differs is enough.
            difference => self.document(excerpt(plan, difference.as_ref())),
        });
        let view = WatchView {
            cause: &outlook.cause,
            took,
            findings: &outlook.findings,
            is_broken: outlook.is_broken,
            difference: outlook.difference.as_ref(),
            plan: plan.as_ref().map(|plan| self.plan_view(plan, false)),
            width: self.ui.look().width,
        };
        if self.arguments.clear {
            self.ui.clear_screen()?;
        }
        if self.arguments.bell && outlook.is_broken {
            self.ui.ring()?;
        }
        let mut out = self.ui.data();
        report::watch_plan(&mut out, &view)?;
        Ok(out.flush()?)
    }

    /// The whole plan, with what stays as it is.
    fn show_all(&mut self) -> Result<(), Failure> {
        if self.applying.is_some() {
            self.board.update(&Batch::state());
        }
        let Some(plan) = self.board.plan() else {
            return Ok(());
        };
        let document = self.document(Plan::clone(plan));
        let mut out = self.ui.data();
        writeln!(out)?;
        report::plan_human(&mut out, &self.plan_view(&document, true))?;
        Ok(out.flush()?)
    }

    fn document(&self, plan: Plan) -> PlanDocument {
        let origin = plan_file::origin(self.board.session(), None, &plan, false);
        PlanDocument::new(plan, origin)
    }

    fn plan_view<'a>(&self, plan: &'a PlanDocument, all: bool) -> PlanView<'a> {
        PlanView {
            plan,
            all,
            details: false,
            next: None,
            width: self.ui.look().width,
        }
    }

    /// Does what a key asks for; true when that is to end.
    fn press(&mut self, key: char) -> Result<bool, Failure> {
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
            _ if was_asking => self.ui.note("not submitted")?,
            'p' => self.show_all()?,
            'a' => self.ask_to_apply()?,
            _ => {}
        }
        Ok(false)
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
        Ok(self.ui.note(words)?)
    }

    /// Begins to apply if that is wanted, and nothing is half-written.
    fn consider(&mut self) -> Result<(), Failure> {
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
                    self.ui.note(report::intention(plan, &session.target))?;
                }
                let (session, plan) = (session.clone(), plan.clone());
                self.wish = Wish::Look;
                self.applying = Some(Applying::begin(session, plan, self.interrupts.clone()));
            }
        }
        Ok(())
    }

    /// Takes in how an apply ended.
    fn applied(&mut self, ended: Result<Ending, Failure>) -> Result<(), Failure> {
        let was_locked = std::mem::take(&mut self.is_locked);
        match ended {
            Ok(Ending::Locked) => {
                self.is_locked = true;
                self.wish = Wish::Apply;
                if !was_locked {
                    self.ui
                        .note("another run writes the state; it is waited for")?;
                }
                return Ok(());
            }
            Ok(Ending::Outdated) => {
                self.ui
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
                    &mut self.ui.messages(),
                    &failure.diagnostics,
                    self.ui.look().width,
                )?;
            }
        }
        let outlook = self.board.update(&Batch::state());
        if let Some(outlook) = outlook.filter(|outlook| outlook.is_broken) {
            self.show(&outlook, Duration::ZERO)?;
        }
        self.consider()
    }
}

/// A plan with the jobs that differ, and nothing left out of its counts and findings.
fn excerpt(plan: &Plan, difference: Option<&Difference>) -> Plan {
    let jobs = difference.map(|difference| difference.planned(plan, SHOWN_JOBS));
    Plan {
        jobs: jobs.into_iter().flatten().cloned().collect(),
        retired: Vec::new(),
        blocked: plan.blocked.clone(),
        warnings: plan.warnings.clone(),
        drift: None,
        summary: plan.summary,
        estimate: None,
    }
}
