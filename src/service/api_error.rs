//! The errors of calls, and the two tables of codes: the CI hosts and the COS hosts answer the same fault
//! with different statuses and codes.

use std::borrow::Cow;
use std::io;

use axum::http::HeaderName;

use crate::api::host::Side;
use crate::api::wire::{RequestError, WireError};
use crate::service::store::StoreError;

/// What is wrong, independent of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ErrorCode {
    AccessDenied,
    /// A workflow has to be paused before it is changed.
    ActiveWorkflow,
    AccessForbidden,
    BadDigest,
    BodyTooLarge,
    BucketAlreadyBound,
    EntityTooSmall,
    FileAlreadyExists,
    IncompleteBody,
    InternalError,
    InvalidArgument,
    InvalidAuthorization,
    InvalidContent,
    InvalidDelimiter,
    InvalidDigest,
    InvalidHost,
    InvalidObjectName,
    InvalidPart,
    InvalidPartOrder,
    InvalidRange,
    InvalidRequest,
    InvalidUrl,
    KeyTooLong,
    MethodNotAllowed,
    MissingAuthorization,
    MissingContent,
    MissingContentLength,
    NoSuchBucket,
    NoSuchJob,
    NoSuchKey,
    NoSuchUpload,
    NotImplemented,
    NotModified,
    ObjectNotAppendable,
    PathConflict,
    PositionNotEqualToLength,
    PreconditionFailed,
    QueueNotFound,
    QuotaExceeded,
    RequestTimeout,
    ResourceNotFound,
    SignatureDoesNotMatch,
    SignatureExpired,
    UnknownPath,
    UnknownSecretId,
    /// As a file of faults states it.
    Fault(u16, String),
}

impl ErrorCode {
    /// Status and code on one of the two hosts.
    pub(super) fn on(&self, side: Side) -> (u16, Cow<'static, str>) {
        let (status, code) = match (self, side) {
            (Self::Fault(status, code), _) => return (*status, code.clone().into()),
            (Self::MissingAuthorization, Side::Ci) => (401, "MissingAuthorization"),
            (Self::InvalidAuthorization, Side::Ci) => (401, "InvalidAuthorization"),
            (Self::SignatureExpired, Side::Ci) => (401, "SignatureExpired"),
            (Self::UnknownSecretId, Side::Ci) => (401, "SecretidNotExist"),
            (Self::UnknownSecretId, Side::Cos) => (403, "InvalidAccessKeyId"),
            (Self::SignatureDoesNotMatch, Side::Cos) => (403, "SignatureDoesNotMatch"),
            (
                Self::AccessDenied
                | Self::MissingAuthorization
                | Self::InvalidAuthorization
                | Self::SignatureExpired
                | Self::SignatureDoesNotMatch,
                _,
            ) => (403, "AccessDenied"),
            (Self::BodyTooLarge, Side::Ci) => (413, "InvalidContent"),
            (Self::BodyTooLarge, Side::Cos) => (400, "EntityTooLarge"),
            (Self::BadDigest | Self::InvalidDigest | Self::InvalidContent, Side::Ci) => {
                (400, "InvalidContent")
            }
            (Self::BadDigest, Side::Cos) => (400, "BadDigest"),
            (Self::InvalidDigest, Side::Cos) => (400, "InvalidDigest"),
            (Self::InvalidContent, Side::Cos) => (400, "MalformedXML"),
            (Self::InvalidUrl, Side::Ci) => (400, "InvalidUrl"),
            (Self::InvalidUrl, Side::Cos) => (400, "InvalidURI"),
            (Self::UnknownPath, _) => (404, "InvalidUrl"),
            (Self::ActiveWorkflow, _) => (403, "ActiveWorkflowForbiddenUpdate"),
            (Self::AccessForbidden, _) => (403, "AccessForbidden"),
            (Self::EntityTooSmall, _) => (400, "EntityTooSmall"),
            (Self::FileAlreadyExists, _) => (409, "FileAlreadyExists"),
            (Self::IncompleteBody, _) => (400, "IncompleteBody"),
            (Self::InternalError, _) => (500, "InternalError"),
            (Self::InvalidArgument, _) => (400, "InvalidArgument"),
            (Self::InvalidDelimiter, _) => (400, "InvalidDelimiter"),
            (Self::InvalidHost, _) => (400, "InvalidHost"),
            (Self::InvalidObjectName, _) => (400, "InvalidObjectName"),
            (Self::InvalidPart, _) => (400, "InvalidPart"),
            (Self::InvalidPartOrder, _) => (400, "InvalidPartOrder"),
            (Self::InvalidRange, _) => (416, "InvalidRange"),
            (Self::InvalidRequest, _) => (400, "InvalidRequest"),
            (Self::KeyTooLong, _) => (400, "KeyTooLong"),
            (Self::MethodNotAllowed, _) => (405, "MethodNotAllowed"),
            (Self::MissingContent, _) => (400, "MissingContent"),
            (Self::MissingContentLength, _) => (411, "MissingContentLength"),
            (Self::NoSuchBucket, _) => (404, "NoSuchBucket"),
            (Self::NoSuchJob, _) => (404, "NoSuchJob"),
            (Self::NoSuchKey, _) => (404, "NoSuchKey"),
            (Self::NoSuchUpload, _) => (404, "NoSuchUpload"),
            (Self::NotImplemented, _) => (501, "NotImplemented"),
            (Self::NotModified, _) => (304, "NotModified"),
            (Self::ObjectNotAppendable, _) => (409, "ObjectNotAppendable"),
            (Self::PathConflict, _) => (409, "PathConflict"),
            (Self::PositionNotEqualToLength, _) => (409, "PositionNotEqualToLength"),
            (Self::PreconditionFailed, _) => (412, "PreconditionFailed"),
            (Self::BucketAlreadyBound, _) => (400, "BucketAlreadyBinded"),
            (Self::QueueNotFound, _) => (400, "QueueNotFound"),
            (Self::QuotaExceeded, _) => (403, "QuotaExceeded"),
            (Self::RequestTimeout, _) => (400, "RequestTimeout"),
            (Self::ResourceNotFound, _) => (400, "ResourceNotFound"),
        };
        (status, code.into())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) code: ErrorCode,
    pub(super) message: String,
    /// Headers that belong to the error, such as `Allow`.
    pub(super) headers: Vec<(HeaderName, String)>,
}

impl ApiError {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            headers: Vec::new(),
        }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, message)
    }

    /// A fault of the service. The details go to the log, not to the client.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a call failed");
        Self::new(
            ErrorCode::InternalError,
            "The service could not do this; its log says why.",
        )
    }

    /// An object's file could not be read, written or removed.
    pub(super) fn file(error: &io::Error, key: &str) -> Self {
        use io::ErrorKind as Kind;
        let (code, problem) = match error.kind() {
            Kind::AlreadyExists | Kind::IsADirectory | Kind::NotADirectory => (
                ErrorCode::PathConflict,
                "is a folder of other objects, or a part of it is an object".to_owned(),
            ),
            Kind::InvalidFilename => (
                ErrorCode::KeyTooLong,
                "has a part that is longer than a file name of the bucket's folder".to_owned(),
            ),
            Kind::PermissionDenied | Kind::ReadOnlyFilesystem => (
                ErrorCode::AccessDenied,
                format!("cannot be changed in the bucket's folder: {error}"),
            ),
            Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => (
                ErrorCode::QuotaExceeded,
                format!("cannot be stored: {error}"),
            ),
            _ => return Self::internal(error),
        };
        Self::new(code, format!("the object `{key}` {problem}"))
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Body(WireError::Content(problem)) => Self::argument(problem),
            RequestError::Body(error) => Self::new(ErrorCode::InvalidContent, error.to_string()),
            RequestError::Argument { .. } => Self::argument(error.to_string()),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::internal(&error)
    }
}

impl From<WireError> for ApiError {
    fn from(error: WireError) -> Self {
        Self::internal(&error)
    }
}
