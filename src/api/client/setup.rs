//! Calls that tell whether a bucket is ready for work. None of them changes anything.

use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::DATE;

use super::call::Call;
use super::error::CallError;
use super::{Client, JOBS};
use crate::api::wire::{
    BoundBucket, BoundService, Queue, WorkflowsAnswer, decode_bound_answer, decode_list_answer,
    decode_queues_answer, decode_workflows_answer,
};

/// The answer to a call that is made for its own sake.
#[derive(Debug)]
pub struct Probe {
    /// Whether the service took the signature and the call.
    pub outcome: Result<(), CallError>,
    /// The service's time, where it answered at all.
    pub date: Option<Timestamp>,
}

impl Client {
    /// Makes the smallest signed call, once.
    pub async fn probe(&self) -> Probe {
        let call = Call::new(Method::GET, JOBS, &[("size", "1")]);
        self.turn().await;
        let answer = match self.ci.once(&call).await {
            Ok(answer) => answer,
            Err(failure) => {
                return Probe {
                    outcome: Err(self.ci.transport_error(failure)),
                    date: None,
                };
            }
        };
        let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        Probe {
            outcome: match answer.status {
                200 => decode_list_answer(&answer.body)
                    .map(drop)
                    .map_err(|error| self.ci.answer_error(200, error.to_string())),
                _ => Err(self.ci.error(&answer)),
            },
            date: date.map(|date| date.timestamp()),
        }
    }

    /// The buckets of this name that are bound to a service: this one, or none.
    pub async fn bound(&self, service: BoundService) -> Result<Vec<BoundBucket>, CallError> {
        let bucket = self.endpoint.bucket.as_str();
        let parameters = [
            ("bucketNames", bucket),
            ("pageNumber", "1"),
            ("pageSize", "100"),
        ];
        let decode = |body: &[u8]| decode_bound_answer(service, body);
        self.ci.get(service.path(), &parameters, decode).await
    }

    /// The queues that hold this bucket's media jobs.
    pub async fn queues(&self) -> Result<Vec<Queue>, CallError> {
        let parameters = [("pageNumber", "1"), ("pageSize", "100")];
        self.ci
            .get("/queue", &parameters, decode_queues_answer)
            .await
    }

    /// The workflows with these ids, which are separated by commas, or the first page of all.
    pub async fn workflows(&self, ids: &str) -> Result<WorkflowsAnswer, CallError> {
        let mut parameters = vec![("pageNumber", "1"), ("pageSize", "100")];
        if !ids.is_empty() {
            parameters.push(("ids", ids));
        }
        self.ci
            .get("/workflow", &parameters, decode_workflows_answer)
            .await
    }
}
