//! The plan that an apply carries out, and the state that it is carried out with.
//!
//! A state in a file is locked before it is planned on. A shared one is read first: it is owned only
//! while there is something to send, and never while a person is asked.

use std::path::Path;
use std::sync::Arc;

use super::ApplyArgs;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::options::GlobalOptions;
use crate::cli::plan_file;
use crate::cli::poll;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::job::Job;
use crate::plain_text::printable;
use crate::plan::{self, Drift, Plan, PlanDocument};
use crate::report::Ui;
use crate::state::{
    Expected, Hold, Lineage, Reading, Record, Records, StateError, StateStore, check_position,
};
use crate::status::{self, StatusWriter};

/// What an apply goes by.
pub(super) struct Prepared {
    pub(super) session: Session,
    pub(super) plan: Plan,
    /// The state as it was planned on.
    pub(super) read: Reading,
    basis: Basis,
    /// The state, once it is locked or owned.
    store: Option<StateStore>,
}

/// What the plan can be made from once more.
enum Basis {
    /// Job files, and what the service said of recorded jobs.
    Files(Vec<Arc<Job>>, Vec<Arc<Record>>),
    /// A saved plan.
    Saved(Box<PlanDocument<'static>>),
}

/// Plans now.
pub(super) fn now(
    arguments: &ApplyArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Prepared, Failure> {
    let session = Session::open(options, settings, ui)?;
    let jobs = session.settled_jobs()?;
    let (store, read) = open(&session, arguments, session.expected())?;
    let mut records = read.records.clone();
    let (mut drift, mut news) = (None, Vec::new());
    if arguments.refresh {
        let asked = poll::records_of(&records, &jobs, &arguments.only);
        let refreshed = refresh(&session, store.as_ref(), &asked)?;
        refreshed.apply_to(&mut records);
        (drift, news) = (refreshed.drift, refreshed.changed);
    }
    let mut plan = plan_of_files(&session, arguments, jobs.clone(), &records)?;
    plan.drift = drift;
    Ok(Prepared {
        session,
        plan,
        read,
        basis: Basis::Files(jobs, news),
        store,
    })
}

fn plan_of_files(
    session: &Session,
    arguments: &ApplyArgs,
    jobs: Vec<Arc<Job>>,
    records: &Records,
) -> Result<Plan, Failure> {
    let plan = if arguments.is_retry {
        Session::plan_retry
    } else {
        Session::plan_only
    };
    plan(
        session,
        jobs,
        records,
        arguments.max_submissions,
        &arguments.only,
    )
}

/// Takes the plan from a file, if everything that it assumes still holds.
pub(super) fn saved(
    arguments: &ApplyArgs,
    path: &Path,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<Prepared, Failure> {
    let document = plan_file::read(path)?;
    if let Some(asked) = options
        .target
        .as_ref()
        .filter(|asked| **asked != document.target)
    {
        return Err(plan_file::other_target(&document, asked));
    }
    if options.target.is_none() {
        let (target, path) = (&document.target, printable(path));
        ui.note(format!("target `{target}`, from {path}"))?;
    }
    let options = GlobalOptions {
        target: Some(document.target.clone()),
        ..options.clone()
    };
    let session = Session::open(&options, settings, ui)?;
    plan_file::check_workspace(&session, &document)?;
    let expected = Expected {
        lineage: document.lineage.as_ref(),
        ..session.expected()
    };
    if let (Some(shared), Some(place)) = (session.location.shared(), &document.log) {
        check_position(shared, place)?;
    }
    let (store, read) = open(&session, arguments, expected)?;
    let limits = session.limits(arguments.max_submissions);
    let mut records = read.records.clone();
    let refreshed = ask_again(&session, store.as_ref(), &records, &document)?;
    let (mut drift, mut news) = (None, Vec::new());
    if let Some(refreshed) = refreshed {
        refreshed.apply_to(&mut records);
        (drift, news) = (refreshed.drift, refreshed.changed);
    }
    let basis = if store.is_some() {
        Basis::Files(Vec::new(), news)
    } else {
        Basis::Saved(Box::new(document.clone()))
    };
    let mut plan =
        plan::confirm(document, &records, limits).map_err(|jobs| plan_file::stale(&jobs))?;
    plan.drift = drift;
    Ok(Prepared {
        session,
        plan,
        read,
        basis,
        store,
    })
}

/// Locks a state in a file, and reads a shared one.
fn open(
    session: &Session,
    arguments: &ApplyArgs,
    expected: Expected<'_>,
) -> Result<(Option<StateStore>, Reading), Failure> {
    let opened = if session.location.shared().is_some() {
        StateStore::read_at(&session.location, expected).map(|read| (None, read))
    } else {
        let store = session.lock_state(expected, arguments.lock_timeout, Hold::Throughout);
        store.map(|store| {
            let read = reading(&store);
            (Some(store), read)
        })
    };
    match opened {
        Err(error @ StateError::WrongState { .. }) if expected.lineage.is_some() => {
            Err(plan_file::other_state(&error))
        }
        opened => Ok(opened?),
    }
}

fn reading(store: &StateStore) -> Reading {
    Reading {
        header: store.header().clone(),
        records: store.records(),
        position: store.position(),
        holder: store.holder().cloned(),
    }
}

fn refresh(
    session: &Session,
    store: Option<&StateStore>,
    asked: &[Arc<Record>],
) -> Result<poll::Refreshed, Failure> {
    match store {
        Some(store) => poll::refresh_and_record(session, store, asked),
        None => poll::refresh(session, asked),
    }
}

/// A plan that was made with `--refresh` may rest on ends that are not recorded: the service is
/// asked for these again, before the plan is compared with the records.
fn ask_again(
    session: &Session,
    store: Option<&StateStore>,
    records: &Records,
    document: &PlanDocument<'_>,
) -> Result<Option<poll::Refreshed>, Failure> {
    let deciding = document.drift().iter().filter(|drift| drift.decides());
    let asked = deciding.filter_map(|drift: &Drift| records.get(&drift.fingerprint).cloned());
    let asked: Vec<_> = asked.collect();
    if asked.is_empty() {
        return Ok(None);
    }
    refresh(session, store, &asked).map(Some)
}

impl Prepared {
    /// Which state it is.
    pub(super) fn lineage(&self) -> Lineage {
        self.read.header.lineage.clone()
    }

    /// Whether the state has to be owned to carry the plan out.
    pub(super) fn needs_state(&self, arguments: &ApplyArgs) -> bool {
        let waits = arguments.waits(&self.session);
        let mut records = self.read.records.iter();
        let is_open = |record: &Arc<Record>| {
            record.unresolved().is_some() || (waits && status::may_change(record))
        };
        let has_news = matches!(&self.basis, Basis::Files(_, news) if !news.is_empty());
        self.store.is_some() || self.plan.has_work() || has_news || records.any(is_open)
    }

    /// Owns a state that was only read, and plans again on what it holds by now.
    pub(super) fn own(&mut self, arguments: &ApplyArgs) -> Result<(), Failure> {
        if self.store.is_some() {
            return Ok(());
        }
        let expected = Expected {
            lineage: Some(&self.read.header.lineage),
            ..self.session.expected()
        };
        let opened = self
            .session
            .lock_state(expected, arguments.lock_timeout, Hold::Throughout);
        let store = match opened {
            Err(error @ StateError::WrongState { .. }) => {
                return Err(plan_file::other_state(&error));
            }
            store => store?,
        };
        let drift = self.plan.drift.take();
        self.plan = self.plan_again(arguments, &store)?;
        self.plan.drift = drift;
        self.read = reading(&store);
        self.store = Some(store);
        Ok(())
    }

    fn plan_again(&self, arguments: &ApplyArgs, store: &StateStore) -> Result<Plan, Failure> {
        match &self.basis {
            Basis::Files(jobs, news) => {
                let runtime = tokio::runtime::Runtime::new()?;
                runtime.block_on(StatusWriter::Open(store).write(news))?;
                plan_of_files(&self.session, arguments, jobs.clone(), &store.records())
            }
            Basis::Saved(document) => {
                let limits = self.session.limits(arguments.max_submissions);
                plan::confirm(PlanDocument::clone(document), &store.records(), limits)
                    .map_err(|jobs| plan_file::stale(&jobs))
            }
        }
    }

    /// Owns the state after a person agreed to the plan: it may do less by now, and not more.
    pub(super) fn own_as_agreed(&mut self, arguments: &ApplyArgs) -> Result<(), Failure> {
        if self.store.is_some() {
            return Ok(());
        }
        let submits = |plan: &Plan| {
            let jobs = plan.jobs.iter().filter(|planned| planned.action.submits());
            let jobs = jobs.map(|planned| planned.job.fingerprint);
            jobs.collect::<std::collections::HashSet<_>>()
        };
        let agreed = submits(&self.plan);
        self.own(arguments)?;
        if submits(&self.plan).is_subset(&agreed) {
            return Ok(());
        }
        let message = "the state changed while you were asked, and the plan submits more by now";
        let problem = Diagnostic::error("stale-plan", message);
        let problem = problem.help("nothing was sent; run it again to see the plan of now");
        Err(Failure::new(Exit::Stale, problem))
    }

    /// The parts that carrying the plan out takes; the state is none if it was not owned.
    pub(super) fn into_parts(self) -> (Session, Plan, Option<StateStore>) {
        (self.session, self.plan, self.store)
    }
}
