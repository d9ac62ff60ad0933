//! What the service says of many jobs, in few calls: pages of a list where one page answers for
//! several jobs, a question a job for the rest.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::{PARALLELISM, Trouble};
use crate::api::client::{Client, ListQuery};
use crate::api::name::JobId;
use crate::api::wire::JobDetail;
use crate::state::Record;

/// Fewer jobs than this are asked for one by one.
const WORTH_A_LIST: usize = 10;
/// One page in so many jobs may be in vain: then a question a job is the politer way.
const JOBS_A_WASTED_PAGE: usize = 20;
/// How far the service's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// How long the service may need to know a job that it took.
const FRESH: SignedDuration = SignedDuration::from_mins(2);

/// One job's answer.
pub(super) type Answer = Result<(Arc<Record>, JobDetail), Trouble>;

/// Asks for accepted records of one bucket.
pub(super) async fn ask(client: &Client, records: Vec<Arc<Record>>) -> Vec<Answer> {
    let mut open: HashMap<JobId, Arc<Record>> = HashMap::with_capacity(records.len());
    for record in records {
        if let Some((_, job_id)) = record.accepted() {
            open.insert(job_id.clone(), Arc::clone(&record));
        }
    }
    let mut answers = Vec::with_capacity(open.len());
    if open.len() >= WORTH_A_LIST {
        list(client, &mut open, &mut answers).await;
    }
    let questions = stream::iter(open).map(|(job_id, record)| describe(client, job_id, record));
    let mut questions = questions.buffer_unordered(PARALLELISM);
    while let Some(answer) = questions.next().await {
        answers.push(answer);
    }
    answers
}

/// Reads pages as long as they find more jobs than they cost calls. What cannot be listed is left
/// to single questions, which say what is wrong.
async fn list(client: &Client, open: &mut HashMap<JobId, Arc<Record>>, answers: &mut Vec<Answer>) {
    let oldest = open.values().filter_map(|record| {
        let (submission, _) = record.accepted()?;
        submission.intended_at.checked_sub(CLOCK_SKEW).ok()
    });
    let query = ListQuery {
        created_from: oldest.min(),
        ..ListQuery::default()
    };
    let allowance = open.len() / JOBS_A_WASTED_PAGE + 1;
    let mut token: Option<String> = None;
    let mut pages = 0;
    while !open.is_empty() && pages < answers.len() + allowance {
        let Ok(page) = client.list_page(&query, token.as_deref()).await else {
            return;
        };
        pages += 1;
        for job in page.jobs {
            if let Some(record) = open.remove(&job.job_id) {
                answers.push(Ok((record, job)));
            }
        }
        if page.next_token.is_none() || page.next_token == token {
            return;
        }
        token = page.next_token;
    }
}

async fn describe(client: &Client, job_id: JobId, record: Arc<Record>) -> Answer {
    let key = record.key.clone();
    match client.describe(&job_id).await {
        Ok(Some(job)) => Ok((record, job)),
        Ok(None) => Err(Trouble::Gone {
            fresh: is_fresh(&record),
            key,
            job_id,
        }),
        Err(error) => Err(Trouble::Call { key, error }),
    }
}

fn is_fresh(record: &Record) -> bool {
    let submitted = record
        .accepted()
        .map(|(submission, _)| submission.intended_at);
    submitted.is_some_and(|at| Timestamp::now().duration_since(at).abs() < FRESH)
}
