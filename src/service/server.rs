//! The listening socket and its connections: HTTP, and TLS on the same port if it is configured.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Extensions, HeaderValue, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::app::App;
use super::faults::Dropped;
use super::header_case;
use super::request_body::RequestBody;
use super::settings::Limits;
use super::socket::Socket;
use super::strict_heads::StrictHeads;
use crate::api::host::Host;

/// How long open calls have when the service ends.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);

/// The most that is read or written ahead for one connection, in bytes; so the longest head, too.
const BUFFER: usize = 64 * 1024;

/// How long to wait when no connection can be accepted, as without a file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The first byte of a TLS connection: a handshake record.
const TLS_HANDSHAKE: u8 = 0x16;

/// What all connections share.
struct Shared {
    app: Arc<App>,
    tls: Option<TlsAcceptor>,
    stop: watch::Receiver<bool>,
    /// Has the spelling of header names.
    header_case: Extensions,
}

/// Accepts connections until told to stop, then lets open calls finish.
pub(super) async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    tls: Option<Arc<ServerConfig>>,
    mut stop: watch::Receiver<bool>,
) {
    let shared = Arc::new(Shared {
        app,
        tls: tls.map(TlsAcceptor::from),
        stop: stop.clone(),
        header_case: header_case::documented().await,
    });
    let mut connections = JoinSet::new();
    let places = Arc::new(Semaphore::new(places(&shared.app.limits)));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, place, address)) => {
                while connections.try_join_next().is_some() {}
                connections.spawn(connect(stream, place, address, Arc::clone(&shared)));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_TIME, ended).await.is_err() {
        tracing::warn!("connections were cut off");
    }
}

/// How many connections may be open at once. Each may need a file besides.
fn places(limits: &Limits) -> usize {
    let files = getrlimit(Resource::Nofile).current;
    let files = files.and_then(|files| usize::try_from(files).ok());
    files.map_or(limits.connections, |files| {
        limits.connections.min(files / 2)
    })
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit, SocketAddr)> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    // Small answers must not wait for the client's acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    Ok((stream, place, address))
}

async fn connect(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    address: SocketAddr,
    shared: Arc<Shared>,
) {
    let mut first = [0];
    let peeked = tokio::time::timeout(shared.app.limits.head_time, stream.peek(&mut first)).await;
    if !matches!(peeked, Ok(Ok(_))) {
        return;
    }
    let socket = Socket::new(stream, shared.app.limits.write_time, place);
    match shared.tls.clone() {
        Some(tls) if first[0] == TLS_HANDSHAKE => secure(socket, tls, address, shared).await,
        _ => speak(socket, address, shared).await,
    }
}

async fn secure(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    tls: TlsAcceptor,
    address: SocketAddr,
    shared: Arc<Shared>,
) {
    let accepted = tokio::time::timeout(shared.app.limits.head_time, tls.accept(stream)).await;
    match accepted {
        Ok(Ok(stream)) => speak(stream, address, shared).await,
        Ok(Err(error)) => tracing::info!(%address, %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%address, "a TLS handshake took too long"),
    }
}

/// Answers the requests of a connection.
async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: SocketAddr,
    shared: Arc<Shared>,
) {
    let head_time = shared.app.limits.head_time;
    let mut stop = shared.stop.clone();
    let service = service_fn(move |request| answer(request, address, Arc::clone(&shared)));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .preserve_header_case(true)
        // A client may send all it has and close its side before it reads the answer.
        .half_close(true)
        .max_buf_size(BUFFER)
        .header_read_timeout(head_time);
    let connection = builder.serve_connection(TokioIo::new(StrictHeads::new(stream)), service);
    let mut connection = pin!(connection.with_upgrades());
    let stopped = async move { stop.wait_for(|stop| *stop).await.map(drop) };
    let served = tokio::select! {
        served = connection.as_mut() => served,
        _ = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%address, %error, "a connection broke");
    }
}

async fn answer(
    mut request: Request<Incoming>,
    address: SocketAddr,
    shared: Arc<Shared>,
) -> Result<Response, Dropped> {
    if let Some(tls) = shared.tls.clone()
        && is_tunnel(&request)
    {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(tunnel(upgrade, tls, address, shared));
        return Ok(Response::new(Body::empty()));
    }
    let expects_continue = request.headers().contains_key(header::EXPECT);
    let request = request.map(|body| Body::new(RequestBody::new(body, expects_continue)));
    let headers = request.headers();
    // `StrictHeads` does not see where the next head of such a connection begins.
    let is_last =
        headers.contains_key(header::TRANSFER_ENCODING) || request.method() == Method::CONNECT;
    let mut response = shared.app.answer(request).await;
    if is_last {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    if let Some(dropped) = response.extensions().get::<Dropped>() {
        return Err(*dropped);
    }
    let header_case = shared.header_case.clone();
    response.extensions_mut().extend(header_case);
    Ok(response)
}

/// Whether a client asks for a tunnel to a bucket's host, as HTTPS through a proxy does.
fn is_tunnel(request: &Request<Incoming>) -> bool {
    let host = request.uri().authority();
    let host = host.map(|host| host.as_str().to_ascii_lowercase());
    request.method() == Method::CONNECT && host.is_some_and(|host| Host::parse(&host).is_some())
}

/// Speaks TLS on a connection that asked for a tunnel: this service is the other end. (Boxed, because a
/// tunnel may carry another one.)
fn tunnel(
    upgrade: hyper::upgrade::OnUpgrade,
    tls: TlsAcceptor,
    address: SocketAddr,
    shared: Arc<Shared>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        match upgrade.await {
            Ok(stream) => secure(TokioIo::new(stream), tls, address, shared).await,
            Err(error) => tracing::debug!(%address, %error, "a tunnel was not opened"),
        }
    })
}
