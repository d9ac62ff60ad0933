//! From a request to its answer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{self, Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use jiff::Timestamp;
use md5::{Digest, Md5};
use tokio::sync::Mutex;

use super::api_error::{ApiError, ErrorCode};
use super::authentication::authenticate;
use super::batch;
use super::bucket::Bucket;
use super::call::{Call, prefer_target_host};
use super::definitions;
use super::faults::{self, Dropped, FaultKind, Script};
use super::ids;
use super::objects;
use super::overview::{self, Audience};
use super::quota::Quota;
use super::reply::Reply;
use super::routes::{self, Operation};
use super::runner::Runner;
use super::settings::{Limits, WorkflowSettings};
use super::setup::{self, PausedQueues};
use super::store::{Store, WorkflowTimes};
use super::workflow;
use crate::api::credentials::Credentials;
use crate::api::host::Side;
use crate::api::name::{BucketName, WorkflowId};
use crate::api::wire::BoundService;

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
    pub(super) quota: Quota,
    /// The folder of multipart uploads.
    pub(super) uploads: PathBuf,
    /// Held while an object is put in its place or removed.
    pub(super) placing: Arc<Mutex<()>>,
    pub(super) audience: Audience,
    pub(super) page: overview::Latest,
}

impl App {
    /// Answers one request.
    pub(super) async fn answer(self: &Arc<Self>, request: Request) -> Response {
        if request.uri().path() == "/healthz" && request.method() == Method::GET {
            return Response::new(Body::from("ok\n"));
        }
        if request.method() == Method::CONNECT {
            return no_tunnel();
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
            Err(error) => (Side::Ci, Err(error)),
        };
        let path = uri.path();
        let reply = reply.unwrap_or_else(|error| Reply::failure(&error, side, path, &request_id));
        tracing::info!(
            %method, path, status = reply.status.as_u16(), request_id, "answered"
        );
        reply.into_response(side, request_id)
    }

    /// Answers a request with a fault.
    async fn misbehave(self: &Arc<Self>, fault: &FaultKind, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        let refuse = |status: u16, code: &str| {
            let code = ErrorCode::Fault(status, code.to_owned());
            let error = ApiError::new(code, "This is a fault on purpose.");
            let request_id = ids::request_id();
            let reply = Reply::failure(&error, Side::Ci, &path, &request_id);
            reply.into_response(Side::Ci, request_id)
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
        if call.method == Method::OPTIONS {
            // A browser asks before it signs anything.
            let message = "the bucket has no CORS rules";
            return Err(ApiError::new(ErrorCode::AccessForbidden, message));
        }
        authenticate(call, &self.credentials, Timestamp::now())?;
        self.bucket(call)?;
        let (operation, argument) = routes::find(call)?;
        match operation {
            Operation::TriggerJob => {
                objects::check_length(call)?;
                batch::trigger(self, call, &read_body(self, call, body).await?, request_id).await
            }
            Operation::ListJobs => batch::list(self, call, request_id).await,
            Operation::DescribeJob => batch::describe(self, call, argument, request_id).await,
            Operation::CancelJob => batch::cancel(self, call, argument).await,
            Operation::ListWorkflows => workflow::list(self, call, request_id).await,
            Operation::CreateWorkflow => {
                let body = read_body(self, call, body).await?;
                definitions::create(self, call, &body, request_id).await
            }
            Operation::UpdateWorkflow => {
                let body = read_body(self, call, body).await?;
                definitions::update(self, call, argument, &body, request_id).await
            }
            Operation::ActivateWorkflow => {
                definitions::set_state(self, call, argument, true, request_id).await
            }
            Operation::PauseWorkflow => {
                definitions::set_state(self, call, argument, false, request_id).await
            }
            Operation::DeleteWorkflow => {
                definitions::delete(self, call, argument, request_id).await
            }
            Operation::ListExecutions => workflow::list_executions(self, call, request_id).await,
            Operation::DescribeExecution => {
                workflow::describe_execution(self, call, argument, request_id).await
            }
            Operation::TriggerWorkflow => workflow::trigger(self, call, request_id).await,
            Operation::ListMediaBuckets => {
                setup::bound(self, call, BoundService::Media, request_id)
            }
            Operation::ListPictureBuckets => {
                setup::bound(self, call, BoundService::Picture, request_id)
            }
            Operation::BindBucket => setup::bind(call),
            Operation::ListQueues => setup::list_queues(self, call, request_id),
            Operation::UpdateQueue => {
                let body = read_body(self, call, body).await?;
                setup::update_queue(self, call, argument, &body, request_id)
            }
            _ => objects::answer(self, call, operation, argument, body).await,
        }
    }

    /// The bucket that the call's host names.
    pub(super) fn bucket(&self, call: &Call) -> Result<&Arc<Bucket>, ApiError> {
        self.buckets.get(&call.host.bucket).ok_or_else(|| {
            let message = format!("there is no bucket `{}` here", call.host.bucket);
            ApiError::new(ErrorCode::NoSuchBucket, message)
        })
    }
}

/// A client that speaks HTTPS through a proxy asks for a tunnel first.
fn no_tunnel() -> Response {
    let message = "this service speaks plain HTTP only: set the client's scheme to http, or start \
                   it with `stocktake serve --tls-self-signed`";
    let request_id = ids::request_id();
    let error = ApiError::new(ErrorCode::MethodNotAllowed, message)
        .with_header(header::ALLOW, "DELETE, GET, HEAD, OPTIONS, POST, PUT");
    Reply::failure(&error, Side::Ci, "", &request_id).into_response(Side::Ci, request_id)
}

/// The server sees this and closes the connection.
fn dropped() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(Dropped);
    response
}

/// The body of a call, which is held against its Content-MD5.
pub(super) async fn read_body(app: &App, call: &Call, body: Body) -> Result<Bytes, ApiError> {
    let expected = objects::content_md5(call)?;
    let body = read(body, &app.limits).await?;
    if expected.is_some_and(|expected| expected != <[u8; 16]>::from(Md5::digest(&body))) {
        let message = "Content-MD5 is not that of the body";
        return Err(ApiError::new(ErrorCode::BadDigest, message));
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
            Err(ApiError::new(ErrorCode::BodyTooLarge, message))
        }
        Err(_) => Err(ApiError::new(
            ErrorCode::RequestTimeout,
            "the body did not arrive in time",
        )),
    }
}
