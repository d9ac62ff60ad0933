//! The plan that an apply carries out, and the state that it holds the lock of.

use std::path::Path;

use super::ApplyArgs;
use crate::cli::failure::Failure;
use crate::cli::options::GlobalOptions;
use crate::cli::plan_file;
use crate::cli::poll;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::plain_text::printable;
use crate::plan::{self, Drift, Plan, PlanDocument};
use crate::report::Ui;
use crate::state::{Expected, StateError, StateStore};

/// Plans now, under the lock.
pub(super) fn now(
    arguments: &ApplyArgs,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<(Session, StateStore, Plan), Failure> {
    let session = Session::open(options, settings, ui)?;
    let jobs = session.settled_jobs()?;
    let store = session.open_state(arguments.lock_timeout)?;
    let drift = if arguments.refresh {
        let asked = poll::records_of(&store.records(), &jobs, &arguments.only);
        poll::refresh_and_record(&session, &store, &asked)?.drift
    } else {
        None
    };
    let plan = if arguments.is_retry {
        Session::plan_retry
    } else {
        Session::plan_only
    };
    let mut plan = plan(
        &session,
        jobs,
        &store.records(),
        arguments.max_submissions,
        &arguments.only,
    )?;
    plan.drift = drift;
    Ok((session, store, plan))
}

/// Takes the plan from a file, if everything that it assumes still holds under the lock.
pub(super) fn saved(
    arguments: &ApplyArgs,
    path: &Path,
    options: &GlobalOptions,
    settings: Settings,
    ui: Ui,
) -> Result<(Session, StateStore, Plan), Failure> {
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
    let store = match session.lock_state(expected, arguments.lock_timeout) {
        Err(error @ StateError::WrongState { .. }) => return Err(plan_file::other_state(&error)),
        other => other?,
    };
    let limits = session.limits(arguments.max_submissions);
    let drift = ask_again(&session, &store, &document)?;
    let mut plan = plan::confirm(document, &store.records(), limits)
        .map_err(|jobs| plan_file::stale(&jobs))?;
    plan.drift = drift;
    Ok((session, store, plan))
}

/// A plan that was made with `--refresh` may rest on ends that nobody has recorded: the service is
/// asked for these again, and they are recorded before the plan is compared with the records.
fn ask_again(
    session: &Session,
    store: &StateStore,
    document: &PlanDocument<'_>,
) -> Result<Option<Vec<Drift>>, Failure> {
    let deciding = document.drift().iter().filter(|drift| drift.decides());
    let records = store.records();
    let asked = deciding.filter_map(|drift| records.get(&drift.fingerprint).cloned());
    let asked: Vec<_> = asked.collect();
    if asked.is_empty() {
        return Ok(None);
    }
    let refreshed = poll::refresh_and_record(session, store, &asked)?;
    Ok(refreshed.drift)
}
