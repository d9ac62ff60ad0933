//! What became of the one call that must not be repeated on a guess.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::error::EXPIRED_TOKEN;
use super::failure::Failure;
use crate::api::name::JobId;
use crate::api::wire::{JobDetail, ServiceError, decode_error, decode_trigger_answer};

/// What became of one attempt to hand a request to the service: the form in which it is sent, recorded
/// and reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Intended, perhaps sent; it is unknown whether the service took it.
    Unresolved {
        /// What went wrong, once something did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The service took it.
    Accepted {
        /// The service's id.
        job_id: JobId,
        /// The id of the call, where the service gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request_id: Option<String>,
    },
    /// Rejected by the service; nothing ran. Boxed because rare.
    Rejected(Box<Rejection>),
    /// It is known that the service never took it.
    Abandoned {
        /// How that is known.
        reason: String,
    },
}

/// How the service refused an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The service's code.
    pub code: String,
    /// The service's words.
    pub message: String,
    /// The id of the call, where the service gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)
    }
}

impl From<ServiceError> for Rejection {
    fn from(error: ServiceError) -> Self {
        Self {
            code: error.code,
            message: error.message,
            request_id: error.request_id,
        }
    }
}

/// An [`Outcome`] without its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// It is unknown whether the service took it.
    Unresolved,
    /// The service took it.
    Accepted,
    /// The service refused it.
    Rejected,
    /// It is known that the service never took it.
    Abandoned,
}

impl OutcomeKind {
    /// The word for it in every format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Abandoned => "abandoned",
        }
    }
}

impl Outcome {
    /// Which kind it is.
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Unresolved { .. } => OutcomeKind::Unresolved,
            Self::Accepted { .. } => OutcomeKind::Accepted,
            Self::Rejected(_) => OutcomeKind::Rejected,
            Self::Abandoned { .. } => OutcomeKind::Abandoned,
        }
    }

    /// It is unknown whether the service took it, for this reason.
    pub fn unresolved(reason: impl Into<String>) -> Self {
        Self::Unresolved {
            reason: Some(reason.into()),
        }
    }

    /// It is known that the service never took it, for this reason.
    pub fn abandoned(reason: impl Into<String>) -> Self {
        Self::Abandoned {
            reason: reason.into(),
        }
    }

    /// The id of the job that it became.
    pub fn job_id(&self) -> Option<&JobId> {
        match self {
            Self::Accepted { job_id, .. } => Some(job_id),
            _ => None,
        }
    }

    /// The id of the call, where the service gave one.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Accepted { request_id, .. } => request_id.as_deref(),
            Self::Rejected(rejection) => rejection.request_id.as_deref(),
            Self::Unresolved { .. } | Self::Abandoned { .. } => None,
        }
    }

    /// Why it ended as it did; absent for what was accepted.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Accepted { .. } => None,
            Self::Rejected(rejection) => Some(rejection.to_string()),
            Self::Unresolved { reason } => reason.clone(),
            Self::Abandoned { reason } => Some(reason.clone()),
        }
    }
}

/// One attempt after it was made, decided from what really happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// What became of it.
    pub outcome: Outcome,
    /// The job as the answer describes it, if the service took it.
    pub job: Option<Box<JobDetail>>,
    /// Whether another attempt can end differently; only for what was abandoned.
    pub retry: Option<Retry>,
}

/// When to make another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// After a delay of the caller's choice.
    BackOff,
    /// The service was too busy: after the delay it asks for, if it asks for one.
    Throttled(Option<Duration>),
}

impl From<Outcome> for Sent {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            job: None,
            retry: None,
        }
    }
}

impl Sent {
    /// Whether it was refused because temporary credentials have ended.
    pub(super) fn says_ended(&self) -> bool {
        matches!(&self.outcome, Outcome::Rejected(rejection) if rejection.code == EXPIRED_TOKEN)
    }

    /// Reads how a call ended.
    pub(super) fn from_call(answer: Result<Answer, Failure>) -> Self {
        match answer {
            Ok(answer) => Self::from_answer(&answer),
            Err(Failure::Unsendable(reason)) => Outcome::abandoned(reason).into(),
            Err(Failure::NotConnected(reason)) => Self {
                retry: Some(Retry::BackOff),
                ..Outcome::abandoned(reason).into()
            },
            Err(Failure::Broken(reason)) => Outcome::unresolved(reason).into(),
        }
    }

    /// Reads an answer that arrived as a whole. Only the service's own error body says that nothing
    /// runs: a gateway's page may stand before a service that has acted.
    fn from_answer(answer: &Answer) -> Self {
        let status = answer.status;
        if status == 200 {
            return match decode_trigger_answer(&answer.body) {
                Ok((detail, request_id)) => Self {
                    outcome: Outcome::Accepted {
                        job_id: detail.job_id.clone(),
                        request_id: request_id.or_else(|| answer.request_id.clone()),
                    },
                    job: Some(Box::new(detail)),
                    retry: None,
                },
                Err(error) => unreadable(status, &error.to_string()),
            };
        }
        let mut error = match decode_error(status, &answer.body) {
            Ok(error) => error,
            Err(error) => return unreadable(status, &error.to_string()),
        };
        error.request_id = error.request_id.or_else(|| answer.request_id.clone());
        let code = error.code.as_str();
        match status {
            _ if error.is_throttling() => throttled(answer, &error),
            // The answer may be that to a repetition: something on the way may have sent the request
            // twice, and the service may have taken the first one.
            400..=499 if is_expired(&error) => undecided(&error),
            // Part of the request arrived; how much was acted upon is not documented.
            408 => undecided(&error),
            400 if code == "RequestTimeout" => undecided(&error),
            300..=499 => Outcome::Rejected(Box::new(error.into())).into(),
            _ => undecided(&error),
        }
    }
}

/// Whether the service refuses the call because of its time, in one of the forms it has for that.
fn is_expired(error: &ServiceError) -> bool {
    match error.code.as_str() {
        "RequestTimeTooSkewed" | "SignatureExpired" | "1014" => true,
        "AccessDenied" => {
            let message = error.message.to_ascii_lowercase();
            message.contains("expired")
        }
        _ => false,
    }
}

fn throttled(answer: &Answer, error: &ServiceError) -> Sent {
    Sent {
        retry: Some(Retry::Throttled(answer.retry_after)),
        ..Outcome::abandoned(error.to_string()).into()
    }
}

fn undecided(error: &ServiceError) -> Sent {
    Outcome::unresolved(format!("the service answered {error}")).into()
}

fn unreadable(status: u16, problem: &str) -> Sent {
    let reason = format!("the answer (status {status}) is not the service's: {problem}");
    Outcome::unresolved(reason).into()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::{Retry, Sent};
    use crate::api::client::answer::Answer;

    fn outcome(status: u16, body: &str) -> &'static str {
        let answer = Answer {
            status,
            retry_after: None,
            request_id: None,
            date: None,
            headers: HeaderMap::new(),
            body: body.to_owned().into(),
        };
        let sent = Sent::from_answer(&answer);
        match sent.retry {
            Some(Retry::Throttled(_)) => "throttled",
            _ => sent.outcome.kind().as_str(),
        }
    }

    fn error(code: &str) -> String {
        format!("<Error><Code>{code}</Code><Message>m</Message></Error>")
    }

    #[test]
    fn every_status_with_every_kind_of_body() {
        let accepted = "<Response><JobsDetail><JobId>b1</JobId><State>Submitted</State></JobsDetail></Response>";
        let page = "<html><body>Bad Gateway</body></html>";
        let table = [
            (200, accepted.to_owned(), "accepted"),
            (200, accepted.replace("b1", ""), "unresolved"),
            (200, accepted[..60].to_owned(), "unresolved"),
            (200, error("InternalError"), "unresolved"),
            (200, page.to_owned(), "unresolved"),
            (200, String::new(), "unresolved"),
            (201, accepted.to_owned(), "unresolved"),
            (204, String::new(), "unresolved"),
            (301, error("PermanentRedirect"), "rejected"),
            (307, error("TemporaryRedirect"), "rejected"),
            (307, String::new(), "unresolved"),
            (400, error("InvalidArgument"), "rejected"),
            (400, error("RequestTimeout"), "unresolved"),
            (400, page.to_owned(), "unresolved"),
            (402, error("PaymentRequired"), "rejected"),
            (403, error("AccessDenied"), "rejected"),
            (403, page.to_owned(), "unresolved"),
            (404, error("NoSuchBucket"), "rejected"),
            (407, page.to_owned(), "unresolved"),
            (408, error("RequestTimeout"), "unresolved"),
            (429, error("SlowDown"), "throttled"),
            (429, error("TooManyRequests"), "throttled"),
            (429, page.to_owned(), "unresolved"),
            (500, error("InternalError"), "unresolved"),
            (500, error("SlowDown"), "unresolved"),
            (501, error("NotImplemented"), "unresolved"),
            (502, page.to_owned(), "unresolved"),
            (503, error("SlowDown"), "throttled"),
            (503, error("ServiceUnavailable"), "unresolved"),
            (400, error("SlowDown"), "throttled"),
            (403, error("1020"), "throttled"),
            (403, error("RequestTimeTooSkewed"), "unresolved"),
            (401, error("SignatureExpired"), "unresolved"),
            (401, error("1014"), "unresolved"),
            (
                403,
                error("AccessDenied").replace(">m<", ">Request has expired<"),
                "unresolved",
            ),
            (503, error("InternalError"), "unresolved"),
            (503, page.to_owned(), "unresolved"),
            (504, page.to_owned(), "unresolved"),
        ];
        for (status, body, expected) in table {
            assert_eq!(outcome(status, &body), expected, "{status} {body}");
        }
    }
}
