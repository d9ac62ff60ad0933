//! Estimates for `plan`, and for the guards of `apply` and `watch`.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::connection::Connection;
use super::failure::{Failure, credentials_refused};
use super::session::Session;
use crate::api::client::CallError;
use crate::diagnostic::Diagnostic;
use crate::estimate::{self, Counters, Counts};
use crate::plan::Plan;
use crate::report::ProgressLine;

/// How often progress is looked at.
const TICK: Duration = Duration::from_millis(200);

/// Counts what the plan would make the service process, and asks the guards that depend on it. What
/// cannot be counted is said in the plan; it is for the guards to decide what that means. Without a
/// service that answers there is nothing to decide.
pub(super) async fn estimate(session: &Session, plan: &mut Plan) -> Result<(), Failure> {
    let counts = count(session, plan).await?;
    plan.estimate(&counts, &session.target.prices, &session.limits(None));
    Ok(())
}

/// [`estimate`], if the target has a guard that depends on it and nothing forbids the plan anyway.
pub(super) async fn estimate_for_guards(session: &Session, plan: &mut Plan) -> Result<(), Failure> {
    if session.limits(None).need_estimate() && plan.blocked.is_empty() {
        estimate(session, plan).await?;
    }
    Ok(())
}

async fn count(session: &Session, plan: &Plan) -> Result<Counts, Failure> {
    let Some(first) = plan.estimated_jobs().next() else {
        return Ok(Counts::default());
    };
    let (bucket, region) = (&first.work.bucket, &first.work.region);
    let connection = Connection::for_reading(session, bucket.clone(), region.clone()).await?;
    let counters = Counters::default();
    let mut progress = ProgressLine::new(session.ui);
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let counts = {
        let mut counting = std::pin::pin!(estimate::count(
            plan.estimated_jobs(),
            &connection.client,
            &counters
        ));
        loop {
            tokio::select! {
                counts = &mut counting => break counts,
                _ = ticks.tick() => progress.counted(counters.snapshot()),
            }
        }
    };
    drop(progress);
    connection.close().await;
    counts.map_err(|error| failed(&error))
}

fn failed(error: &CallError) -> Failure {
    credentials_refused(error)
        .unwrap_or_else(|| Diagnostic::error("estimate", error.to_string()))
        .into()
}
