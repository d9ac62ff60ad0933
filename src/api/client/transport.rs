//! Sends one read over kept connections.

use jiff::Timestamp;
use reqwest::redirect::Policy;
use reqwest::{NoProxy, Proxy, Response, Url};
use rustls::ClientConfig;

use super::USER_AGENT;
use super::call::Call;
use super::failure::{Failure, reason};
use super::settings::{ClientError, ClientSettings};
use crate::api::credentials::Credentials;

/// Reads keep this many connections for later.
const IDLE_CONNECTIONS: usize = 8;

/// A client that repeats nothing by itself: no retry, no redirect, no proxy from the environment.
/// A connection that it keeps may have been closed by the other end, which a read can bear.
pub(super) fn build(
    settings: &ClientSettings,
    tls: ClientConfig,
) -> Result<reqwest::Client, ClientError> {
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .connect_timeout(settings.longest_connecting())
        .timeout(settings.call_timeout)
        .user_agent(USER_AGENT);
    if let Some(proxy) = &settings.proxy {
        let proxy = Proxy::all(proxy.clone()).map_err(setup_error)?;
        let except = settings.no_proxy.as_deref();
        builder = builder.proxy(proxy.no_proxy(except.and_then(NoProxy::from_string)));
    }
    builder.build().map_err(setup_error)
}

fn setup_error(error: reqwest::Error) -> ClientError {
    ClientError::Setup(reason(&error.without_url()))
}

/// Sends `call` to `address` in the name of `host`, up to the head of the answer.
pub(super) async fn begin(
    client: &reqwest::Client,
    credentials: &Credentials,
    address: &Url,
    host: &str,
    call: &Call<'_>,
    now: Timestamp,
) -> Result<Response, Failure> {
    let headers = call.headers(credentials, host, now)?;
    let url = call.url(address)?;
    let mut request = client.request(call.method.clone(), url).headers(headers);
    if let Some(timeout) = call.timeout {
        request = request.timeout(timeout);
    }
    request.send().await.map_err(failure)
}

/// The address is left out, which the caller names.
fn failure(error: reqwest::Error) -> Failure {
    let failure = if error.is_connect() || error.is_builder() {
        Failure::NotConnected
    } else {
        Failure::Broken
    };
    failure(reason(&error.without_url()))
}
