//! Carries a plan out: submits, then waits where that is wanted.

use std::collections::HashSet;
use std::sync::Arc;

use super::ApplyArgs;
use super::view::View;
use crate::apply::{self, ApplyOutcome, Halt};
use crate::cli::connection::{Connection, first_bucket};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::notify;
use crate::cli::poll;
use crate::cli::session::Session;
use crate::cli::signals::Interrupts;
use crate::cli::strangers;
use crate::job::Fingerprint;
use crate::plain_text::printable;
use crate::plan::Plan;
use crate::state::{Record, Records, StateError, StateStore};
use crate::status::{self, StatusWriter};

/// Submits what `plan` says, into the state that `store` holds.
pub(super) async fn execute(
    session: &Session,
    plan: &Plan,
    store: StateStore,
    arguments: &ApplyArgs,
    view: &View,
) -> Result<Exit, Failure> {
    let records = store.records();
    let may_change = records.iter().any(|record| status::may_change(record));
    let unresolved = records.iter().any(|record| record.unresolved().is_some());
    let Some((bucket, region)) = first_bucket(session, plan, &records)
        .filter(|_| plan.has_work() || unresolved || (arguments.waits(session) && may_change))
    else {
        store.close()?;
        return Ok(Exit::Done);
    };
    let mut interrupts = Interrupts::listen()?;
    let connection = Connection::open(session, bucket, region).await?;
    if let Err(refused) = connection.check_buckets(plan) {
        connection.close().await;
        store.close()?;
        return Err(refused);
    }
    let submitted = match may_submit(session, plan, &store, &connection, &interrupts, view).await {
        Ok(Exit::Done) => {
            submit(
                session,
                plan,
                &store,
                &connection,
                arguments,
                &interrupts,
                view,
            )
            .await
        }
        Ok(exit) => Ok((exit, 0)),
        Err(failure) => Err(failure),
    };
    let (submitted, number) = match submitted {
        Ok((exit, number)) => (Ok(exit), number),
        Err(failure) => (Err(failure), 0),
    };
    let records = store.records();
    // The service that runs in this process ends with it: no other process may begin to rely on it.
    let held = if session.target.embedded().is_some() {
        Some(store)
    } else {
        if let Err(error) = store.close() {
            connection.close().await;
            return not_closed(error, submitted);
        }
        None
    };
    let result = match submitted {
        Ok(Exit::Done) if arguments.waits(session) => {
            let writer = held.as_ref().map_or_else(
                || poll::writer(session, poll::LOCK_TIMEOUT),
                StatusWriter::Open,
            );
            let interrupts = interrupts.clone();
            wait(session, &connection, &writer, &records, interrupts, view).await
        }
        submitted => submitted,
    };
    tokio::select! {
        () = connection.close() => {}
        () = interrupts.again() => {}
    }
    if number > 0 && !session.settings.automation {
        view.next(&next_steps(session, arguments.waits(session)))?;
    }
    match held.map_or(Ok(()), StateStore::close) {
        Ok(()) => result,
        Err(error) => not_closed(error, result),
    }
}

/// Asks the service whether it has the work already, before the first intent; anything but
/// [`Exit::Done`] ends the run.
async fn may_submit(
    session: &Session,
    plan: &Plan,
    store: &StateStore,
    connection: &Connection,
    interrupts: &Interrupts,
    view: &View,
) -> Result<Exit, Failure> {
    let (records, known) = (store.records(), &store.header().listed);
    let mut interrupts = interrupts.clone();
    let found = tokio::select! {
        found = strangers::look(session, connection, plan, &records, known) => found?,
        () = interrupts.arrived() => return Ok(interrupts.exit().unwrap_or(Exit::Interrupted)),
    };
    let Some(found) = found else {
        return Ok(Exit::Done);
    };
    store.note_listed(&found.listed);
    if found.blocked.is_empty() {
        return Ok(Exit::Done);
    }
    view.blocked(&found.blocked)?;
    Ok(Exit::Blocked)
}

async fn submit(
    session: &Session,
    plan: &Plan,
    store: &StateStore,
    connection: &Connection,
    arguments: &ApplyArgs,
    interrupts: &Interrupts,
    view: &View,
) -> Result<(Exit, usize), Failure> {
    let options = apply::Options {
        parallelism: usize::from(arguments.parallelism),
        ..connection.options()
    };
    let mut outcome = apply::apply(
        plan,
        store,
        &connection.client,
        &options,
        interrupts.interrupt.clone(),
        &|event| {
            // A closed terminal must not stop what is being recorded.
            let _ = view.event(&event);
        },
    )
    .await;
    if matches!(
        outcome.halt,
        Some(Halt::StateUnwritable(_) | Halt::Fenced(_))
    ) {
        // An intent may be on disk although its write was not confirmed.
        if let Ok(records) = session.records() {
            outcome.count_intents(&records);
        }
    }
    let written = if plan.has_work() || !outcome.jobs.is_empty() {
        view.outcome(&outcome)
    } else {
        Ok(())
    };
    notify::unresolved(session, &outcome).await;
    let exit = exit(&outcome, interrupts);
    match written {
        // The terminal may be gone; the code tells what became of the jobs.
        Err(error) if exit == Exit::Done => Err(error.into()),
        _ => Ok((exit, outcome.submitted())),
    }
}

/// The state could not be finished; what became of the jobs decides the exit code.
fn not_closed(error: StateError, submitted: Result<Exit, Failure>) -> Result<Exit, Failure> {
    let is_fenced = matches!(error, StateError::Fenced { .. });
    let mut failure = Failure::from(error);
    match submitted {
        Ok(Exit::Done) => {}
        // The jobs that this run did not know are those of the run that has taken over.
        Ok(Exit::Blocked) if is_fenced => {}
        Ok(exit) => failure.exit = exit,
        Err(earlier) => failure.exit = earlier.exit,
    }
    Err(failure)
}

/// What to do after jobs were submitted.
fn next_steps(session: &Session, has_waited: bool) -> Vec<String> {
    let mut steps = Vec::new();
    if let Some(service) = session.target.embedded() {
        let results = service.data.join("results");
        let results = printable(session.shown(&results));
        steps.push(format!("results: {results}/<job id>/"));
        return steps;
    }
    if !has_waited {
        steps.push(
            "the jobs run at the service: `stocktake status --wait` waits for them".to_owned(),
        );
    }
    let Some(state) = session.state_file() else {
        return steps;
    };
    if state.ancestors().any(|folder| folder.join(".git").exists()) {
        let state = printable(session.shown(state));
        steps.push(format!(
            "commit {state} before anybody else applies: it says what was submitted"
        ));
    }
    steps
}

fn exit(outcome: &ApplyOutcome, interrupts: &Interrupts) -> Exit {
    if outcome.unresolved() > 0 {
        Exit::Unresolved
    } else if let Some(Halt::Fenced(_)) = outcome.halt {
        // What was sent may not be recorded by this run.
        if outcome.intended {
            Exit::Unresolved
        } else {
            Exit::Locked
        }
    } else if let Some(exit) = interrupts.exit() {
        exit
    } else if outcome.rejected() > 0
        || outcome.not_attempted() > 0
        || matches!(outcome.halt, Some(Halt::StateUnwritable(_)))
    {
        Exit::Failed
    } else {
        Exit::Done
    }
}

/// Waits until nothing can change any more.
async fn wait(
    session: &Session,
    connection: &Connection,
    writer: &StatusWriter<'_>,
    records: &Records,
    mut interrupts: Interrupts,
    view: &View,
) -> Result<Exit, Failure> {
    let open = records.iter().filter(|record| status::may_change(record));
    let open: Vec<Arc<Record>> = open.cloned().collect();
    let waited_for: HashSet<Fingerprint> = open.iter().map(|record| record.fingerprint).collect();
    tokio::select! {
        result = poll::follow(session, connection, writer, open, None) => {
            let records = session.records()?;
            let ended = records.iter().filter(|record| waited_for.contains(&record.fingerprint));
            view.ended(&ended.cloned().collect::<Vec<_>>())?;
            result
        }
        () = interrupts.arrived() => {
            let goes_on = if session.target.embedded().is_some() {
                "`stocktake serve` goes on with them"
            } else {
                "they go on at the service"
            };
            session
                .ui
                .note(format!("interrupted; the jobs stay as they are recorded, and {goes_on}"))?;
            Ok(interrupts.exit().unwrap_or(Exit::Interrupted))
        }
    }
}
