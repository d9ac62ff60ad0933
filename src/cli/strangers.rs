//! What a target that costs money is asked before anything is sent: whether somebody else submitted the
//! same work.

use super::connection::Connection;
use super::failure::{Failure, credentials_refused};
use super::session::Session;
use crate::apply::strangers::{self, Strangers, StrangersError};
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::remedy;
use crate::state::{Listed, Records};

/// Looks for jobs of the service that do what `plan` may submit and that `records` do not have; nothing
/// on a target that costs nothing, or where nothing may be submitted.
pub(super) async fn look(
    session: &Session,
    connection: &Connection,
    plan: &Plan,
    records: &Records,
    known: &Listed,
) -> Result<Option<Strangers>, Failure> {
    if !concern(session, plan) {
        return Ok(None);
    }
    let settle = connection.settle.unwrap_or_default();
    let found = strangers::find(&connection.client, plan, records, known, settle).await;
    Ok(Some(found.map_err(not_listed)?))
}

/// Whether there is something to look for.
pub(super) fn concern(session: &Session, plan: &Plan) -> bool {
    session.target.embedded().is_none() && strangers::concern(plan)
}

/// Adds what it finds to a plan that is only shown.
pub(super) async fn show(
    session: &Session,
    plan: &mut Plan,
    records: &Records,
    known: &Listed,
) -> Result<(), Failure> {
    let work = plan.jobs.iter().find(|planned| planned.may_submit());
    let Some(work) = work
        .map(|planned| &planned.job.work)
        .filter(|_| concern(session, plan))
    else {
        return Ok(());
    };
    let connection = Connection::open(session, work.bucket.clone(), work.region.clone()).await?;
    let found = look(session, &connection, plan, records, known).await;
    connection.close().await;
    if let Some(found) = found? {
        plan.blocked.extend(found.blocked);
    }
    Ok(())
}

fn not_listed(error: StrangersError) -> Failure {
    let error = match error {
        StrangersError::Client(error) => return error.into(),
        StrangersError::Call(error) => error,
    };
    if let Some(refused) = credentials_refused(&error) {
        return refused.into();
    }
    let message = format!(
        "nothing was sent: it cannot be learnt whether the service has these jobs already: {error}"
    );
    let otherwise = "apply again when the service answers";
    let help = remedy::of_call(&error).unwrap_or(otherwise);
    Diagnostic::error("unknown-jobs", message).help(help).into()
}
