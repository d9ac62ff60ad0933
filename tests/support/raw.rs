//! A server below HTTP, for answers that no well-behaved server gives.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What a connection gets once its request was read.
#[derive(Debug, Clone)]
pub enum Reply {
    /// These bytes, and then the end.
    Bytes(String),
    /// These bytes; the connection stays open for another request.
    KeepOpen(String),
    /// These bytes as soon as the value is true, and then the end.
    Held(watch::Receiver<bool>, String),
    /// A reset.
    Reset,
    /// The end, without a byte.
    Close,
    /// Nothing, for as long as the client waits.
    Silence,
}

/// How clients ask for the time alone. Every server here tells it, and does not count the call.
const TIME_CALL: &str = "GET /inventorytriggerjob?size=1&type=Workflow ";

/// How a run asks which jobs the service has already. A server here has none, and does not count the
/// call, unless a test wants to answer it.
const STRANGERS_CALL: &str =
    "GET /inventorytriggerjob?type=Workflow&orderByTime=Asc&size=100&startCreationTime=";

/// A server that answers the n-th request (from 0) as it is told to.
pub struct RawServer {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl RawServer {
    pub async fn start(reply: impl Fn(usize, &str) -> Reply + Clone + Send + 'static) -> Self {
        Self::start_with(true, reply).await
    }

    /// A server that is told what to say when a run asks which jobs it has already.
    pub async fn start_with_jobs(
        reply: impl Fn(usize, &str) -> Reply + Clone + Send + 'static,
    ) -> Self {
        Self::start_with(false, reply).await
    }

    async fn start_with(
        is_empty: bool,
        reply: impl Fn(usize, &str) -> Reply + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let (seen, opened) = (Arc::clone(&requests), Arc::clone(&connections));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *opened.lock().unwrap() += 1;
                tokio::spawn(serve(stream, is_empty, reply.clone(), Arc::clone(&seen)));
            }
        });
        Self {
            address,
            requests,
            connections,
            task,
        }
    }

    /// Every request so far, head and body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    is_empty: bool,
    reply: impl Fn(usize, &str) -> Reply,
    seen: Arc<Mutex<Vec<String>>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        let asks_for_strangers = is_empty && request.starts_with(STRANGERS_CALL);
        if request.starts_with(TIME_CALL) || asks_for_strangers {
            let list = "<Response></Response>";
            let answer = answer("200 OK", "", list);
            let _ = stream.write_all(answer.as_bytes()).await;
            continue;
        }
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        match reply(number, &request) {
            Reply::Bytes(bytes) => {
                let _ = stream.write_all(bytes.as_bytes()).await;
                return;
            }
            Reply::KeepOpen(bytes) => {
                let _ = stream.write_all(bytes.as_bytes()).await;
            }
            Reply::Held(mut released, bytes) => {
                let _ = released.wait_for(|released| *released).await;
                let _ = stream.write_all(bytes.as_bytes()).await;
                return;
            }
            Reply::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Reply::Close => return,
            Reply::Silence => tokio::time::sleep(Duration::from_hours(1)).await,
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream
            .read(&mut part)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = header(head, "content-length").map_or(0, |value| value.parse().unwrap());
        if body.len() >= length {
            return Some(text.into_owned());
        }
    }
}

/// A header of a request.
pub fn header(request: &str, name: &str) -> Option<String> {
    let mut lines = request.lines().take_while(|line| !line.is_empty());
    lines.find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then(|| value.to_owned())
    })
}

/// An answer with a body, as a service sends it.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    answer_at(Timestamp::now(), status, headers, body)
}

/// [`answer`] of a service whose clock shows that moment.
pub fn answer_at(moment: Timestamp, status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    let date = printer.timestamp_to_rfc9110_string(&moment).unwrap();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Date: {date}\r\nX-Ci-Request-Id: raw\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// The answer to a trigger call that was taken.
pub fn accepted(job_id: &str) -> String {
    let body = format!(
        "<Response><JobsDetail><JobId>{job_id}</JobId><State>Submitted</State></JobsDetail></Response>"
    );
    answer("200 OK", "", &body)
}

/// An error of the service.
pub fn error(status: &str, headers: &str, code: &str) -> String {
    let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
    answer(status, headers, &body)
}
