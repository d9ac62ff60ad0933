//! Jobs of the service that a person names.

use std::sync::Arc;

use super::{AdoptArgs, not_asked, record, show, with_state};
use crate::adopt;
use crate::api::client::Client;
use crate::api::name::JobId;
use crate::api::wire::JobDetail;
use crate::cli::connection::Connection;
use crate::cli::failure::Failure;
use crate::cli::session::{Session, job_of};
use crate::job::Job;
use crate::report::{self, Adoption};

/// All or none: somebody who mistook one of them may have mistaken others.
pub(super) fn adopt(
    session: &Session,
    arguments: &AdoptArgs,
    jobs: &[Arc<Job>],
) -> Result<(), Failure> {
    let mut pairs = Vec::new();
    for (key, job_id) in &arguments.named {
        pairs.push((job_of(jobs, key)?, job_id));
    }
    let details = tokio::runtime::Runtime::new()?.block_on(describe(session, &pairs))?;
    let (adopted, known) = with_state(session, arguments, |store| {
        let mut records = store.records();
        let (mut adopted, mut known, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
        for ((job, job_id), detail) in pairs.into_iter().zip(details) {
            match adopt::named(job, job_id, detail.as_ref(), &records, session.now) {
                // The next one may name the same job for another key.
                Ok(Some(record)) => {
                    records.insert(record.clone().into());
                    adopted.push(record);
                }
                Ok(None) => known.push(job.key.clone()),
                Err(refusal) => refusals.push(report::refusal(&refusal)),
            }
        }
        if !refusals.is_empty() {
            return Err(refusals.into());
        }
        record(store, &adopted)?;
        Ok((adopted, known))
    })?;
    let adoption = Adoption {
        adopted: &adopted,
        known: &known,
        ..Adoption::default()
    };
    show(session, arguments, &adoption)
}

async fn describe(
    session: &Session,
    pairs: &[(&Job, &JobId)],
) -> Result<Vec<Option<JobDetail>>, Failure> {
    let Some((first, _)) = pairs.first() else {
        return Ok(Vec::new());
    };
    let (bucket, region) = (first.work.bucket.clone(), first.work.region.clone());
    let connection = Connection::open(session, bucket, region).await?;
    let details = describe_all(&connection.client, pairs).await;
    connection.close().await;
    details
}

async fn describe_all(
    client: &Client,
    pairs: &[(&Job, &JobId)],
) -> Result<Vec<Option<JobDetail>>, Failure> {
    let mut details = Vec::with_capacity(pairs.len());
    for (job, job_id) in pairs {
        let client = client.for_bucket(&job.work.bucket, &job.work.region)?;
        let detail = client.describe(job_id).await;
        details.push(detail.map_err(|error| not_asked(&error))?);
    }
    Ok(details)
}
