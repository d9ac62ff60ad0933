//! The one HTTP client: it signs, sends, and says what became of a call.

mod answer;
mod call;
mod caller;
mod clock;
mod connection;
mod download;
mod error;
mod executions;
mod failure;
mod http;
mod list;
mod objects;
mod outcome;
mod pace;
mod settings;
mod setup;
mod tls;
mod transport;
mod workflows;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;

use self::call::Call;
use self::caller::{Caller, Shared};
use self::connection::Connector;
use self::pace::Pace;
use super::credential_provider::{CredentialProvider, RenewalError};
use super::host::Side;
use super::name::{BucketName, JobId, Region};
use super::request::Request;
use super::signature::KeyTime;
use super::wire::{JobDetail, WireError, decode_describe_answer, encode_request};

pub use clock::{ServiceClock, since_boot};
pub use download::Download;
pub use error::CallError;
pub use executions::ExecutionQuery;
pub use http::{HttpAnswer, HttpClient};
pub use list::{ListQuery, Listing};
pub use objects::{ObjectHead, ObjectPages, ObjectQuery};
pub use outcome::{Outcome, OutcomeKind, Rejection, Retry, Sent};
pub(crate) use settings::is_loopback;
pub use settings::{ClientError, ClientSettings, Endpoint, Permitted};
pub use setup::Probe;

const JOBS: &str = "/inventorytriggerjob";
/// How often the time is asked for where the answers are long on their way.
const TIME_CALLS: usize = 3;
const RUNS: &str = "/workflowexecution";
const USER_AGENT: &str = concat!("stocktake/", env!("CARGO_PKG_VERSION"));

/// A client of one bucket's API. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    endpoint: Arc<Endpoint>,
    /// Jobs and workflows.
    ci: Caller,
    /// Objects.
    cos: Caller,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Whether calls go over TLS, or a part of their way.
fn is_encrypted(endpoint: &Endpoint, settings: &ClientSettings) -> Result<bool, ClientError> {
    let address = endpoint.address(Side::Ci)?;
    let mut addresses = std::iter::once(&address).chain(&settings.proxy);
    Ok(addresses.any(|address| address.scheme() != "http"))
}

impl Client {
    /// Sets TLS and connections up; connects to nothing.
    pub fn new(
        endpoint: Endpoint,
        credentials: impl Into<CredentialProvider>,
        settings: ClientSettings,
    ) -> Result<Self, ClientError> {
        let tls = tls::config(is_encrypted(&endpoint, &settings)?)?;
        let shared = Shared {
            reading: transport::build(&settings, tls.clone())?,
            connector: Connector::new(&settings, tls),
            pace: Pace::new(settings.rate),
            credentials: credentials.into(),
            clocks: Mutex::default(),
            settings,
        };
        Self::at(Arc::new(shared), endpoint)
    }

    /// The same client for another bucket.
    pub fn for_bucket(&self, bucket: &BucketName, region: &Region) -> Result<Self, ClientError> {
        if self.endpoint.bucket == *bucket && self.endpoint.region == *region {
            return Ok(self.clone());
        }
        let endpoint = Endpoint {
            bucket: bucket.clone(),
            region: region.clone(),
            base: self.endpoint.base.clone(),
        };
        Self::at(Arc::clone(&self.ci.shared), endpoint)
    }

    fn at(shared: Arc<Shared>, endpoint: Endpoint) -> Result<Self, ClientError> {
        if let Some(permitted) = &shared.settings.permitted {
            let refused = permitted.refused(&endpoint);
            if !refused.is_empty() {
                let names = refused.join(",");
                return Err(ClientError::NotPermitted { names });
            }
        }
        Ok(Self {
            ci: Caller::new(Arc::clone(&shared), &endpoint, Side::Ci)?,
            cos: Caller::new(shared, &endpoint, Side::Cos)?,
            endpoint: Arc::new(endpoint),
        })
    }

    /// The bucket that is called, and where.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The longest that one call takes.
    pub fn call_timeout(&self) -> Duration {
        self.ci.shared.settings.call_timeout
    }

    /// Whether there are credentials for a call that begins now. They are renewed here if it is time
    /// for that, so that a submission finds out before its intent is recorded.
    pub async fn ready(&self) -> Result<(), RenewalError> {
        self.ci.shared.credentials.current().await.map(drop)
    }

    /// Waits until a call may be made, as the rate of the settings and [`Client::rest`] let it. Every
    /// call waits by itself, but for [`Client::trigger`].
    pub async fn turn(&self) {
        self.ci.shared.pace.wait().await;
    }

    /// Makes no call for a while, since the service asked for rest.
    pub fn rest(&self, delay: Duration) {
        self.ci.shared.pace.hold(delay);
    }

    /// Asks for a batch job, once: nothing below repeats the request, and the connection is new, so
    /// that it cannot have been closed by the other end unnoticed. It does so at once: whoever calls
    /// this has waited for a [`turn`](Client::turn) before recording the intent.
    ///
    /// The signature holds in the `window` alone, by the service's clock: the service refuses the call
    /// later, however long it was on its way.
    pub async fn trigger(&self, request: &Request, window: KeyTime) -> Sent {
        let body = match encode_request(request) {
            Ok(body) => body,
            Err(error) => {
                let reason = format!("the request cannot be written: {error}");
                return Outcome::abandoned(reason).into();
            }
        };
        let call = Call {
            body: Some(body),
            window: Some(window),
            ..Call::new(Method::POST, JOBS, &[])
        };
        let credentials = &self.ci.shared.credentials;
        let used = credentials.current().await;
        let sent = Sent::from_call(self.ci.once(&call).await);
        match used {
            Ok(used) if sent.says_ended() && credentials.has_ended(&used) => Sent {
                retry: Some(Retry::BackOff),
                ..Outcome::abandoned("the service said that the credentials had ended").into()
            },
            _ => sent,
        }
    }

    /// The service's clock: what it reads is known after the first answer.
    pub fn clock(&self) -> &ServiceClock {
        &self.ci.clock
    }

    /// Asks for the service's time, unless an answer has told it already.
    pub async fn synchronize(&self) -> Result<(), CallError> {
        self.synchronize_within(Duration::MAX).await
    }

    /// [`synchronize`](Self::synchronize), and again as long as the clock's two readings are further
    /// apart than `width`, a few times: an answer may have been long on its way.
    pub async fn synchronize_within(&self, width: Duration) -> Result<(), CallError> {
        let _asking = self.ci.clock.asking.lock().await;
        for _ in 0..TIME_CALLS {
            if self.ci.clock.width().is_some_and(|known| known <= width) {
                break;
            }
            self.ask_for_time().await?;
        }
        Ok(())
    }

    async fn ask_for_time(&self) -> Result<(), CallError> {
        let call = Call::new(Method::GET, JOBS, &[("size", "1"), ("type", "Workflow")]);
        let ask = || async {
            let answer = self.ci.ask(&call).await;
            let answer = answer.map_err(|failure| (self.ci.transport_error(failure), None))?;
            // Any answer tells the time, a refusal as well.
            if answer.date.is_none() {
                let reason = "there is no `Date` of the service's own in the answer";
                let error = self.ci.answer_error(answer.status, reason.to_owned());
                return Err((error, answer.retry_after));
            }
            Ok(())
        };
        self.ci.repeat(ask).await
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
        match self.ci.get(&path, &[], decode).await {
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
        let path = format!("{JOBS}/{job_id}");
        let call = Call::new(Method::PUT, &path, &[("cancel", "")]);
        self.synchronize().await?;
        self.turn().await;
        let answer = self.ci.once(&call).await;
        let answer = answer.map_err(|failure| self.ci.transport_error(failure))?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(self.ci.error(&answer))
        }
    }
}
