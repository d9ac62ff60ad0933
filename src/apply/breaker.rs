//! When to stop sending: what fails again and again alike will not get better by sending more.

use super::outcome::{Halt, JobResult};
use crate::state::Outcome;

/// Counts failures alike in a row.
#[derive(Debug)]
pub(super) struct Breaker {
    limit: usize,
    count: usize,
    failure: String,
}

impl Breaker {
    /// Stops after `limit` failures alike in a row.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            count: 0,
            failure: String::new(),
        }
    }

    /// Takes note of how a submission ended; says why nothing more should be sent.
    pub(super) fn note(&mut self, result: &JobResult) -> Option<Halt> {
        let failure = match result {
            JobResult::Attempted { outcome, .. } => match outcome {
                Outcome::Rejected(error) if refuses_credentials(&error.code) => {
                    return Some(Halt::CredentialsRefused(error.clone()));
                }
                Outcome::Rejected(error) => format!("rejected with {}", error.code),
                Outcome::Accepted { .. } => String::new(),
                Outcome::Unresolved { .. } => "unresolved".to_owned(),
                Outcome::Abandoned { .. } => "not sent".to_owned(),
            },
            JobResult::NotAttempted { .. } => "not sent".to_owned(),
            JobResult::Renamed { .. } | JobResult::AlreadySubmitted { .. } => String::new(),
        };
        if failure.is_empty() {
            self.count = 0;
            return None;
        }
        if failure != self.failure {
            self.count = 0;
            self.failure = failure;
        }
        self.count += 1;
        (self.count >= self.limit).then(|| Halt::FailuresInARow {
            count: self.count,
            failure: self.failure.clone(),
        })
    }
}

/// Whether the error is about the credentials, and so would be that of every other request as well.
fn refuses_credentials(code: &str) -> bool {
    matches!(
        code,
        "AccessDenied"
            | "AccessForbidden"
            | "ExpiredToken"
            | "InvalidAccessKeyId"
            | "InvalidAuthorization"
            | "MissingAuthorization"
            | "NoProcessAuthority"
            | "RequestTimeTooSkewed"
            | "SecretidNotExist"
            | "SignatureDoesNotMatch"
    )
}

#[cfg(test)]
mod tests {
    use super::Breaker;
    use crate::apply::outcome::{Halt, JobResult};
    use crate::state::{Outcome, Rejection, SubmissionId};

    fn rejected(code: &str) -> JobResult {
        JobResult::Attempted {
            submission: SubmissionId::random(),
            outcome: Outcome::Rejected(Box::new(Rejection {
                code: code.to_owned(),
                message: String::new(),
                request_id: None,
            })),
            state: None,
            looked_up: false,
        }
    }

    #[test]
    fn only_failures_alike_in_a_row_count() {
        let mut breaker = Breaker::new(3);
        for code in ["A", "A", "B", "A", "A"] {
            assert_eq!(breaker.note(&rejected(code)), None);
        }
        let halt = breaker.note(&rejected("A"));
        assert!(
            matches!(halt, Some(Halt::FailuresInARow { count: 3, .. })),
            "{halt:?}"
        );
    }

    #[test]
    fn refused_credentials_stop_at_once() {
        let halt = Breaker::new(3).note(&rejected("SignatureDoesNotMatch"));
        assert!(
            matches!(halt, Some(Halt::CredentialsRefused(_))),
            "{halt:?}"
        );
    }
}
