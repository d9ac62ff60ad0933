//! The closed list of what the service understands: each route with its query parameters and the headers
//! that change its meaning. A request with anything else is refused before its body is read; nothing is
//! ignored. The tables of `docs/service.md` are written from this one.

use axum::http::header;

use super::api_error::{ApiError, ErrorCode};
use super::call::Call;
use crate::api::host::Side;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    TriggerJob,
    ListJobs,
    DescribeJob,
    CancelJob,
    ListWorkflows,
    CreateWorkflow,
    UpdateWorkflow,
    ActivateWorkflow,
    PauseWorkflow,
    DeleteWorkflow,
    ListExecutions,
    DescribeExecution,
    TriggerWorkflow,
    ListMediaBuckets,
    ListPictureBuckets,
    BindBucket,
    ListQueues,
    UpdateQueue,
    HeadBucket,
    ListObjects,
    BucketVersioning,
    ListUploads,
    DeleteObjects,
    HeadObject,
    GetObject,
    PutObject,
    CopyObject,
    AppendObject,
    DeleteObject,
    InitiateUpload,
    UploadPart,
    ListParts,
    CompleteUpload,
    AbortUpload,
}

#[derive(Debug)]
pub(super) struct Route {
    side: Side,
    method: &'static str,
    /// A name in `<>` stands for one segment on the CI host, for the whole key on the COS host.
    path: &'static str,
    /// Parameters that select this route among those of its method and path.
    selectors: &'static [&'static str],
    /// A header that does.
    selecting_header: Option<&'static str>,
    parameters: &'static [&'static str],
    /// Headers that change its meaning. One that ends in `*` stands for all with that prefix.
    headers: &'static [&'static [&'static str]],
    operation: Operation,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for the documentation, which a test compares")
    )]
    summary: &'static str,
}

const fn route(
    side: Side,
    method: &'static str,
    path: &'static str,
    operation: Operation,
    summary: &'static str,
) -> Route {
    Route {
        side,
        method,
        path,
        selectors: &[],
        selecting_header: None,
        parameters: &[],
        headers: &[],
        operation,
        summary,
    }
}

impl Route {
    const fn select(mut self, selectors: &'static [&'static str]) -> Self {
        self.selectors = selectors;
        self
    }

    const fn select_header(mut self, header: &'static str) -> Self {
        self.selecting_header = Some(header);
        self
    }

    const fn parameters(mut self, parameters: &'static [&'static str]) -> Self {
        self.parameters = parameters;
        self
    }

    const fn headers(mut self, headers: &'static [&'static [&'static str]]) -> Self {
        self.headers = headers;
        self
    }

    /// How specific its selection is.
    fn rank(&self) -> usize {
        self.selectors.len() + usize::from(self.selecting_header.is_some())
    }
}

const JOBS: &str = "/inventorytriggerjob";
const JOB: &str = "/inventorytriggerjob/<JobId>";
const WORKFLOWS: &str = "/workflow";
const WORKFLOW: &str = "/workflow/<WorkflowId>";
const EXECUTIONS: &str = "/workflowexecution";
const EXECUTION: &str = "/workflowexecution/<RunId>";
const TRIGGER: &str = "/triggerworkflow";
const BUCKET: &str = "/";
const OBJECT: &str = "/<key>";

/// Parameters of any request: its signature.
const SIGNATURE_PARAMETERS: &[&str] = &[
    "q-sign-algorithm",
    "q-ak",
    "q-sign-time",
    "q-key-time",
    "q-header-list",
    "q-url-param-list",
    "q-signature",
    "sign",
    "x-cos-security-token",
    "x-ci-security-token",
];

/// Headers of any request that belong to a family of [`MEANINGFUL_HEADERS`].
const COMMON_HEADERS: &[&str] = &[
    "x-cos-security-token",
    "x-ci-security-token",
    // About the SDK, not the request: `x-cos-sdk-retry`, and `x-cos-sdk-log-debug` of each call of Java's.
    "x-cos-sdk-*",
];

/// Headers that can change what a request means. Others, such as `User-Agent`, do not.
const MEANINGFUL_HEADERS: &[&str] = &[
    "x-cos-*",
    "x-ci-*",
    "x-amz-*",
    "if-*",
    "range",
    "content-range",
    "content-md5",
    "pic-operations",
    "x-http-method-override",
];

const MD5: &[&str] = &["content-md5"];
const CONDITIONS: &[&str] = &[
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
];
const RANGE: &[&str] = &["range", "if-range"];
const RESPONSE: &[&str] = &[
    "response-content-type",
    "response-content-language",
    "response-expires",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
];
/// Kept with an object, beside its content type and the like.
const METADATA: &[&str] = &["x-cos-meta-*", "x-cos-storage-class"];
const FORBID_OVERWRITE: &[&str] = &["x-cos-forbid-overwrite"];
const COPY: &[&str] = &[
    "x-cos-metadata-directive",
    "x-cos-copy-source-if-match",
    "x-cos-copy-source-if-none-match",
    "x-cos-copy-source-if-modified-since",
    "x-cos-copy-source-if-unmodified-since",
];

pub(super) const ROUTES: &[Route] = &[
    route(
        Side::Ci,
        "POST",
        JOBS,
        Operation::TriggerJob,
        "create a batch job; `Type` absent or `Workflow`",
    )
    .headers(&[MD5]),
    route(
        Side::Ci,
        "GET",
        JOBS,
        Operation::ListJobs,
        "list batch jobs",
    )
    .parameters(&[
        "nextToken",
        "size",
        "type",
        "orderByTime",
        "states",
        "startCreationTime",
        "endCreationTime",
        "workflowId",
        "jobId",
        "name",
    ]),
    route(
        Side::Ci,
        "GET",
        JOB,
        Operation::DescribeJob,
        "describe a batch job",
    ),
    route(
        Side::Ci,
        "PUT",
        JOB,
        Operation::CancelJob,
        "cancel a batch job",
    )
    .parameters(&["cancel"])
    .headers(&[MD5]),
    route(
        Side::Ci,
        "GET",
        WORKFLOWS,
        Operation::ListWorkflows,
        "list workflows",
    )
    .parameters(&["ids", "name", "pageNumber", "pageSize"]),
    route(
        Side::Ci,
        "POST",
        WORKFLOWS,
        Operation::CreateWorkflow,
        "make a workflow, paused unless `State` says otherwise",
    )
    .headers(&[MD5]),
    route(
        Side::Ci,
        "PUT",
        WORKFLOW,
        Operation::UpdateWorkflow,
        "change a paused workflow; 403 ActiveWorkflowForbiddenUpdate if it is active",
    )
    .headers(&[MD5]),
    route(
        Side::Ci,
        "PUT",
        WORKFLOW,
        Operation::ActivateWorkflow,
        "make a workflow active; uploads start none here",
    )
    .select(&["active"])
    .headers(&[MD5]),
    route(
        Side::Ci,
        "PUT",
        WORKFLOW,
        Operation::PauseWorkflow,
        "pause a workflow; batch jobs run it all the same",
    )
    .select(&["paused"])
    .headers(&[MD5]),
    route(
        Side::Ci,
        "DELETE",
        WORKFLOW,
        Operation::DeleteWorkflow,
        "remove a paused workflow; 403 ActiveWorkflowForbiddenUpdate if it is active",
    ),
    route(
        Side::Ci,
        "GET",
        EXECUTIONS,
        Operation::ListExecutions,
        "list the runs of a workflow",
    )
    .parameters(&[
        "workflowId",
        "jobId",
        "name",
        "states",
        "orderByTime",
        "size",
        "nextToken",
        "startCreationTime",
        "endCreationTime",
    ]),
    route(
        Side::Ci,
        "GET",
        EXECUTION,
        Operation::DescribeExecution,
        "describe one run, with the message of its command",
    ),
    route(
        Side::Ci,
        "POST",
        TRIGGER,
        Operation::TriggerWorkflow,
        "run one workflow over one object",
    )
    .parameters(&["workflowId", "object", "name"])
    .headers(&[MD5]),
    route(
        Side::Ci,
        "GET",
        "/mediabucket",
        Operation::ListMediaBuckets,
        "list the buckets that are bound to media processing, which are all",
    )
    .parameters(&["bucketNames", "pageNumber", "pageSize"]),
    route(
        Side::Ci,
        "POST",
        "/mediabucket",
        Operation::BindBucket,
        "bind a bucket: 400 BucketAlreadyBinded",
    )
    .headers(&[MD5]),
    route(
        Side::Ci,
        "GET",
        "/picbucket",
        Operation::ListPictureBuckets,
        "list the buckets that are bound to picture processing, which are all",
    )
    .parameters(&["bucketNames", "pageNumber", "pageSize"]),
    route(
        Side::Ci,
        "POST",
        "/picbucket",
        Operation::BindBucket,
        "bind a bucket: 400 BucketAlreadyBinded",
    )
    .headers(&[MD5]),
    route(
        Side::Ci,
        "GET",
        "/queue",
        Operation::ListQueues,
        "list the one queue of the bucket",
    )
    .parameters(&["queueIds", "state", "pageNumber", "pageSize"]),
    route(
        Side::Ci,
        "GET",
        "/picqueue",
        Operation::ListQueues,
        "list the one queue of the bucket",
    )
    .parameters(&["queueIds", "state", "pageNumber", "pageSize"]),
    route(
        Side::Ci,
        "GET",
        "/ai_queue",
        Operation::ListQueues,
        "list the one queue of the bucket",
    )
    .parameters(&["queueIds", "state", "pageNumber", "pageSize"]),
    route(
        Side::Ci,
        "GET",
        "/asrqueue",
        Operation::ListQueues,
        "list the one queue of the bucket",
    )
    .parameters(&["queueIds", "state", "pageNumber", "pageSize"]),
    route(
        Side::Ci,
        "GET",
        "/file_queue",
        Operation::ListQueues,
        "list the one queue of the bucket",
    )
    .parameters(&["queueIds", "state", "pageNumber", "pageSize"]),
    route(
        Side::Ci,
        "PUT",
        "/queue/<QueueId>",
        Operation::UpdateQueue,
        "pause the queue or make it active, until the service ends; jobs run all the same",
    )
    .headers(&[MD5]),
    route(
        Side::Cos,
        "HEAD",
        BUCKET,
        Operation::HeadBucket,
        "check that the bucket exists",
    ),
    route(
        Side::Cos,
        "GET",
        BUCKET,
        Operation::ListObjects,
        "list objects",
    )
    .parameters(&["prefix", "delimiter", "marker", "max-keys", "encoding-type"]),
    route(
        Side::Cos,
        "GET",
        BUCKET,
        Operation::BucketVersioning,
        "versioning, which is not enabled",
    )
    .select(&["versioning"]),
    route(
        Side::Cos,
        "GET",
        BUCKET,
        Operation::ListUploads,
        "list open multipart uploads",
    )
    .select(&["uploads"])
    .parameters(&[
        "prefix",
        "delimiter",
        "key-marker",
        "upload-id-marker",
        "max-uploads",
        "encoding-type",
    ]),
    route(
        Side::Cos,
        "POST",
        BUCKET,
        Operation::DeleteObjects,
        "delete up to 1,000 objects",
    )
    .select(&["delete"])
    .headers(&[MD5]),
    route(
        Side::Cos,
        "HEAD",
        OBJECT,
        Operation::HeadObject,
        "describe an object",
    )
    .headers(&[CONDITIONS, RANGE]),
    route(
        Side::Cos,
        "GET",
        OBJECT,
        Operation::GetObject,
        "read an object, whole or one range of it",
    )
    .parameters(RESPONSE)
    .headers(&[CONDITIONS, RANGE]),
    route(
        Side::Cos,
        "PUT",
        OBJECT,
        Operation::PutObject,
        "write an object",
    )
    .headers(&[MD5, METADATA, FORBID_OVERWRITE]),
    route(
        Side::Cos,
        "PUT",
        OBJECT,
        Operation::CopyObject,
        "copy an object of a bucket of this service",
    )
    .select_header("x-cos-copy-source")
    .headers(&[COPY, METADATA, FORBID_OVERWRITE]),
    route(
        Side::Cos,
        "POST",
        OBJECT,
        Operation::AppendObject,
        "append at a position, which is the length of the object",
    )
    .select(&["append", "position"])
    .headers(&[MD5, METADATA]),
    route(
        Side::Cos,
        "DELETE",
        OBJECT,
        Operation::DeleteObject,
        "delete an object",
    ),
    route(
        Side::Cos,
        "POST",
        OBJECT,
        Operation::InitiateUpload,
        "begin a multipart upload",
    )
    .select(&["uploads"])
    .headers(&[METADATA]),
    route(
        Side::Cos,
        "PUT",
        OBJECT,
        Operation::UploadPart,
        "upload a part",
    )
    .select(&["partNumber", "uploadId"])
    .headers(&[MD5]),
    route(
        Side::Cos,
        "GET",
        OBJECT,
        Operation::ListParts,
        "list the parts of a multipart upload",
    )
    .select(&["uploadId"])
    .parameters(&["max-parts", "part-number-marker", "encoding-type"]),
    route(
        Side::Cos,
        "POST",
        OBJECT,
        Operation::CompleteUpload,
        "complete a multipart upload",
    )
    .select(&["uploadId"])
    .headers(&[MD5, FORBID_OVERWRITE]),
    route(
        Side::Cos,
        "DELETE",
        OBJECT,
        Operation::AbortUpload,
        "abort a multipart upload",
    )
    .select(&["uploadId"]),
];

/// The operation of a call, with the id or key that its path names.
pub(super) fn find(call: &Call) -> Result<(Operation, &str), ApiError> {
    let routes = ROUTES
        .iter()
        .filter(|route| route.side == call.host.side)
        .filter_map(|route| Some((route, argument(route, &call.path)?)));
    let routes: Vec<_> = routes.collect();
    if routes.is_empty() {
        let message = format!("there is no call {} {}", call.method, call.path);
        return Err(ApiError::new(ErrorCode::UnknownPath, message));
    }
    let mut candidates = routes
        .iter()
        .filter(|(route, _)| route.method == call.method.as_str())
        .peekable();
    if candidates.peek().is_none() {
        return Err(method_not_allowed(call, &routes));
    }
    let is_selected = |route: &Route| {
        let mut selectors = route.selectors.iter();
        let header = route.selecting_header;
        selectors.all(|name| call.parameter(name).is_some())
            && header.is_none_or(|name| call.headers.contains_key(name))
    };
    let selected = candidates
        .filter(|(route, _)| is_selected(route))
        .max_by_key(|(route, _)| route.rank());
    let Some((route, argument)) = selected else {
        let method = &call.method;
        let message = format!("{method} without a parameter that selects an operation");
        return Err(not_implemented(&message));
    };
    check_parameters(call, route)?;
    check_headers(call, route)?;
    Ok((route.operation, argument))
}

fn method_not_allowed(call: &Call, routes: &[(&Route, &str)]) -> ApiError {
    let mut methods: Vec<&str> = routes.iter().map(|(route, _)| route.method).collect();
    methods.sort_unstable();
    methods.dedup();
    let methods = methods.join(", ");
    let message = format!("{} is not supported here, but {methods}", call.method);
    ApiError::new(ErrorCode::MethodNotAllowed, message).with_header(header::ALLOW, methods)
}

/// The part of the path that a route's `<>` stands for, if the path is the route's.
fn argument<'a>(route: &Route, path: &'a str) -> Option<&'a str> {
    let Some((start, _)) = route.path.split_once('<') else {
        return (route.path == path).then_some("");
    };
    let argument = path.strip_prefix(start)?;
    let is_one = route.side == Side::Cos || !argument.contains('/');
    (!argument.is_empty() && is_one).then_some(argument)
}

fn check_parameters(call: &Call, route: &Route) -> Result<(), ApiError> {
    let lists = [SIGNATURE_PARAMETERS, route.selectors, route.parameters];
    let is_known = |name: &str| {
        let mut known = lists.iter().copied().flatten();
        known.any(|known| known.eq_ignore_ascii_case(name))
    };
    // SDKs name no version as `versionId=` where they read.
    let reads = matches!(route.method, "GET" | "HEAD");
    let is_none = |name: &str, value: &str| reads && name == "versionId" && value.is_empty();
    let mut parameters = call.query.iter();
    match parameters.find(|(name, value)| !is_known(name) && !is_none(name, value)) {
        Some((name, _)) => Err(not_implemented(&format!("the parameter `{name}`"))),
        None => Ok(()),
    }
}

fn check_headers(call: &Call, route: &Route) -> Result<(), ApiError> {
    let has = |list: &[&str], name: &str| {
        list.iter().any(|known| match known.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => *known == name,
        })
    };
    let mut names = call.headers.keys().map(axum::http::HeaderName::as_str);
    let unknown = names.find(|name| {
        has(MEANINGFUL_HEADERS, name)
            && !has(COMMON_HEADERS, name)
            && route.selecting_header != Some(*name)
            && !route.headers.iter().any(|list| has(list, name))
    });
    match unknown {
        Some(name) => Err(not_implemented(&format!("the header `{name}`"))),
        None => Ok(()),
    }
}

fn not_implemented(subject: &str) -> ApiError {
    let message = format!("{subject} is not supported by this service: nothing was done");
    ApiError::new(ErrorCode::NotImplemented, message)
}

#[cfg(test)]
mod tests {
    use super::{ROUTES, Route};
    use crate::api::host::Side;

    /// The rows of `docs/service.md` for one host.
    fn table(side: Side) -> String {
        let rows = ROUTES.iter().filter(|route| route.side == side).map(row);
        format!(
            "| call | parameters | headers | |\n|---|---|---|---|\n{}",
            rows.collect::<String>()
        )
    }

    fn row(route: &Route) -> String {
        let selectors = match route.selectors {
            [] => String::new(),
            selectors => format!("?{}", selectors.join("&")),
        };
        let code = |names: &mut dyn Iterator<Item = &&str>| {
            let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
        let headers = route.selecting_header.iter();
        let headers = &mut headers.chain(route.headers.iter().copied().flatten());
        format!(
            "| `{} {}{selectors}` | {} | {} | {} |\n",
            route.method,
            route.path,
            code(&mut route.parameters.iter()),
            code(headers),
            route.summary
        )
    }

    #[test]
    fn the_documentation_has_the_tables_of_routes() {
        let page = include_str!("../../docs/service.md");
        for side in [Side::Ci, Side::Cos] {
            let table = table(side);
            assert!(page.contains(&table), "docs/service.md needs:\n{table}");
        }
    }
}
