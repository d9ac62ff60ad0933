//! What happens during an apply, for programs: one JSON object a line, the last one a summary.
//!
//! Types and fields are added within a version, never changed; a reader of an unknown type shows its
//! message.

mod line;

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use anstream::adapter::strip_str;
use jiff::Timestamp;

use super::apply::finished_words;
use super::json;
use super::plan::drift_words;
use super::table::count;
use super::ui::Ui;
use crate::api::wire::JobState;
use crate::apply::{ApplyOutcome, Event, Halt, JobOutcome, JobResult};
use crate::diagnostic::{Diagnostic, Severity};
use crate::job::JobKey;
use crate::plan::{Action, Blocked, DocumentJob, PlanDocument};
use crate::schema;
use crate::source::{Place, slashes};
use crate::state::{Outcome, Record, SubmissionId};
use line::{ChangeSummary, Happened, JobFields, Level, Line, RunSummary};

/// The version of this stream.
const FORMAT: &str = "stocktake.apply/1";

/// The JSON schema of one line.
pub fn schema_json() -> serde_json::Value {
    schema::of::<Line<'_>>()
}

/// Writes each event as a line on standard output.
#[derive(Debug)]
pub struct ApplyStream {
    ui: Ui,
    jobs: Mutex<HashMap<JobKey, JobFields>>,
    summary: Mutex<RunSummary>,
}

impl ApplyStream {
    /// Begins a stream.
    pub fn begin(ui: Ui) -> io::Result<Self> {
        let stream = Self {
            ui,
            jobs: Mutex::default(),
            summary: Mutex::default(),
        };
        let version = env!("CARGO_PKG_VERSION");
        let happened = Happened::Version {
            stocktake: version,
            format: FORMAT,
        };
        stream.line(Level::Info, &format!("stocktake {version}"), happened)?;
        Ok(stream)
    }

    /// Says what is to be done.
    pub fn plan(&self, plan: &PlanDocument<'_>) -> io::Result<()> {
        let message = format!("applying to {}", plan.target);
        let happened = Happened::RunStart {
            target: &plan.target,
            lineage: plan.lineage.as_ref(),
            commit: plan.commit.as_deref(),
            log: plan.log.as_ref(),
            holder: plan.holder.as_ref(),
        };
        self.line(Level::Info, &message, happened)?;
        let jobs = plan.jobs.iter();
        for job in jobs.filter(|job| job.action != Action::Unchanged) {
            self.planned(job)?;
        }
        self.blocked(&plan.blocked)?;
        for warning in plan.warnings.iter() {
            let happened = Happened::Diagnostic {
                severity: "warning",
                code: None,
                help: None,
                file: None,
                line: None,
            };
            self.line(Level::Warn, warning, happened)?;
        }
        for drift in plan.drift() {
            let message = format!("{}: {}", drift.key, drift_words(drift));
            self.line(Level::Warn, &message, Happened::Drift(drift))?;
        }
        let jobs = count(plan.summary.submit + plan.summary.resubmit, "job", "jobs");
        let happened = Happened::ChangeSummary(ChangeSummary {
            summary: plan.summary,
            estimate: plan.estimate.as_deref(),
        });
        self.line(Level::Info, &format!("{jobs} to submit"), happened)
    }

    /// Says what forbids the plan.
    pub fn blocked(&self, blocked: &[Blocked]) -> io::Result<()> {
        blocked.iter().try_for_each(|blocked| {
            let happened = Happened::Blocked {
                guard: blocked.guard,
                keys: &blocked.keys,
                job_ids: &blocked.job_ids,
            };
            self.line(Level::Error, &blocked.message, happened)
        })
    }

    /// Says what is to be done about a job, and keeps its place for later lines.
    fn planned(&self, job: &DocumentJob) -> io::Result<()> {
        let fields = JobFields {
            key: job.key.clone(),
            fingerprint: Some(job.fingerprint),
            file: Some(job.source.file.to_string()),
            line: Some(job.source.line),
        };
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.insert(job.key.clone(), fields);
        drop(jobs);
        let message = format!("{}: {}", job.key, job.action.as_str());
        let happened = Happened::PlannedChange {
            action: job.action,
            reason: job.reason,
            changes: &job.changes,
            estimate: job.estimate.as_deref(),
        };
        self.job(Level::Info, &job.key, &message, happened)
    }

    /// Says one event.
    pub fn event(&self, event: &Event) -> io::Result<()> {
        match event {
            Event::Sending {
                key, submission, ..
            } => {
                let message = format!("sending {key}");
                let happened = Happened::ApplyStart { submission };
                self.job(Level::Info, key, &message, happened)
            }
            Event::Retrying {
                key,
                reason,
                delay,
                throttled,
            } => {
                let delay_seconds = delay.as_secs_f64();
                let happened = if *throttled {
                    Happened::Throttle {
                        reason,
                        delay_seconds,
                    }
                } else {
                    Happened::ApplyRetry {
                        reason,
                        delay_seconds,
                    }
                };
                let message = format!("{key}: {reason}; next try in {delay:.0?}");
                self.job(Level::Warn, key, &message, happened)
            }
            Event::Settling { submissions, delay } => {
                let message = format!("waiting {delay:.0?} before looking up what was sent");
                let happened = Happened::Settling {
                    submissions: *submissions,
                    delay_seconds: delay.as_secs_f64(),
                };
                self.line(Level::Info, &message, happened)
            }
            Event::Abandoned {
                key, submission, ..
            } => {
                let message = format!("{key}: the service never took the last attempt");
                let happened = Happened::ApplyAbandoned { submission };
                self.job(Level::Info, key, &message, happened)
            }
            Event::Duplicates {
                key,
                adopted,
                others,
            } => {
                let message = format!("{key}: the service has it more than once");
                let happened = Happened::Duplicates {
                    job_id: adopted,
                    others,
                };
                self.job(Level::Error, key, &message, happened)
            }
            Event::NotRecorded { key, job_id, error } => {
                let message = format!("{key} runs as {job_id}, which is not recorded");
                let happened = Happened::NotRecorded { job_id, error };
                self.job(Level::Error, key, &message, happened)
            }
            Event::Finished(outcomes) => self.finished(outcomes),
            Event::Draining { in_flight, left } => {
                let message = format!("{in_flight} in flight, {left:.0?} at most");
                let happened = Happened::Draining {
                    in_flight: *in_flight,
                    at_most_seconds: left.as_secs_f64(),
                };
                self.line(Level::Info, &message, happened)
            }
            Event::Halted { halt, in_flight } => {
                let happened = Happened::Halted {
                    reason: halt_word(halt),
                    in_flight: *in_flight,
                };
                self.line(Level::Error, "nothing more is sent", happened)
            }
        }
    }

    /// A line for each, all in one write.
    fn finished(&self, outcomes: &[JobOutcome]) -> io::Result<()> {
        let mut out = self.ui.data();
        for outcome in outcomes {
            let message = strip_str(&finished_words(outcome)).to_string();
            let (level, happened) = ending(&outcome.result);
            let job = self.fields(&outcome.key);
            write_line(&mut out, level, &message, Some(job), happened)?;
        }
        out.flush()
    }

    /// Keeps the counts for the last line.
    pub fn outcome(&self, outcome: &ApplyOutcome) {
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = RunSummary {
            submitted: outcome.submitted(),
            rejected: outcome.rejected(),
            unresolved: outcome.unresolved(),
            not_attempted: outcome.not_attempted(),
            exit_code: 0,
        };
    }

    /// Says how far a job is that the service ended.
    pub fn status(&self, record: &Record) -> io::Result<()> {
        let Some(seen) = record.last_seen().filter(|seen| seen.state.is_final()) else {
            return Ok(());
        };
        let level = if seen.state.is_failure() {
            Level::Error
        } else {
            Level::Info
        };
        let message = format!("{} {}", record.key, seen.state);
        let happened = Happened::JobEnded {
            job_id: &seen.job_id,
            state: seen.state.as_str(),
            error: seen.message.as_deref(),
        };
        let job = JobFields {
            fingerprint: Some(record.fingerprint),
            ..self.fields(&record.key)
        };
        self.write(level, &message, Some(job), happened)
    }

    /// Says what is wrong.
    pub fn diagnostic(&self, finding: &Diagnostic) -> io::Result<()> {
        let (level, severity) = match finding.severity {
            Severity::Error => (Level::Error, "error"),
            Severity::Warning => (Level::Warn, "warning"),
        };
        let place = finding.place.as_ref();
        let happened = Happened::Diagnostic {
            severity,
            code: Some(finding.code),
            help: finding.help.as_deref(),
            file: place.map(|place| slashes(place.file.path()).into_owned()),
            line: place.map(Place::line),
        };
        self.line(level, &finding.message, happened)
    }

    /// Ends the stream.
    pub fn end(&self, exit_code: u8) -> io::Result<()> {
        let summary = *self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        let summary = RunSummary {
            exit_code,
            ..summary
        };
        let message = format!(
            "{} submitted, {} rejected, {} unresolved, {} not attempted",
            summary.submitted, summary.rejected, summary.unresolved, summary.not_attempted
        );
        let level = if exit_code == 0 {
            Level::Info
        } else {
            Level::Error
        };
        self.line(level, &message, Happened::RunSummary(summary))
    }

    /// What is known of the place of a job.
    fn fields(&self, key: &JobKey) -> JobFields {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.get(key).cloned().unwrap_or_else(|| JobFields {
            key: key.clone(),
            fingerprint: None,
            file: None,
            line: None,
        })
    }

    fn job(
        &self,
        level: Level,
        key: &JobKey,
        message: &str,
        happened: Happened<'_>,
    ) -> io::Result<()> {
        self.write(level, message, Some(self.fields(key)), happened)
    }

    fn line(&self, level: Level, message: &str, happened: Happened<'_>) -> io::Result<()> {
        self.write(level, message, None, happened)
    }

    fn write(
        &self,
        level: Level,
        message: &str,
        job: Option<JobFields>,
        happened: Happened<'_>,
    ) -> io::Result<()> {
        let mut out = self.ui.data();
        write_line(&mut out, level, message, job, happened)?;
        out.flush()
    }
}

fn write_line(
    out: &mut impl Write,
    level: Level,
    message: &str,
    job: Option<JobFields>,
    happened: Happened<'_>,
) -> io::Result<()> {
    let line = Line {
        level,
        message,
        module: "stocktake.ui",
        timestamp: Timestamp::now(),
        job,
        happened,
    };
    json::write_line(out, &line)
}

/// How a job ended, and how grave that is.
fn ending(result: &JobResult) -> (Level, Happened<'_>) {
    match result {
        JobResult::Attempted {
            submission,
            outcome,
            state,
            looked_up,
        } => attempt_ending(submission, outcome, state.as_ref(), *looked_up),
        JobResult::Renamed { from } => (Level::Info, Happened::Renamed { from }),
        JobResult::AlreadySubmitted { job_id } => {
            (Level::Info, Happened::AlreadySubmitted { job_id })
        }
        JobResult::NotAttempted { reason } => (Level::Error, Happened::ApplySkipped { reason }),
    }
}

fn attempt_ending<'a>(
    submission: &'a SubmissionId,
    outcome: &'a Outcome,
    state: Option<&'a JobState>,
    looked_up: bool,
) -> (Level, Happened<'a>) {
    let state = state.map_or("", JobState::as_str);
    match outcome {
        Outcome::Accepted { job_id, .. } if looked_up => {
            let happened = Happened::Adopted {
                submission,
                job_id,
                state,
            };
            (Level::Info, happened)
        }
        Outcome::Accepted { job_id, request_id } => {
            let happened = Happened::ApplyComplete {
                submission,
                job_id,
                request_id: request_id.as_deref(),
                state,
            };
            (Level::Info, happened)
        }
        Outcome::Rejected(rejection) => {
            let happened = Happened::ApplyErrored {
                submission,
                code: &rejection.code,
                error: &rejection.message,
                request_id: rejection.request_id.as_deref(),
            };
            (Level::Error, happened)
        }
        Outcome::Unresolved { reason } => {
            let reason = reason.as_deref().unwrap_or_default();
            (Level::Error, Happened::ApplyUnknown { submission, reason })
        }
        Outcome::Abandoned { reason } => (Level::Error, Happened::ApplySkipped { reason }),
    }
}

fn halt_word(halt: &Halt) -> &'static str {
    match halt {
        Halt::Interrupted => "interrupted",
        Halt::CredentialsRefused(_) => "credentials_refused",
        Halt::CredentialsEnded(_) => "credentials_ended",
        Halt::FailuresInARow { .. } => "failures_in_a_row",
        Halt::StateUnwritable(_) => "state_unwritable",
        Halt::Fenced(_) => "fenced",
    }
}
