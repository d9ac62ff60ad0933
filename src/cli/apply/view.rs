//! Says what happens during an apply, in the form that is asked for.

use std::sync::Arc;

use super::Format;
use crate::apply::{ApplyOutcome, Event};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::plan::{Blocked, PlanDocument};
use crate::report::{self, ApplyReporter, ApplyStream, PlanView, Ui};
use crate::state::Record;

/// Says what happens, in the form that is asked for.
pub(super) enum View {
    Human(Ui, ApplyReporter),
    Json(ApplyStream),
}

impl View {
    /// Begins to say things.
    pub(super) fn begin(format: Format, ui: Ui) -> std::io::Result<Self> {
        Ok(match format {
            Format::Human => Self::Human(ui, ApplyReporter::new(ui)),
            Format::Json => Self::Json(ApplyStream::begin(ui)?),
        })
    }

    /// What is to be done.
    pub(super) fn plan(&self, plan: &PlanDocument<'_>) -> std::io::Result<()> {
        match self {
            Self::Human(ui, _) => {
                let rest = match plan.drift {
                    None => "plan --all",
                    Some(_) => "plan --refresh --all",
                };
                let view = PlanView {
                    plan,
                    all: false,
                    details: false,
                    rest,
                    next: None,
                    width: ui.look().width,
                };
                report::plan_human(&mut ui.data(), &view)
            }
            Self::Json(stream) => stream.plan(plan),
        }
    }

    /// What the service has already, so that nothing is sent.
    pub(super) fn blocked(&self, blocked: &[Blocked]) -> std::io::Result<()> {
        match self {
            Self::Human(ui, _) => report::plan_blocked(&mut ui.data(), blocked, ui.look().width),
            Self::Json(stream) => stream.blocked(blocked),
        }
    }

    pub(super) fn event(&self, event: &Event) -> std::io::Result<()> {
        match self {
            Self::Human(_, reporter) => reporter.event(event),
            Self::Json(stream) => stream.event(event),
        }
    }

    pub(super) fn outcome(&self, outcome: &ApplyOutcome) -> std::io::Result<()> {
        match self {
            Self::Human(ui, _) => report::apply_outcome(&mut ui.data(), outcome),
            Self::Json(stream) => {
                stream.outcome(outcome);
                Ok(())
            }
        }
    }

    /// Jobs that were waited for. People have seen each as it ended, and are told of all of them.
    pub(super) fn ended(&self, records: &[Arc<Record>]) -> std::io::Result<()> {
        match self {
            Self::Human(ui, _) if records.len() > 1 => ui.note(report::jobs_ended(records)),
            Self::Human(..) => Ok(()),
            Self::Json(stream) => records.iter().try_for_each(|record| stream.status(record)),
        }
    }

    /// What to do next, for people.
    pub(super) fn next(&self, steps: &[String]) -> std::io::Result<()> {
        match self {
            Self::Human(ui, _) => steps.iter().try_for_each(|step| ui.note(step)),
            Self::Json(_) => Ok(()),
        }
    }

    /// The stream ends with a summary, whatever happened.
    pub(super) fn end(&self, result: &Result<Exit, Failure>) -> std::io::Result<()> {
        let Self::Json(stream) = self else {
            return Ok(());
        };
        match result {
            Ok(exit) => stream.end(exit.code()),
            Err(failure) => {
                for finding in &failure.diagnostics {
                    stream.diagnostic(finding)?;
                }
                stream.end(failure.exit.code())
            }
        }
    }
}
