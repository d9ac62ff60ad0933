//! A connection for one request, for calls that must not be made twice.
//!
//! Without a connection nothing was sent. Then the outcome is unknown until the answer is there. The
//! request goes into the connection once, and both are gone when the call is over: there is no
//! request that could be repeated, and no connection that the other end may have closed meanwhile.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use hyper::client::conn::http1;
use hyper::header::{self, CONNECTION, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHORIZATION};
use hyper::http::uri::{PathAndQuery, Scheme};
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::ServiceExt;

use super::USER_AGENT;
use super::answer::Answer;
use super::failure::{Failure, reason};
use super::settings::ClientSettings;

/// Perhaps TLS to the service, over TCP or, towards a proxy, perhaps over TLS once more.
type Stream = MaybeHttpsStream<MaybeHttpsStream<TokioIo<TcpStream>>>;

/// Makes connections, each for one request.
pub(super) struct Connector {
    direct: HttpsConnector<HttpConnector>,
    tls: Arc<ClientConfig>,
    proxies: Matcher,
    connect_timeout: Duration,
    call_timeout: Duration,
}

impl Connector {
    pub(super) fn new(settings: &ClientSettings, tls: ClientConfig) -> Self {
        let tls = Arc::new(tls);
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let proxy = settings.proxy.as_ref().map_or("", |proxy| proxy.as_str());
        let except = settings.no_proxy.as_deref().unwrap_or_default();
        Self {
            direct: HttpsConnector::from((tcp, Arc::clone(&tls))),
            tls,
            proxies: Matcher::builder().all(proxy).no(except).build(),
            connect_timeout: settings.longest_connecting(),
            call_timeout: settings.call_timeout,
        }
    }

    /// Connects to where `request` goes, sends it, and reads the answer.
    pub(super) async fn exchange(&self, request: Request<String>) -> Result<Answer, Failure> {
        // It holds a whole connection, which is too large to be moved around with its task.
        let exchange = Box::pin(self.connect_and_send(request));
        let exchange = timeout(self.call_timeout, exchange);
        exchange.await.unwrap_or_else(|_| {
            let reason = format!("no answer within {:?}", self.call_timeout);
            Err(Failure::Broken(reason))
        })
    }

    async fn connect_and_send(&self, mut request: Request<String>) -> Result<Answer, Failure> {
        let proxy = self.proxies.intercept(request.uri());
        let connecting = self.connect(request.uri(), proxy.as_ref());
        let stream = match timeout(self.connect_timeout, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Failure::NotConnected(reason(error.as_ref()))),
            Err(_) => {
                let reason = format!("no connection within {:?}", self.connect_timeout);
                return Err(Failure::NotConnected(reason));
            }
        };
        match proxy.filter(|_| !is_encrypted(request.uri())) {
            // A proxy that sees the request is told the whole address.
            Some(proxy) => authorize(request.headers_mut(), &proxy),
            None => *request.uri_mut() = path(request.uri()),
        }
        send(stream, request).await
    }

    async fn connect(
        &self,
        uri: &Uri,
        proxy: Option<&Intercept>,
    ) -> Result<Stream, Box<dyn Error + Send + Sync>> {
        let direct = self.direct.clone();
        let Some(proxy) = proxy else {
            return Ok(MaybeHttpsStream::Http(direct.oneshot(uri.clone()).await?));
        };
        let address = proxy.uri().clone();
        if !is_encrypted(uri) {
            return Ok(MaybeHttpsStream::Http(direct.oneshot(address).await?));
        }
        let mut headers = HeaderMap::from_iter([user_agent()]);
        authorize(&mut headers, proxy);
        let tunnel = Tunnel::new(address, direct).with_headers(headers);
        let encrypted = HttpsConnector::from((tunnel, Arc::clone(&self.tls)));
        encrypted.oneshot(uri.clone()).await
    }
}

/// Writes the request once, and reads its answer meanwhile.
async fn send(stream: Stream, mut request: Request<String>) -> Result<Answer, Failure> {
    let broken = |error: hyper::Error| Failure::Broken(reason(&error));
    let close = (CONNECTION, HeaderValue::from_static("close"));
    request
        .headers_mut()
        .extend([user_agent(), close].map(|(name, value)| (Some(name), value)));
    let (mut sender, connection) = http1::handshake(stream).await.map_err(broken)?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(broken)?;
        Answer::read(response).await
    };
    match select(pin!(answer), pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        // What it read before it ended is still to be handed over.
        Either::Right((_, answer)) => answer.await,
    }
}

fn is_encrypted(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS)
}

/// An address as the server that it belongs to is told it.
fn path(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned();
    Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
}

fn user_agent() -> (HeaderName, HeaderValue) {
    (header::USER_AGENT, HeaderValue::from_static(USER_AGENT))
}

fn authorize(headers: &mut HeaderMap, proxy: &Intercept) {
    if let Some(credentials) = proxy.basic_auth() {
        headers.insert(PROXY_AUTHORIZATION, credentials.clone());
    }
}
