//! What became of the one call that must not be repeated on a guess.

use std::time::Duration;

use super::answer::Answer;
use crate::api::wire::{JobDetail, ServiceError, decode_error, decode_trigger_answer};

/// What became of one attempt to trigger a job, decided from what really happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The service took it.
    Accepted {
        /// The job.
        detail: Box<JobDetail>,
        /// The id of the call, where the service gave one.
        request_id: Option<String>,
    },
    /// The service refused it: nothing runs.
    Rejected(ServiceError),
    /// The service was too busy to look at it: nothing runs, and it may be sent again.
    Throttled {
        /// How long the service asks to wait.
        retry_after: Option<Duration>,
        /// What it said.
        error: ServiceError,
    },
    /// Nothing of it can have reached the service.
    NotSent {
        /// What stood in the way.
        reason: String,
        /// Whether another attempt can end differently.
        may_pass: bool,
    },
    /// Nobody knows.
    Unresolved {
        /// What was seen instead of an answer.
        reason: String,
    },
}

impl SendOutcome {
    /// Reads an answer that arrived as a whole. Only the service's own error body says that nothing
    /// runs: a gateway's page may stand before a service that has acted.
    pub(super) fn from_answer(answer: &Answer) -> Self {
        let status = answer.status;
        if status == 200 {
            return match decode_trigger_answer(&answer.body) {
                Ok((detail, request_id)) => Self::Accepted {
                    detail: Box::new(detail),
                    request_id: request_id.or_else(|| answer.request_id.clone()),
                },
                Err(error) => Self::unreadable(status, &error.to_string()),
            };
        }
        let mut error = match decode_error(status, &answer.body) {
            Ok(error) => error,
            Err(error) => return Self::unreadable(status, &error.to_string()),
        };
        error.request_id = error.request_id.or_else(|| answer.request_id.clone());
        match status {
            429 => Self::throttled(answer, error),
            503 if matches!(error.code.as_str(), "SlowDown" | "ServiceUnavailable") => {
                Self::throttled(answer, error)
            }
            // Part of the request arrived; how much was acted upon is not documented.
            408 => Self::undecided(&error),
            400 if error.code == "RequestTimeout" => Self::undecided(&error),
            300..=499 => Self::Rejected(error),
            _ => Self::undecided(&error),
        }
    }

    fn throttled(answer: &Answer, error: ServiceError) -> Self {
        Self::Throttled {
            retry_after: answer.retry_after,
            error,
        }
    }

    fn undecided(error: &ServiceError) -> Self {
        Self::Unresolved {
            reason: format!("the service answered {error}"),
        }
    }

    fn unreadable(status: u16, problem: &str) -> Self {
        Self::Unresolved {
            reason: format!("the answer (status {status}) is not the service's: {problem}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::SendOutcome;
    use crate::api::client::answer::Answer;

    fn outcome(status: u16, body: &str) -> &'static str {
        let answer = Answer {
            status,
            retry_after: None,
            request_id: None,
            headers: HeaderMap::new(),
            body: body.to_owned().into(),
        };
        match SendOutcome::from_answer(&answer) {
            SendOutcome::Accepted { .. } => "accepted",
            SendOutcome::Rejected(_) => "rejected",
            SendOutcome::Throttled { .. } => "throttled",
            SendOutcome::NotSent { .. } => "not sent",
            SendOutcome::Unresolved { .. } => "unresolved",
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
            (503, error("ServiceUnavailable"), "throttled"),
            (503, error("InternalError"), "unresolved"),
            (503, page.to_owned(), "unresolved"),
            (504, page.to_owned(), "unresolved"),
        ];
        for (status, body, expected) in table {
            assert_eq!(outcome(status, &body), expected, "{status} {body}");
        }
    }
}
