//! The one HTTP client: it signs, sends, and says what became of a call.
#![expect(
    clippy::todo,
    reason = "signatures first, for those who build on them; bodies follow at once"
)]

mod outcome;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;

use super::credentials::Credentials;
use super::name::{BucketName, JobId, JobName, Region, WorkflowId};
use super::request::Request;
use super::wire::{JobDetail, JobState, ServiceError, WireError};

pub use outcome::SendOutcome;

/// Which bucket's API is called, and where it is reached.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The bucket.
    pub bucket: BucketName,
    /// Its region.
    pub region: Region,
    /// Where to connect to instead of the bucket's own host; host header and signature name the
    /// bucket's host all the same.
    pub base: Option<Url>,
}

/// How patient the client is.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// To connect, TLS included.
    pub connect_timeout: Duration,
    /// For a whole call, from connecting to the last byte of the answer.
    pub call_timeout: Duration,
    /// How often a read is tried again.
    pub read_retries: usize,
    /// A proxy to go through; none is taken from the environment.
    pub proxy: Option<Url>,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_mins(1),
            read_retries: 4,
            proxy: None,
        }
    }
}

/// Why no client can be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The endpoint would send signed requests unencrypted over a network.
    #[error(
        "the endpoint `{url}` is plain http; that is allowed on this machine's loopback alone, use https"
    )]
    PlainHttp {
        /// The endpoint.
        url: String,
    },
    /// Neither http nor https, or no host.
    #[error("the endpoint `{url}` is not an http or https address")]
    NotAnAddress {
        /// The endpoint.
        url: String,
    },
    /// TLS or a proxy cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
}

/// Why a call that can be repeated has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The service answered with an error.
    #[error("{0}")]
    Service(#[from] ServiceError),
    /// No answer came.
    #[error("{host} cannot be reached: {reason}")]
    Transport {
        /// The host that was called.
        host: String,
        /// What went wrong, without any secret.
        reason: String,
    },
    /// An answer came that is not the service's.
    #[error("{host} answered {status} with something that is not the service's: {reason}")]
    Answer {
        /// The host that was called.
        host: String,
        /// HTTP status.
        status: u16,
        /// What is wrong with the answer.
        reason: String,
    },
}

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

/// A client of one bucket's API. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    endpoint: Endpoint,
}

struct Shared {
    credentials: Credentials,
    settings: ClientSettings,
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
        let shared = Arc::new(Shared {
            credentials,
            settings,
        });
        Ok(Self { shared, endpoint })
    }

    /// The same client for another bucket.
    #[must_use]
    pub fn for_bucket(&self, bucket: &BucketName, region: &Region) -> Self {
        let endpoint = Endpoint {
            bucket: bucket.clone(),
            region: region.clone(),
            base: self.endpoint.base.clone(),
        };
        Self {
            shared: Arc::clone(&self.shared),
            endpoint,
        }
    }

    /// The longest that one call takes.
    pub fn call_timeout(&self) -> Duration {
        let _ = &self.shared.credentials;
        self.shared.settings.call_timeout
    }

    /// Asks for a batch job, once: nothing below repeats the request.
    pub async fn trigger(&self, request: &Request) -> SendOutcome {
        let _ = request;
        todo!()
    }

    /// What the service says of one job; `None` when it does not know the id.
    pub async fn describe(&self, job_id: &JobId) -> Result<Option<JobDetail>, CallError> {
        let _ = job_id;
        todo!()
    }

    /// Every job that the query lets through, page by page to the end, newest first.
    pub async fn list(&self, query: &ListQuery) -> Result<Vec<JobDetail>, CallError> {
        let _ = query;
        todo!()
    }

    /// Cancels a job.
    pub async fn cancel(&self, job_id: &JobId) -> Result<(), CallError> {
        let _ = job_id;
        todo!()
    }
}

impl From<WireError> for SendOutcome {
    fn from(error: WireError) -> Self {
        Self::NotSent {
            reason: error.to_string(),
            may_pass: false,
        }
    }
}
