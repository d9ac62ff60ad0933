//! What happens during an apply, for programs: one JSON object a line, the last one a summary.
//!
//! Every line has `@level`, `@message` (for people), `@module`, `@timestamp` and `type`; lines about
//! a job carry its key, fingerprint and place. Types and fields are added within a version, never
//! changed; who reads an unknown type shows its message.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use anstream::adapter::strip_str;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::apply::finished_words;
use super::plan::drift_words;
use super::table::count;
use super::ui::Ui;
use crate::apply::{ApplyOutcome, Event, Halt, JobOutcome, JobResult};
use crate::diagnostic::{Diagnostic, Severity};
use crate::job::JobKey;
use crate::plan::{Action, PlanDocument};
use crate::state::Record;

/// The version of this stream.
const FORMAT: &str = "stocktake.apply/1";

/// Fields of a line beside those that every line has.
type Fields = Map<String, Value>;

/// Writes each event as a line on standard output.
#[derive(Debug)]
pub struct ApplyStream {
    ui: Ui,
    jobs: Mutex<HashMap<JobKey, Fields>>,
    counts: Mutex<[usize; 4]>,
}

impl ApplyStream {
    /// Begins a stream.
    pub fn begin(ui: Ui) -> io::Result<Self> {
        let stream = Self {
            ui,
            jobs: Mutex::default(),
            counts: Mutex::default(),
        };
        let version = env!("CARGO_PKG_VERSION");
        let fields = json!({ "stocktake": version, "format": FORMAT });
        stream.line("info", "version", &format!("stocktake {version}"), fields)?;
        Ok(stream)
    }

    /// Says what is to be done.
    pub fn plan(&self, plan: &PlanDocument) -> io::Result<()> {
        let fields = json!({
            "target": plan.target, "lineage": plan.lineage, "commit": plan.commit,
        });
        let message = format!("applying to {}", plan.target);
        self.line("info", "run_start", &message, fields)?;
        for job in plan
            .jobs
            .iter()
            .filter(|job| job.action != Action::Unchanged)
        {
            let fields = json!({
                "key": job.key, "fingerprint": job.fingerprint,
                "file": job.source.file, "line": job.source.line,
            });
            let Value::Object(mut fields) = fields else {
                continue;
            };
            self.jobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(job.key.clone(), fields.clone());
            fields.insert("action".to_owned(), json!(job.action));
            fields.insert("reason".to_owned(), json!(job.reason));
            fields.insert("changes".to_owned(), json!(job.changes));
            if let Some(estimate) = &job.estimate {
                fields.insert("estimate".to_owned(), json!(estimate));
            }
            let message = format!("{}: {}", job.key, job.action.as_str());
            self.line("info", "planned_change", &message, Value::Object(fields))?;
        }
        for blocked in &plan.blocked {
            let fields = json!({ "guard": blocked.guard, "keys": blocked.keys });
            self.line("error", "blocked", &blocked.message, fields)?;
        }
        for warning in &plan.warnings {
            self.line(
                "warn",
                "diagnostic",
                warning,
                json!({ "severity": "warning" }),
            )?;
        }
        for drift in plan.drift.iter().flatten() {
            let message = format!("{}: {}", drift.key, drift_words(drift));
            self.line("warn", "drift", &message, json!(drift))?;
        }
        let jobs = count(plan.summary.submit + plan.summary.resubmit, "job", "jobs");
        let message = format!("{jobs} to submit");
        let mut fields = json!(plan.summary);
        if let (Value::Object(fields), Some(estimate)) = (&mut fields, &plan.estimate) {
            fields.insert("estimate".to_owned(), json!(estimate));
        }
        self.line("info", "change_summary", &message, fields)
    }

    /// Says one event.
    pub fn event(&self, event: &Event) -> io::Result<()> {
        match event {
            Event::Sending {
                key, submission, ..
            } => {
                let fields = json!({ "submission": submission });
                self.job(
                    "info",
                    "apply_start",
                    &format!("sending {key}"),
                    key,
                    fields,
                )
            }
            Event::Retrying {
                key,
                reason,
                delay,
                throttled,
            } => {
                let kind = if *throttled {
                    "throttle"
                } else {
                    "apply_retry"
                };
                let fields = json!({ "reason": reason, "delay_seconds": delay.as_secs_f64() });
                let message = format!("{key}: {reason}; next try in {delay:.0?}");
                self.job("warn", kind, &message, key, fields)
            }
            Event::Settling { submissions, delay } => {
                let fields =
                    json!({ "submissions": submissions, "delay_seconds": delay.as_secs_f64() });
                let message = format!("waiting {delay:.0?} before looking up what was sent");
                self.line("info", "settling", &message, fields)
            }
            Event::Abandoned {
                key, submission, ..
            } => {
                let fields = json!({ "submission": submission });
                let message = format!("{key}: the service never took the last attempt");
                self.job("info", "apply_abandoned", &message, key, fields)
            }
            Event::Duplicates {
                key,
                adopted,
                others,
            } => {
                let fields = json!({ "job_id": adopted, "others": others });
                let message = format!("{key}: the service has it more than once");
                self.job("error", "duplicates", &message, key, fields)
            }
            Event::NotRecorded { key, job_id, error } => {
                let fields = json!({ "job_id": job_id, "error": error });
                let message = format!("{key} runs as {job_id}, which is not recorded");
                self.job("error", "not_recorded", &message, key, fields)
            }
            Event::Finished(outcome) => self.finished(outcome),
            Event::Draining { in_flight, left } => {
                let fields =
                    json!({ "in_flight": in_flight, "at_most_seconds": left.as_secs_f64() });
                let message = format!("{in_flight} in flight, {left:.0?} at most");
                self.line("info", "draining", &message, fields)
            }
            Event::Halted { halt, in_flight } => {
                let fields = json!({ "reason": halt_word(halt), "in_flight": in_flight });
                self.line("error", "halted", "nothing more is sent", fields)
            }
        }
    }

    fn finished(&self, outcome: &JobOutcome) -> io::Result<()> {
        let (level, kind, fields) = match &outcome.result {
            JobResult::Submitted {
                submission,
                job_id,
                request_id,
                state,
            } => (
                "info",
                "apply_complete",
                json!({
                    "submission": submission, "job_id": job_id,
                    "request_id": request_id, "state": state.as_str(),
                }),
            ),
            JobResult::Adopted {
                submission,
                job_id,
                state,
            } => (
                "info",
                "adopted",
                json!({ "submission": submission, "job_id": job_id, "state": state.as_str() }),
            ),
            JobResult::Renamed { from } => ("info", "renamed", json!({ "from": from })),
            JobResult::AlreadySubmitted { job_id } => {
                ("info", "already_submitted", json!({ "job_id": job_id }))
            }
            JobResult::Rejected { submission, error } => (
                "error",
                "apply_errored",
                json!({
                    "submission": submission, "code": error.code,
                    "error": error.message, "request_id": error.request_id,
                }),
            ),
            JobResult::Unresolved { submission, reason } => (
                "error",
                "apply_unknown",
                json!({ "submission": submission, "reason": reason }),
            ),
            JobResult::NotAttempted { reason } => {
                ("error", "apply_skipped", json!({ "reason": reason }))
            }
        };
        let message = strip_str(&finished_words(outcome)).to_string();
        self.job(level, kind, &message, &outcome.key, fields)
    }

    /// Keeps the counts for the last line.
    pub fn outcome(&self, outcome: &ApplyOutcome) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = [
            outcome.submitted(),
            outcome.rejected(),
            outcome.unresolved(),
            outcome.not_attempted(),
        ];
    }

    /// Says how far a job is that the service ended.
    pub fn status(&self, record: &Record) -> io::Result<()> {
        let Some(seen) = record.last_seen().filter(|seen| seen.state.is_final()) else {
            return Ok(());
        };
        let level = if seen.state.is_failure() {
            "error"
        } else {
            "info"
        };
        let fields = json!({
            "fingerprint": record.fingerprint, "job_id": seen.job_id,
            "state": seen.state.as_str(), "error": seen.message,
        });
        let message = format!("{} {}", record.key, seen.state);
        self.job(level, "job_ended", &message, &record.key, fields)
    }

    /// Says what is wrong.
    pub fn diagnostic(&self, finding: &Diagnostic) -> io::Result<()> {
        let (level, severity) = match finding.severity {
            Severity::Error => ("error", "error"),
            Severity::Warning => ("warn", "warning"),
        };
        let place = finding.place.as_ref();
        let fields = json!({
            "severity": severity, "code": finding.code, "help": finding.help,
            "file": place.map(|place| place.file.path().to_string_lossy()),
            "line": place.map(crate::source::Place::line),
        });
        self.line(level, "diagnostic", &finding.message, fields)
    }

    /// Ends the stream.
    pub fn end(&self, exit_code: u8) -> io::Result<()> {
        let counts = *self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let [submitted, rejected, unresolved, not_attempted] = counts;
        let message = format!(
            "{submitted} submitted, {rejected} rejected, {unresolved} unresolved, {not_attempted} not attempted"
        );
        let fields = json!({
            "submitted": submitted, "rejected": rejected, "unresolved": unresolved,
            "not_attempted": not_attempted, "exit_code": exit_code,
        });
        let level = if exit_code == 0 { "info" } else { "error" };
        self.line(level, "run_summary", &message, fields)
    }

    fn job(
        &self,
        level: &str,
        kind: &str,
        message: &str,
        key: &JobKey,
        mut fields: Value,
    ) -> io::Result<()> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let known = jobs.get(key).cloned();
        drop(jobs);
        let known = known.unwrap_or_else(|| Map::from_iter([("key".to_owned(), json!(key))]));
        if let Value::Object(fields) = &mut fields {
            fields.extend(known);
        }
        self.line(level, kind, message, fields)
    }

    fn line(&self, level: &str, kind: &str, message: &str, fields: Value) -> io::Result<()> {
        let mut line = json!({
            "@level": level, "@message": message, "@module": "stocktake.ui",
            "@timestamp": Timestamp::now().to_string(), "type": kind,
        });
        if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
            line.extend(fields);
        }
        let mut out = self.ui.data();
        writeln!(out, "{line}")?;
        out.flush()
    }
}

fn halt_word(halt: &Halt) -> &'static str {
    match halt {
        Halt::Interrupted => "interrupted",
        Halt::CredentialsRefused(_) => "credentials_refused",
        Halt::FailuresInARow { .. } => "failures_in_a_row",
        Halt::StateUnwritable(_) => "state_unwritable",
    }
}
