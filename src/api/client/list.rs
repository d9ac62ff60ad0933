//! Listing jobs, page by page to the end.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;

use super::answer::Answer;
use super::call::Call;
use super::error::CallError;
use super::{Client, JOBS};
use crate::api::name::{JobName, WorkflowId};
use crate::api::time;
use crate::api::wire::{JobDetail, JobState, ListAnswer, decode_list_answer};

/// The most that the API gives.
pub(super) const PAGE_SIZE: &str = "100";
/// A service that never ends its list is stopped here.
const PAGE_LIMIT: usize = 20_000;

/// Which jobs to list; what is absent filters nothing.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// By name. Whether the service compares whole names is not documented: compare again.
    pub name: Option<JobName>,
    /// By workflow.
    pub workflow_id: Option<WorkflowId>,
    /// By state.
    pub states: Vec<JobState>,
    /// Created then or later.
    pub created_from: Option<Timestamp>,
    /// Created then or earlier.
    pub created_until: Option<Timestamp>,
}

impl ListQuery {
    /// Times are cut to whole seconds outwards, so that nothing in between is missed.
    fn parameters(&self) -> Vec<(&'static str, String)> {
        let states: Vec<&str> = self.states.iter().map(JobState::as_str).collect();
        let until = self
            .created_until
            .and_then(|until| until.checked_add(SignedDuration::from_millis(999)).ok());
        let optional = [
            ("name", self.name.as_ref().map(ToString::to_string)),
            (
                "workflowId",
                self.workflow_id.as_ref().map(ToString::to_string),
            ),
            ("states", (!states.is_empty()).then(|| states.join(","))),
            ("startCreationTime", self.created_from.map(time::format)),
            ("endCreationTime", until.map(time::format)),
        ];
        let given = optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        // In ascending order, jobs that are created meanwhile come at the end and shift no page.
        [
            ("type", "Workflow"),
            ("orderByTime", "Asc"),
            ("size", PAGE_SIZE),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into_iter()
        .chain(given)
        .collect()
    }
}

/// A complete list.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Every job, once.
    pub jobs: Vec<JobDetail>,
    /// The service's time when it answered the first page; a job that it lacks was not listed then.
    pub date: Option<Timestamp>,
    /// How many pages it had.
    pub pages: usize,
}

impl Client {
    /// One page of the jobs that the query lets through, oldest first; `token` is that of the page
    /// before.
    pub async fn list_page(
        &self,
        query: &ListQuery,
        token: Option<&str>,
    ) -> Result<ListAnswer, CallError> {
        Ok(self.page(query, token).await?.0)
    }

    async fn page(
        &self,
        query: &ListQuery,
        token: Option<&str>,
    ) -> Result<(ListAnswer, Option<Timestamp>), CallError> {
        let filters = query.parameters();
        let filters = filters.iter().map(|(name, value)| (*name, value.as_str()));
        let parameters: Vec<(&str, &str)> = filters
            .chain(token.map(|token| ("nextToken", token)))
            .collect();
        let call = Call::new(Method::GET, JOBS, &parameters);
        let decode = |answer: Answer| match decode_list_answer(&answer.body) {
            Ok(page) => Ok((page, answer.date)),
            Err(error) => Err(self.ci.answer_error(answer.status, error.to_string())),
        };
        self.ci.read(call, decode).await
    }

    /// Every job that the query lets through, each once, in the service's order: oldest first.
    pub async fn list(&self, query: &ListQuery) -> Result<Vec<JobDetail>, CallError> {
        Ok(self.list_dated(query).await?.jobs)
    }

    /// [`list`](Self::list), with the time at which the list was true.
    pub async fn list_dated(&self, query: &ListQuery) -> Result<Listing, CallError> {
        let (mut date, mut pages) = (None, 0);
        let mut jobs = Vec::new();
        let mut ids = HashSet::new();
        let mut tokens = HashSet::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGE_LIMIT {
            let (page, answered) = self.page(query, token.as_deref()).await?;
            if pages == 0 {
                date = answered;
            }
            pages += 1;
            let new = page.jobs.into_iter();
            jobs.extend(new.filter(|job| ids.insert(job.job_id.clone())));
            match page.next_token {
                None => return Ok(Listing { jobs, date, pages }),
                Some(next) if !tokens.insert(next.clone()) => {
                    return Err(self
                        .ci
                        .answer_error(200, format!("the list repeats its page `{next}`")));
                }
                next => token = next,
            }
        }
        Err(self
            .ci
            .answer_error(200, format!("the list has more than {PAGE_LIMIT} pages")))
    }
}
