//! The listening socket and its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::app::App;
use super::faults::Dropped;
use super::settings::Limits;
use super::socket::Socket;
use super::strict_heads::StrictHeads;

/// How long open calls have when the service ends.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);

/// The most that is read or written ahead for one connection, in bytes; so the longest head, too.
const BUFFER: usize = 64 * 1024;

/// How long to wait when no connection can be accepted, as without a file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections until told to stop, then lets open calls finish.
pub(super) async fn serve(listener: TcpListener, app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(places(&app.limits)));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, place, address)) => {
                let socket = Socket::new(stream, app.limits.write_time, place);
                connect(socket, address, &app, &graceful);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(SHUTDOWN_TIME, graceful.shutdown())
        .await
        .is_err()
    {
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

fn connect(socket: Socket, address: SocketAddr, app: &Arc<App>, graceful: &GracefulShutdown) {
    let head_time = app.limits.head_time;
    let app = Arc::clone(app);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let app = Arc::clone(&app);
        async move {
            let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
            let mut response = app.answer(request.map(Body::new)).await;
            if is_chunked {
                // Where its next head begins, `StrictHeads` does not see.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            match response.extensions().get::<Dropped>() {
                Some(dropped) => Err(*dropped),
                None => Ok(response),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Some clients look names up as the real service writes them, `Content-Length`.
        .title_case_headers(true)
        .header_read_timeout(head_time)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(StrictHeads::new(socket)), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%address, %error, "a connection broke");
        }
    });
}
