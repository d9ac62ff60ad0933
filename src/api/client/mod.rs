//! The one HTTP client: it signs, sends, and says what became of a call.

mod error;
mod executions;
mod list;
mod outcome;
mod settings;
mod transport;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::{Method, Url};

use self::transport::{Answer, Call, Failure};
use super::credentials::Credentials;
use super::name::{BucketName, JobId, Region};
use super::request::Request;
use super::wire::{JobDetail, WireError, decode_describe_answer, decode_error, encode_request};

pub use error::CallError;
pub use executions::ExecutionQuery;
pub use list::ListQuery;
pub use outcome::SendOutcome;
pub use settings::{ClientError, ClientSettings, Endpoint};

const JOBS: &str = "/inventorytriggerjob";
const RUNS: &str = "/workflowexecution";
/// Reads keep this many connections for later.
const IDLE_READ_CONNECTIONS: usize = 8;
/// No read waits longer than this before it is tried again, whatever the service asks for.
const LONGEST_READ_DELAY: Duration = Duration::from_secs(30);

/// A client of one bucket's API. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    address: Url,
    host: Arc<str>,
}

struct Shared {
    credentials: Credentials,
    settings: ClientSettings,
    submitting: reqwest::Client,
    reading: reqwest::Client,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Sets TLS and connections up; connects to nothing.
    pub fn new(
        endpoint: Endpoint,
        credentials: Credentials,
        settings: ClientSettings,
    ) -> Result<Self, ClientError> {
        let shared = Shared {
            submitting: transport::build(&settings, 0)?,
            reading: transport::build(&settings, IDLE_READ_CONNECTIONS)?,
            credentials,
            settings,
        };
        Self::at(Arc::new(shared), endpoint)
    }

    /// The same client for another bucket.
    pub fn for_bucket(&self, bucket: &BucketName, region: &Region) -> Result<Self, ClientError> {
        let endpoint = Endpoint {
            bucket: bucket.clone(),
            region: region.clone(),
            base: self.endpoint.base.clone(),
        };
        Self::at(Arc::clone(&self.shared), endpoint)
    }

    fn at(shared: Arc<Shared>, endpoint: Endpoint) -> Result<Self, ClientError> {
        Ok(Self {
            shared,
            address: endpoint.address()?,
            host: Arc::from(endpoint.host()),
            endpoint,
        })
    }

    /// The bucket that is called, and where.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The longest that one call takes.
    pub fn call_timeout(&self) -> Duration {
        self.shared.settings.call_timeout
    }

    /// Asks for a batch job, once: nothing below repeats the request, and the connection is new, so
    /// that it cannot have been closed by the other end unnoticed.
    pub async fn trigger(&self, request: &Request) -> SendOutcome {
        let body = match encode_request(request) {
            Ok(body) => body,
            Err(error) => {
                let reason = format!("the request cannot be written: {error}");
                return SendOutcome::NotSent {
                    reason,
                    may_pass: false,
                };
            }
        };
        let call = Call {
            method: Method::POST,
            path: JOBS,
            parameters: &[],
            body: Some(body),
        };
        match self.send(&self.shared.submitting, call).await {
            Ok(answer) => SendOutcome::from_answer(&answer),
            Err(Failure::NotConnected(reason)) => SendOutcome::NotSent {
                reason,
                may_pass: true,
            },
            Err(Failure::Broken(reason)) => SendOutcome::Unresolved { reason },
        }
    }

    /// What the service says of one job; `None` when it does not know the id.
    pub async fn describe(&self, job_id: &JobId) -> Result<Option<JobDetail>, CallError> {
        let path = format!("{JOBS}/{job_id}");
        let decode = |body: &[u8]| {
            let job = decode_describe_answer(body)?.job;
            match &job {
                Some(job) if job.job_id != *job_id => Err(WireError::Content(format!(
                    "the answer is about {}, not about {job_id}",
                    job.job_id
                ))),
                _ => Ok(job),
            }
        };
        match self.get(&path, &[], decode).await {
            Err(CallError::Service { error, .. })
                if error.status == 404 && error.code != "NoSuchBucket" =>
            {
                Ok(None)
            }
            result => result,
        }
    }

    /// Cancels a job.
    pub async fn cancel(&self, job_id: &JobId) -> Result<(), CallError> {
        let call = Call {
            method: Method::PUT,
            path: &format!("{JOBS}/{job_id}"),
            parameters: &[("cancel", "")],
            body: None,
        };
        let answer = self.send(&self.shared.submitting, call).await;
        let answer = answer.map_err(|failure| self.transport_error(failure))?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(self.error(&answer))
        }
    }

    /// Reads `path`, signing anew and trying again where that can help.
    async fn get<T>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        decode: impl Fn(&[u8]) -> Result<T, WireError>,
    ) -> Result<T, CallError> {
        let attempt = || self.get_once(path, parameters, &decode);
        let delays = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(5))
            .with_max_times(self.shared.settings.read_retries)
            .with_jitter();
        attempt
            .retry(delays)
            .sleep(tokio::time::sleep)
            .when(|(error, _)| error.may_pass())
            .adjust(|(_, asked), planned| {
                let asked = asked.unwrap_or_default().min(LONGEST_READ_DELAY);
                planned.map(|planned| planned.max(asked))
            })
            .await
            .map_err(|(error, _)| error)
    }

    /// An error comes with the delay that the service asked for.
    async fn get_once<T>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        decode: impl Fn(&[u8]) -> Result<T, WireError>,
    ) -> Result<T, (CallError, Option<Duration>)> {
        let call = Call {
            method: Method::GET,
            path,
            parameters,
            body: None,
        };
        let answer = self.send(&self.shared.reading, call).await;
        let answer = answer.map_err(|failure| (self.transport_error(failure), None))?;
        if answer.status != 200 {
            return Err((self.error(&answer), answer.retry_after));
        }
        let decoded = decode(&answer.body);
        decoded.map_err(|error| (self.answer_error(answer.status, error.to_string()), None))
    }

    async fn send(&self, client: &reqwest::Client, call: Call<'_>) -> Result<Answer, Failure> {
        transport::send(
            client,
            &self.shared.credentials,
            &self.address,
            &self.host,
            call,
        )
        .await
    }

    fn error(&self, answer: &Answer) -> CallError {
        match decode_error(answer.status, &answer.body) {
            Ok(error) => CallError::Service {
                host: self.called().to_owned(),
                error,
            },
            Err(error) => self.answer_error(answer.status, error.to_string()),
        }
    }

    fn answer_error(&self, status: u16, reason: String) -> CallError {
        CallError::Answer {
            host: self.called().to_owned(),
            status,
            reason,
        }
    }

    fn transport_error(&self, failure: Failure) -> CallError {
        CallError::Transport {
            host: self.called().to_owned(),
            reason: failure.into_reason(),
        }
    }

    /// The host that connections go to.
    fn called(&self) -> &str {
        self.address.host_str().unwrap_or(&self.host)
    }
}
