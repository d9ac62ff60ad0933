//! Signs and sends one request, and reads its answer up to a limit.

use std::time::{Duration, Instant};

use data_encoding::BASE64;
use jiff::Timestamp;
use md5::{Digest, Md5};
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, RANGE,
    RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Method, Url};
use reqwest::{NoProxy, Proxy};
use secrecy::ExposeSecret;

use super::settings::{ClientError, ClientSettings};
use crate::api::credentials::Credentials;
use crate::api::host::{Host, Side};
use crate::api::signature::{KeyTime, SignedRequest, url_encode};

/// A whole list page is far below it.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// Before now, because clocks differ.
const VALID_BEFORE_SECONDS: i64 = 60;
/// Behind now: longer than any call takes.
const VALID_AFTER_SECONDS: i64 = 900;

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
const CI_TOKEN: HeaderName = HeaderName::from_static("x-ci-security-token");
const COS_TOKEN: HeaderName = HeaderName::from_static("x-cos-security-token");
/// Under which each host gives the id of a call.
const REQUEST_IDS: [HeaderName; 2] = [
    HeaderName::from_static("x-ci-request-id"),
    HeaderName::from_static("x-cos-request-id"),
];

/// One call, before it is signed.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) parameters: &'a [(&'a str, &'a str)],
    /// An XML document.
    pub(super) body: Option<String>,
    /// For reading an object: the first byte that is wanted.
    pub(super) from: Option<u64>,
    /// The longest that it may take, where it is not what every call may.
    pub(super) timeout: Option<Duration>,
}

impl<'a> Call<'a> {
    /// A call without a body.
    pub(super) fn new(method: Method, path: &'a str, parameters: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            method,
            path,
            parameters,
            body: None,
            from: None,
            timeout: None,
        }
    }
}

/// An answer that arrived as a whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) request_id: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why no answer arrived as a whole.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such request: nothing of it can be sent, now or later.
    Unsendable(String),
    /// No connection was made: nothing of the request can have left.
    NotConnected(String),
    /// Anything from the first byte of the request on.
    Broken(String),
}

/// A client that repeats nothing by itself: no retry, no redirect, no proxy from the environment.
/// `idle` is how many connections it keeps for later calls; one that is kept may have been closed
/// by the other end, and then nobody knows whether what was sent over it arrived.
pub(super) fn build(
    settings: &ClientSettings,
    idle: usize,
) -> Result<reqwest::Client, ClientError> {
    // The second time it says that one is installed, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(idle)
        // Shorter than the call, so that what never connected is known not to have been sent.
        .connect_timeout(settings.connect_timeout.min(settings.call_timeout / 2))
        .timeout(settings.call_timeout)
        .user_agent(concat!("stocktake/", env!("CARGO_PKG_VERSION")));
    if let Some(proxy) = &settings.proxy {
        let proxy = Proxy::all(proxy.clone()).map_err(setup_error)?;
        let except = settings.no_proxy.as_deref();
        builder = builder.proxy(proxy.no_proxy(except.and_then(NoProxy::from_string)));
    }
    builder.build().map_err(setup_error)
}

fn setup_error(error: reqwest::Error) -> ClientError {
    ClientError::Setup(reason(error))
}

/// Sends `call` to `address` in the name of `host`, and reads the answer.
pub(super) async fn send(
    client: &reqwest::Client,
    credentials: &Credentials,
    address: &Url,
    host: &str,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let begun = Instant::now();
    let answer = match begin(client, credentials, address, host, call).await {
        Ok(response) => read(response).await,
        Err(failure) => Err(failure),
    };
    log(call, host, begun.elapsed(), answer.as_ref());
    answer
}

/// Sends `call` to `address` in the name of `host`, up to the head of the answer.
pub(super) async fn begin(
    client: &reqwest::Client,
    credentials: &Credentials,
    address: &Url,
    host: &str,
    call: &Call<'_>,
) -> Result<reqwest::Response, Failure> {
    let headers = headers(credentials, host, call)
        .map_err(|_| Failure::Unsendable("a credential is no valid header value".to_owned()))?;
    let mut url = address.clone();
    let path = encode_path(call.path);
    url.set_path(&path);
    // Addresses know steps upwards, and keys do not.
    if url.path() != path {
        let reason = format!("no address can name `{}`", call.path);
        return Err(Failure::Unsendable(reason));
    }
    if !call.parameters.is_empty() {
        url.set_query(Some(&query(call.parameters)));
    }
    let mut request = client.request(call.method.clone(), url).headers(headers);
    if let Some(timeout) = call.timeout {
        request = request.timeout(timeout);
    }
    if let Some(body) = &call.body {
        request = request.body(body.clone());
    }
    request.send().await.map_err(failure)
}

/// A line for whoever has to write to the service's support. Headers, which carry the signature,
/// are left out.
fn log(call: &Call<'_>, host: &str, took: Duration, answer: Result<&Answer, &Failure>) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let query = query(call.parameters);
    let mark = if query.is_empty() { "" } else { "?" };
    let path = encode_path(call.path);
    let called = format!("{} {host}{path}{mark}{query}", call.method);
    match answer {
        Ok(answer) => tracing::debug!(
            call = called,
            status = answer.status,
            request_id = answer.request_id.as_deref().unwrap_or("-"),
            ?took,
            "answered"
        ),
        Err(failure) => tracing::debug!(call = called, ?failure, ?took, "no answer"),
    }
}

/// A path whose segments are encoded, and whose slashes are not.
fn encode_path(path: &str) -> String {
    url_encode(path).replace("%2F", "/")
}

fn query(parameters: &[(&str, &str)]) -> String {
    let pairs = parameters.iter().map(|(name, value)| {
        let equals = if value.is_empty() { "" } else { "=" };
        format!("{}{equals}{}", url_encode(name), url_encode(value))
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn headers(
    credentials: &Credentials,
    host: &str,
    call: &Call<'_>,
) -> Result<HeaderMap, reqwest::header::InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_str(host)?);
    if let Some(body) = &call.body {
        let digest = BASE64.encode(&Md5::digest(body.as_bytes()));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        headers.insert(CONTENT_MD5, HeaderValue::from_str(&digest)?);
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    } else if !matches!(call.method, Method::GET | Method::HEAD) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
    }
    if let Some(from) = call.from {
        let range = format!("bytes={from}-");
        headers.insert(RANGE, HeaderValue::from_str(&range)?);
    }
    if let Some(token) = &credentials.token {
        let mut token = HeaderValue::from_str(token.expose_secret())?;
        token.set_sensitive(true);
        let is_cos = Host::parse(host).is_some_and(|host| host.side == Side::Cos);
        headers.insert(if is_cos { COS_TOKEN } else { CI_TOKEN }, token);
    }
    let signed: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
        .collect();
    let request = SignedRequest {
        method: call.method.as_str(),
        path: call.path,
        parameters: call.parameters,
        headers: &signed,
    };
    let now = Timestamp::now().as_second();
    let key_time = KeyTime {
        start: now - VALID_BEFORE_SECONDS,
        end: now + VALID_AFTER_SECONDS,
    };
    let mut authorization = HeaderValue::from_str(&request.authorization(credentials, key_time))?;
    authorization.set_sensitive(true);
    headers.insert(AUTHORIZATION, authorization);
    Ok(headers)
}

pub(super) async fn read(mut response: reqwest::Response) -> Result<Answer, Failure> {
    let text = |name: &HeaderName| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.trim().to_owned())
    };
    let status = response.status().as_u16();
    let retry_after = text(&RETRY_AFTER).and_then(|text| retry_after(&text));
    let request_id = REQUEST_IDS.iter().find_map(text);
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_LIMIT => {
                let reason = format!("the answer is larger than {ANSWER_LIMIT} bytes");
                return Err(Failure::Broken(reason));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => {
                let reason = format!("the answer (status {status}) broke off: {}", reason(error));
                return Err(Failure::Broken(reason));
            }
        }
    }
    Ok(Answer {
        status,
        retry_after,
        request_id,
        headers,
        body,
    })
}

/// Seconds, or a date.
fn retry_after(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Duration::try_from(moment.duration_since(Timestamp::now())).ok()
}

fn failure(error: reqwest::Error) -> Failure {
    if error.is_connect() || error.is_builder() {
        Failure::NotConnected(reason(error))
    } else {
        Failure::Broken(reason(error))
    }
}

/// The whole chain in one line; without the address, which the caller names.
pub(super) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{query, retry_after};

    #[test]
    fn a_query_is_written_the_way_it_is_signed() {
        let parameters = [("cancel", ""), ("name", "批量 a"), ("t", "1+0800")];
        assert_eq!(
            query(&parameters),
            "cancel&name=%E6%89%B9%E9%87%8F%20a&t=1%2B0800"
        );
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), None);
        assert!(retry_after("Fri, 06 Nov 2099 08:49:37 GMT").is_some());
        assert_eq!(retry_after("-1"), None);
        assert_eq!(retry_after("soon"), None);
    }
}
