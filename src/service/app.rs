//! From a request to its answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{self, Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use jiff::Timestamp;
use md5::{Digest, Md5};

use super::api_error::ApiError;
use super::authentication::authenticate;
use super::batch;
use super::bucket::Bucket;
use super::call::{Call, prefer_target_host};
use super::faults::{self, Dropped, FaultKind, Script};
use super::ids;
use super::object;
use super::overview::{self, Audience};
use super::reply::Reply;
use super::runner::Runner;
use super::settings::{Limits, WorkflowSettings};
use super::setup::{self, PausedQueues};
use super::store::{Store, WorkflowTimes};
use super::upload;
use super::workflow;
use crate::api::credentials::Credentials;
use crate::api::host::Side;
use crate::api::name::{BucketName, WorkflowId};
use crate::api::wire::BoundService;

/// The first segment of the calls about batch jobs.
const JOBS: &str = "inventorytriggerjob";

/// What answers requests.
#[derive(Debug)]
pub(super) struct App {
    pub(super) store: Arc<Store>,
    pub(super) buckets: Arc<BTreeMap<BucketName, Arc<Bucket>>>,
    pub(super) workflows: Arc<BTreeMap<WorkflowId, WorkflowSettings>>,
    pub(super) workflow_times: BTreeMap<WorkflowId, WorkflowTimes>,
    pub(super) credentials: Credentials,
    pub(super) runner: Runner,
    pub(super) faults: Script,
    pub(super) paused_queues: PausedQueues,
    pub(super) limits: Limits,
    pub(super) audience: Audience,
    pub(super) page: overview::Latest,
}

impl App {
    /// Answers one request.
    pub(super) async fn answer(self: &Arc<Self>, request: Request) -> Response {
        if request.uri().path() == "/healthz" && request.method() == Method::GET {
            return Response::new(Body::from("ok\n"));
        }
        let (mut parts, body) = request.into_parts();
        prefer_target_host(&mut parts);
        if let Some(page) = overview::answer(self, &parts).await {
            return page;
        }
        let request = Request::from_parts(parts, body);
        let fault = self.faults.next(request.method(), request.uri().path());
        match fault {
            None => self.act(request).await,
            Some(fault) => self.misbehave(fault, request).await,
        }
    }

    /// Answers a request without a fault.
    async fn act(self: &Arc<Self>, request: Request) -> Response {
        let request_id = ids::request_id();
        let (parts, body) = request.into_parts();
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        let (side, reply) = match Call::new(parts) {
            Ok(call) => (call.host.side, self.reply(&call, body, &request_id).await),
            Err(failure) => (Side::Ci, Err(failure)),
        };
        let path = uri.path();
        let reply = reply.unwrap_or_else(|failure| Reply::failure(&failure, path, &request_id));
        tracing::info!(
            %method, path, status = reply.status.as_u16(), request_id, "answered"
        );
        reply.into_response(side, request_id)
    }

    /// Answers a request with a fault.
    async fn misbehave(self: &Arc<Self>, fault: &FaultKind, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let refuse = |status: u16, code: &str| {
            let failure = ApiError::new(status, code.to_owned(), "This is a fault on purpose.");
            let request_id = ids::request_id();
            Reply::failure(&failure, &path, &request_id).into_response(Side::Ci, request_id)
        };
        match fault {
            FaultKind::Refuse {
                status,
                code,
                retry_after,
            } => {
                let mut response = refuse(*status, code);
                if let Some(seconds) = retry_after {
                    let seconds = HeaderValue::from(*seconds);
                    response.headers_mut().insert(header::RETRY_AFTER, seconds);
                }
                response
            }
            FaultKind::Drop { acts } => {
                if *acts {
                    self.act(request).await;
                }
                dropped()
            }
            FaultKind::Fail { status, code } => {
                self.act(request).await;
                refuse(*status, code)
            }
            FaultKind::Half => {
                let response = self.act(request).await;
                let (parts, body) = response.into_parts();
                let body = body::to_bytes(body, usize::MAX).await.unwrap_or_default();
                faults::cut_in_half(Response::from_parts(parts, Body::empty()), &body)
            }
            FaultKind::Garbage => {
                self.act(request).await;
                Response::new(Body::from("<html><body>Busy. Try again!</body></html>\n"))
            }
            FaultKind::Slow { delay } => {
                let response = self.act(request).await;
                tokio::time::sleep(*delay).await;
                response
            }
            FaultKind::Late { delay } => {
                self.act_later(*delay, request).await;
                dropped()
            }
        }
    }

    /// Reads the whole request, to act on it after the connection was closed.
    async fn act_later(self: &Arc<Self>, delay: Duration, request: Request) {
        let (parts, body) = request.into_parts();
        let Ok(body) = read(body, &self.limits).await else {
            return;
        };
        let app = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            app.act(Request::from_parts(parts, Body::from(body))).await;
        });
    }

    async fn reply(
        self: &Arc<Self>,
        call: &Call,
        body: Body,
        request_id: &str,
    ) -> Result<Reply, ApiError> {
        authenticate(call, &self.credentials, Timestamp::now())?;
        self.bucket(call)?;
        if call.host.side == Side::Cos {
            return object::answer(self, call, body).await;
        }
        let segments: Vec<&str> = call.path.split('/').skip(1).collect();
        match (&call.method, segments.as_slice()) {
            (&Method::POST, [JOBS]) => {
                batch::trigger(self, call, &read_body(self, call, body).await?, request_id).await
            }
            (&Method::GET, [JOBS]) => batch::list(self, call, request_id).await,
            (&Method::GET, [JOBS, id]) => batch::describe(self, call, id, request_id).await,
            // Nothing else can be put there, and one public SDK leaves out `?cancel`.
            (&Method::PUT, [JOBS, id]) => batch::cancel(self, call, id).await,
            (&Method::GET, ["mediabucket"]) => {
                setup::bound(self, call, BoundService::Media, request_id)
            }
            (&Method::GET, ["picbucket"]) => {
                setup::bound(self, call, BoundService::Picture, request_id)
            }
            (&Method::POST, ["mediabucket" | "picbucket"]) => setup::bind(call),
            (&Method::GET, ["queue" | "picqueue" | "ai_queue" | "asrqueue" | "file_queue"]) => {
                setup::list_queues(self, call, request_id)
            }
            (&Method::PUT, ["queue", id]) => {
                let body = read_body(self, call, body).await?;
                setup::update_queue(self, call, id, &body, request_id)
            }
            (&Method::GET, ["workflow"]) => workflow::list(self, call, request_id),
            (&Method::GET, ["workflowexecution"]) => {
                workflow::list_executions(self, call, request_id).await
            }
            (&Method::GET, ["workflowexecution", id]) => {
                workflow::describe_execution(self, call, id, request_id).await
            }
            (&Method::POST, ["triggerworkflow"]) => workflow::trigger(self, call, request_id).await,
            (
                _,
                [JOBS | "workflow" | "triggerworkflow" | "workflowexecution"]
                | [JOBS | "workflowexecution", _],
            ) => {
                let message = format!("{} is not allowed here", call.method);
                Err(ApiError::new(405, "MethodNotAllowed", message))
            }
            _ => {
                let message = format!("there is no call {} {}", call.method, call.path);
                Err(ApiError::new(400, "InvalidURI", message))
            }
        }
    }

    /// The bucket that the call's host names.
    pub(super) fn bucket(&self, call: &Call) -> Result<&Arc<Bucket>, ApiError> {
        self.buckets.get(&call.host.bucket).ok_or_else(|| {
            let message = format!("there is no bucket `{}` here", call.host.bucket);
            ApiError::new(404, "NoSuchBucket", message)
        })
    }
}

/// The server sees this and closes the connection.
fn dropped() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Dropped);
    response
}

/// The body of a CI call, which is what its Content-MD5 says.
async fn read_body(app: &App, call: &Call, body: Body) -> Result<Bytes, ApiError> {
    let expected = upload::content_md5(call)
        .map_err(|failure| ApiError::new(400, "InvalidContent", failure.message))?;
    let body = read(body, &app.limits).await?;
    if expected.is_some_and(|expected| expected != <[u8; 16]>::from(Md5::digest(&body))) {
        let message = "Content-MD5 is not that of the body";
        return Err(ApiError::new(400, "InvalidContent", message));
    }
    Ok(body)
}

async fn read(body: Body, limits: &Limits) -> Result<Bytes, ApiError> {
    let bytes =
        tokio::time::timeout(limits.body_time, body::to_bytes(body, limits.body_bytes)).await;
    match bytes {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => {
            let message = format!(
                "the body is larger than {} bytes, or was cut off",
                limits.body_bytes
            );
            Err(ApiError::new(400, "EntityTooLarge", message))
        }
        Err(_) => Err(ApiError::new(
            400,
            "RequestTimeout",
            "the body did not arrive in time",
        )),
    }
}
