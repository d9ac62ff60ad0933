//! What happens during an apply, and how it ended, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use super::hint::{pasteable, quoted};
use super::table::{count, grouped};
use super::text::{clean, one_line};
use super::ui::Ui;
use super::ui::style::{BAD, CHANGE, FAINT, GOOD, STRONG};
use crate::apply::{ApplyOutcome, Event, Halt, JobOutcome, JobResult};
use crate::remedy;
use crate::state::Outcome;

/// Says each event on standard error as it happens.
#[derive(Debug)]
pub struct ApplyReporter {
    ui: Ui,
    /// Whether the terminal shows a countdown.
    is_counting: AtomicBool,
    /// Whether it was said why nothing more is sent; then it is not said again for every job.
    is_halted: AtomicBool,
}

impl ApplyReporter {
    /// A reporter that writes through `ui`.
    pub fn new(ui: Ui) -> Self {
        Self {
            ui,
            is_counting: AtomicBool::new(false),
            is_halted: AtomicBool::new(false),
        }
    }

    /// Says one event.
    pub fn event(&self, event: &Event) -> io::Result<()> {
        if self.is_counting.swap(false, Ordering::Relaxed) {
            self.ui.transient("")?;
        }
        match event {
            Event::Sending { .. } => Ok(()),
            Event::Retrying {
                key, reason, delay, ..
            } => self.ui.note(format!(
                "{CHANGE}again{CHANGE:#}  {}: {}; next try in {delay:.0?}",
                clean(key.as_str()),
                one_line(reason)
            )),
            Event::Settling { submissions, delay } => {
                let submissions = count(*submissions, "submission", "submissions");
                self.ui.note(format!(
                    "waiting {delay:.0?} before {submissions} can be looked up"
                ))
            }
            Event::Abandoned { key, .. } => self.ui.note(format!(
                "{}: the service never took the last attempt",
                clean(key.as_str())
            )),
            Event::Duplicates {
                key,
                adopted,
                others,
            } => {
                let others: Vec<&str> =
                    others.iter().map(crate::api::name::JobId::as_str).collect();
                let others = others.join(", ");
                self.ui.note(format!(
                    "{BAD}twice{BAD:#}  {key}: {adopted} is recorded; the service also has {others}"
                ))
            }
            Event::NotRecorded { key, job_id, error } => {
                let command = format!(
                    "stocktake resolve {} --adopt {job_id}",
                    quoted(key.as_str())
                );
                writeln!(
                    self.ui.messages(),
                    "{BAD}NOT RECORDED{BAD:#}  {key} runs as {job_id}, and the state cannot be written: \
                     {error}\nrepair it with: {}",
                    pasteable(&command)
                )
            }
            Event::Finished(outcomes) => self.finished(outcomes),
            Event::Draining { in_flight, left } => {
                self.is_counting.store(true, Ordering::Relaxed);
                self.ui
                    .transient(&format!("{in_flight} in flight, {left:.0?} at most"))
            }
            Event::Halted { halt, in_flight } => self.halted(halt, *in_flight),
        }
    }

    fn halted(&self, halt: &Halt, in_flight: usize) -> io::Result<()> {
        self.is_halted.store(true, Ordering::Relaxed);
        let in_flight_words = count(in_flight, "submission is", "submissions are");
        self.ui
            .note(format!("{}; {in_flight_words} in flight", halt_words(halt)))?;
        if *halt == Halt::Interrupted && in_flight > 0 {
            self.ui
                .note("waiting for their answers; interrupt again to leave them unresolved")?;
        }
        Ok(())
    }

    /// A line for each, all in one write: many jobs may end at once.
    fn finished(&self, outcomes: &[JobOutcome]) -> io::Result<()> {
        let is_halted = self.is_halted.load(Ordering::Relaxed);
        let is_said = |outcome: &&JobOutcome| {
            !is_halted || !matches!(outcome.result, JobResult::NotAttempted { .. })
        };
        let lines = outcomes.iter().filter(is_said).map(finished_words);
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() {
            return Ok(());
        }
        self.ui.note(lines.join("\n"))
    }
}

/// How a job ended, in words.
pub(super) fn finished_words(outcome: &JobOutcome) -> String {
    let key = clean(outcome.key.as_str());
    match &outcome.result {
        JobResult::Attempted {
            outcome, looked_up, ..
        } => attempt_words(&key, outcome, *looked_up),
        JobResult::Renamed { from } => {
            format!(
                "{CHANGE}renamed{CHANGE:#}    {} is now {key}",
                clean(from.as_str())
            )
        }
        JobResult::AlreadySubmitted { job_id } => {
            format!("{FAINT}known{FAINT:#}      {key}  another run submitted it as {job_id}")
        }
        JobResult::NotAttempted { reason } => not_sent_words(&key, reason),
    }
}

fn attempt_words(key: &str, outcome: &Outcome, looked_up: bool) -> String {
    match outcome {
        Outcome::Accepted { job_id, .. } => {
            let (word, padding) = if looked_up {
                ("found", "      ")
            } else {
                ("submitted", "  ")
            };
            format!("{GOOD}{word}{GOOD:#}{padding}{key}  {FAINT}{job_id}{FAINT:#}")
        }
        Outcome::Rejected(rejection) => {
            let call = rejection.request_id.as_ref();
            let call = call.map(|id| format!(" (request {id})"));
            let call = call.unwrap_or_default();
            let answer = one_line(&format!("{rejection}{call}"));
            format!("{BAD}rejected{BAD:#}   {key}  {answer}")
        }
        Outcome::Unresolved { reason } => {
            let reason = one_line(reason.as_deref().unwrap_or_default());
            format!("{BAD}unresolved{BAD:#} {key}  {reason}")
        }
        Outcome::Abandoned { reason } => not_sent_words(key, reason),
    }
}

fn not_sent_words(key: &str, reason: &str) -> String {
    let reason = one_line(reason);
    format!("{CHANGE}not sent{CHANGE:#}   {key}  {reason}")
}

fn halt_words(halt: &Halt) -> String {
    match halt {
        Halt::Interrupted => "interrupted: nothing more is sent".to_owned(),
        Halt::CredentialsRefused(error) => {
            let error = one_line(&error.to_string());
            format!("the service refuses the credentials ({error}); nothing more is sent")
        }
        Halt::CredentialsEnded(error) => format!("{error}; nothing more is sent"),
        Halt::FailuresInARow { count, failure } => {
            let failure = one_line(failure);
            format!("{count} submissions in a row failed alike ({failure}); nothing more is sent")
        }
        Halt::StateUnwritable(error) => {
            format!("the state cannot be written ({error}); nothing more is sent")
        }
        Halt::Fenced(error) => format!("{error}; nothing more is sent or recorded"),
    }
}

/// Writes how an apply ended, in one line and, where needed, the next step.
pub fn outcome(out: &mut dyn Write, outcome: &ApplyOutcome) -> io::Result<()> {
    let counts = [
        (outcome.submitted(), "submitted"),
        (outcome.rejected(), "rejected"),
        (outcome.unresolved(), "unresolved"),
        (outcome.not_attempted(), "not attempted"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .enumerate()
        .filter(|(index, (number, _))| *index == 0 || *number > 0)
        .map(|(_, (number, word))| format!("{} {word}", grouped(*number)))
        .collect();
    writeln!(out, "{STRONG}{}{STRONG:#}", counts.join(", "))?;
    if outcome.unresolved() > 0 {
        let hint = "unresolved jobs may be running; `stocktake apply` looks them up and sends nothing twice";
        writeln!(out, "{}", pasteable(hint))?;
    }
    for (code, remedy) in remedies(outcome) {
        writeln!(out, "{code}: {remedy}")?;
    }
    Ok(())
}

/// What to do about each code that jobs were rejected with.
fn remedies(outcome: &ApplyOutcome) -> BTreeMap<&str, &'static str> {
    let rejections = outcome.jobs.iter().filter_map(|job| match &job.result {
        JobResult::Attempted {
            outcome: Outcome::Rejected(rejection),
            ..
        } => Some(rejection),
        _ => None,
    });
    rejections
        .filter_map(|rejection| {
            let remedy = remedy::of(&rejection.code, &rejection.message)?;
            Some((rejection.code.as_str(), remedy))
        })
        .collect()
}
