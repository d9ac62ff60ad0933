//! Calls to one host of a bucket; reads are tried again where that can help.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};
use jiff::Timestamp;
use reqwest::{Method, Response, Url};

use super::answer::Answer;
use super::call::Call;
use super::clock::{ServiceClock, since_boot};
use super::connection::Connector;
use super::error::{CallError, EXPIRED_TOKEN};
use super::failure::Failure;
use super::pace::Pace;
use super::transport;
use super::{ClientError, ClientSettings, Endpoint};
use crate::api::credential_provider::CredentialProvider;
use crate::api::credentials::Credentials;
use crate::api::host::Side;
use crate::api::wire::{WireError, decode_error};

/// No read waits longer than this before it is tried again, whatever the service asks for.
const LONGEST_READ_DELAY: Duration = Duration::from_secs(30);

/// What the clients of all buckets share.
pub(super) struct Shared {
    pub(super) credentials: CredentialProvider,
    pub(super) settings: ClientSettings,
    pub(super) pace: Pace,
    /// For what may be repeated, over kept connections.
    pub(super) reading: reqwest::Client,
    /// For what may not.
    pub(super) connector: Connector,
    /// The clock of each host.
    pub(super) clocks: Mutex<HashMap<Arc<str>, Arc<ServiceClock>>>,
}

impl Shared {
    fn clock_of(&self, host: &Arc<str>) -> Arc<ServiceClock> {
        let mut clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(clocks.entry(Arc::clone(host)).or_default())
    }
}

/// One host of a bucket, and the way to it.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) shared: Arc<Shared>,
    address: Arc<Url>,
    host: Arc<str>,
    pub(super) clock: Arc<ServiceClock>,
}

/// Why one attempt came to nothing, with the delay that the service asked for.
pub(super) type Attempt<T> = Result<T, (CallError, Option<Duration>)>;

impl Caller {
    pub(super) fn new(
        shared: Arc<Shared>,
        endpoint: &Endpoint,
        side: Side,
    ) -> Result<Self, ClientError> {
        let host = Arc::from(endpoint.host(side).to_string());
        Ok(Self {
            clock: shared.clock_of(&host),
            shared,
            address: Arc::new(endpoint.address(side)?),
            host,
        })
    }

    /// Reads `path`, with a new signature for each try, where trying again can help.
    pub(super) async fn get<T>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        decode: impl Fn(&[u8]) -> Result<T, WireError>,
    ) -> Result<T, CallError> {
        let decode = |answer: Answer| {
            let decoded = decode(&answer.body);
            decoded.map_err(|error| self.answer_error(answer.status, error.to_string()))
        };
        self.read(Call::new(Method::GET, path, parameters), decode)
            .await
    }

    /// Makes a call that changes nothing, and makes it again where that can help.
    pub(super) async fn read<T>(
        &self,
        call: Call<'_>,
        decode: impl Fn(Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.repeat(|| self.read_once(&call, &decode)).await
    }

    async fn read_once<T>(
        &self,
        call: &Call<'_>,
        decode: impl Fn(Answer) -> Result<T, CallError>,
    ) -> Attempt<T> {
        let failed = |failure| (self.transport_error(failure), None);
        let knew_the_time = self.clock.early().is_some();
        let used = self.credentials().await.map_err(failed)?;
        let mut answer = self.ask(call).await.map_err(failed)?;
        // Signed by a clock that is off: this answer has told the right time.
        if matches!(answer.status, 401 | 403) && !knew_the_time && self.clock.difference().is_some()
        {
            answer = self.ask(call).await.map_err(failed)?;
        }
        if says_ended(&answer) && self.shared.credentials.has_ended(&used) {
            answer = self.ask(call).await.map_err(failed)?;
        }
        if answer.status != 200 {
            return Err((self.error(&answer), answer.retry_after));
        }
        decode(answer).map_err(|error| (error, None))
    }

    /// Makes attempts until one succeeds, or fails in a way that does not pass.
    pub(super) async fn repeat<T, A: Future<Output = Attempt<T>>>(
        &self,
        attempt: impl FnMut() -> A,
    ) -> Result<T, CallError> {
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

    /// Makes a call once, over a connection of its own, and reads the answer, whatever that says.
    pub(super) async fn once(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let (begun, sent) = (Instant::now(), since_boot());
        let request = self.credentials().await.and_then(|credentials| {
            call.request(&credentials, &self.address, &self.host, self.now())
        });
        let answer = match request {
            Ok(request) => self.shared.connector.exchange(request).await,
            Err(failure) => Err(failure),
        };
        self.observe(answer.as_ref(), sent);
        self.log(call, begun.elapsed(), answer.as_ref());
        answer
    }

    /// Reads once, whatever the answer says.
    pub(super) async fn ask(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        self.shared.pace.wait().await;
        let (begun, sent) = (Instant::now(), since_boot());
        let answer = match self.send(call).await {
            Ok(response) => Answer::read(response.into()).await,
            Err(failure) => Err(failure),
        };
        self.observe(answer.as_ref(), sent);
        self.log(call, begun.elapsed(), answer.as_ref());
        answer
    }

    async fn open(&self, call: &Call<'_>) -> Result<Response, Failure> {
        self.shared.pace.wait().await;
        self.send(call).await
    }

    async fn send(&self, call: &Call<'_>) -> Result<Response, Failure> {
        let credentials = self.credentials().await?;
        let (client, address, host) = (&self.shared.reading, &self.address, &self.host);
        transport::begin(client, &credentials, address, host, call, self.now()).await
    }

    async fn credentials(&self) -> Result<Arc<Credentials>, Failure> {
        let current = self.shared.credentials.current().await;
        current.map_err(|error| Failure::Unsendable(error.to_string()))
    }

    /// The time to sign at: the service's, once it is known.
    fn now(&self) -> Timestamp {
        self.clock.early().unwrap_or_else(Timestamp::now)
    }

    fn observe(&self, answer: Result<&Answer, &Failure>, sent: Duration) {
        if let Some(date) = answer.ok().and_then(|answer| answer.date) {
            self.clock.observe(date, sent);
        }
    }

    /// A line for a message to the service's support.
    fn log(&self, call: &Call<'_>, took: Duration, answer: Result<&Answer, &Failure>) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let call = call.describe(&self.host);
        match answer {
            Ok(answer) => tracing::debug!(
                call,
                status = answer.status,
                request_id = answer.request_id.as_deref().unwrap_or("-"),
                ?took,
                "answered"
            ),
            Err(failure) => tracing::debug!(call, ?failure, ?took, "no answer"),
        }
    }

    pub(super) fn error(&self, answer: &Answer) -> CallError {
        match decode_error(answer.status, &answer.body) {
            Ok(error) => CallError::Service {
                host: self.called().to_owned(),
                error,
            },
            // As the answer to a `HEAD` has none.
            Err(_) if answer.body.is_empty() => CallError::Status {
                host: self.called().to_owned(),
                status: answer.status,
            },
            Err(error) => self.answer_error(answer.status, error.to_string()),
        }
    }

    pub(super) fn answer_error(&self, status: u16, reason: String) -> CallError {
        CallError::Answer {
            host: self.called().to_owned(),
            status,
            reason,
        }
    }

    pub(super) fn transport_error(&self, failure: Failure) -> CallError {
        let host = self.called().to_owned();
        match failure {
            Failure::Unsendable(reason) => CallError::Unsendable { host, reason },
            Failure::NotConnected(reason) | Failure::Broken(reason) => {
                CallError::Transport { host, reason }
            }
        }
    }

    /// Sends a read whose answer is long, and leaves its body to be read piece by piece.
    pub(super) async fn begin(&self, call: &Call<'_>) -> Attempt<Response> {
        let opened = self.open(call).await;
        let response = opened.map_err(|failure| (self.transport_error(failure), None))?;
        if matches!(response.status().as_u16(), 200 | 206) {
            return Ok(response);
        }
        let answer = Answer::read(response.into()).await;
        let answer = answer.map_err(|failure| (self.transport_error(failure), None))?;
        Err((self.error(&answer), answer.retry_after))
    }

    /// The host that connections go to.
    fn called(&self) -> &str {
        self.address.host_str().unwrap_or(&self.host)
    }
}

/// Whether the service says that temporary credentials have ended.
fn says_ended(answer: &Answer) -> bool {
    matches!(answer.status, 400..500)
        && decode_error(answer.status, &answer.body).is_ok_and(|error| error.code == EXPIRED_TOKEN)
}
