//! What a watch shows, and how the terminal is treated.

use std::borrow::Cow;
use std::io::Write as _;
use std::time::Duration;

use super::WatchArgs;
use super::state::{Refresh, WatchState};
use crate::cli::failure::Failure;
use crate::cli::plan_file::{self, Inputs};
use crate::plan::{Difference, Plan, PlanDocument};
use crate::report::{self, PlanView, SHOWN_JOBS, Ui, WatchOpening, WatchView};
use crate::watch::Polling;

/// Where plans are shown.
pub(super) struct Screen {
    pub(super) ui: Ui,
    clears: bool,
    rings: bool,
}

impl Screen {
    pub(super) fn new(ui: Ui, arguments: &WatchArgs) -> Self {
        Self {
            ui,
            clears: arguments.clear,
            rings: arguments.bell,
        }
    }

    /// Shows what is watched.
    pub(super) fn opening(&self, opening: &WatchOpening<'_>) -> Result<(), Failure> {
        Ok(report::watch_opening(&mut self.ui.data(), opening)?)
    }

    /// Says that files are polled from now on.
    pub(super) fn polling(&self, reason: &Polling) -> Result<(), Failure> {
        let mut out = self.ui.data();
        report::watch_polling(&mut out, reason)?;
        Ok(out.flush()?)
    }

    /// Shows what a refresh found.
    pub(super) fn show(
        &self,
        state: &WatchState,
        refresh: &Refresh,
        took: Duration,
    ) -> Result<(), Failure> {
        let plan = state.plan().map(|plan| match &refresh.difference {
            None if !refresh.is_broken => Cow::Borrowed(plan),
            // Of a plan that was shown before, what differs is enough.
            difference => Cow::Owned(excerpt(plan, difference.as_ref())),
        });
        let plan = plan.as_deref().map(|plan| document(state, plan));
        let view = WatchView {
            cause: &refresh.cause,
            took,
            findings: &refresh.findings,
            is_broken: refresh.is_broken,
            difference: refresh.difference.as_ref(),
            plan: plan.as_ref().map(|plan| self.plan_view(plan, false)),
            width: self.ui.look().width,
        };
        self.ui.transient("")?;
        if self.clears {
            self.ui.clear_screen()?;
        }
        if self.rings && refresh.is_broken {
            self.ui.ring()?;
        }
        let mut out = self.ui.data();
        report::watch_plan(&mut out, &view)?;
        Ok(out.flush()?)
    }

    /// Shows the whole plan, with what stays as it is.
    pub(super) fn show_all(&self, state: &WatchState) -> Result<(), Failure> {
        let Some(plan) = state.plan() else {
            return Ok(self
                .ui
                .note("there is no plan yet: mend the mistakes first")?);
        };
        let document = document(state, plan);
        self.ui.transient("")?;
        let mut out = self.ui.data();
        writeln!(out)?;
        if state.current_plan().is_none() {
            writeln!(
                out,
                "Mistakes stand in the way. This is the last good plan:"
            )?;
        }
        report::plan_human(&mut out, &self.plan_view(&document, true))?;
        Ok(out.flush()?)
    }

    fn plan_view<'a>(&self, plan: &'a PlanDocument<'a>, all: bool) -> PlanView<'a> {
        PlanView {
            plan,
            all,
            details: false,
            rest: "plan --all",
            next: None,
            width: self.ui.look().width,
        }
    }
}

fn document<'a>(state: &WatchState, plan: &'a Plan) -> PlanDocument<'a> {
    let origin = plan_file::origin(state.session(), None, Inputs::default());
    PlanDocument::new(plan, origin)
}

/// A plan with the jobs that differ, and nothing left out of its counts and findings.
fn excerpt(plan: &Plan, difference: Option<&Difference>) -> Plan {
    let jobs = difference.map(|difference| difference.planned(plan, SHOWN_JOBS));
    plan.of_jobs(jobs.into_iter().flatten().cloned().collect())
}
