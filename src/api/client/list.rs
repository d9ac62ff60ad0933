//! Listing jobs, page by page to the end.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

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

impl Client {
    /// One page of the jobs that the query lets through, oldest first; `token` is that of the page
    /// before.
    pub async fn list_page(
        &self,
        query: &ListQuery,
        token: Option<&str>,
    ) -> Result<ListAnswer, CallError> {
        let filters = query.parameters();
        let filters = filters.iter().map(|(name, value)| (*name, value.as_str()));
        let parameters: Vec<(&str, &str)> = filters
            .chain(token.map(|token| ("nextToken", token)))
            .collect();
        self.ci.get(JOBS, &parameters, decode_list_answer).await
    }

    /// Every job that the query lets through, each once, in the service's order: oldest first.
    pub async fn list(&self, query: &ListQuery) -> Result<Vec<JobDetail>, CallError> {
        let mut jobs = Vec::new();
        let mut ids = HashSet::new();
        let mut tokens = HashSet::new();
        let mut token: Option<String> = None;
        for _ in 0..PAGE_LIMIT {
            let page = self.list_page(query, token.as_deref()).await?;
            let new = page.jobs.into_iter();
            jobs.extend(new.filter(|job| ids.insert(job.job_id.clone())));
            match page.next_token {
                None => return Ok(jobs),
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
