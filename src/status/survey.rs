//! What the service says of everything that is recorded: asked once, nothing counted, nothing written.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::ask::ask;
use super::refresh::{by_bucket, with_news};
use super::{StatusError, Trouble};
use crate::api::client::Client;
use crate::api::name::JobId;
use crate::state::Record;

/// What the service says otherwise than the records.
#[derive(Debug, Default)]
pub struct Survey {
    /// Records with what is newly known of their jobs.
    pub changed: Vec<Arc<Record>>,
    /// Jobs that the service does not know.
    pub gone: Vec<JobId>,
}

/// Asks for the accepted jobs of `records`, ended ones too. `tell` hears how many are answered. The
/// first question that cannot be answered is the end: half an answer would look like a whole one.
pub async fn survey(
    client: &Client,
    records: &[Arc<Record>],
    tell: &mut (dyn FnMut(usize) + Send),
) -> Result<Survey, StatusError> {
    let mut survey = Survey::default();
    let mut answered = 0;
    let accepted = records.iter().filter(|record| record.accepted().is_some());
    for ((bucket, region), records) in by_bucket(accepted) {
        let client = client.for_bucket(&bucket, &region)?;
        let mut failed = None;
        let _ = ask(&client, records, &mut |answer| {
            answered += 1;
            tell(answered);
            match answer {
                Ok((record, job)) => survey
                    .changed
                    .extend(with_news(&record, &job, None).map(Arc::new)),
                Err(Trouble::Gone { job_id, .. }) => survey.gone.push(job_id),
                Err(Trouble::Call { error, .. }) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })
        .await;
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
    Ok(survey)
}
