//! What an owner does about the work: intends, sends, looks up and records.

use super::rules::Setting;
use super::runs::{Known, Phase};
use super::world::{Change, Post, World, at};
use crate::apply::fence::{self, Absence};
use crate::state::shared::ownership::may_write;
use crate::state::{Outcome, Submission, SubmissionId, Window};

impl World {
    pub(super) fn decide(&mut self, setting: &Setting, index: usize) -> Option<&'static str> {
        let terms = setting.kept_terms();
        let run = &self.runs[index];
        let may = may_write(&terms, at(run.last.until), Some(at(self.time)));
        if !may && setting.rules.lease_is_kept {
            self.runs[index].phase = Phase::Ended;
            return Some("has lost its lease");
        }
        let change = match run.known {
            Known::Accepted => {
                self.write(setting, index, false, true, Change::Nothing);
                return Some("releases");
            }
            Known::Unresolved { id, not_after } if setting.rules.unresolved_is_looked_up => {
                self.look_up(setting, id, not_after)?
            }
            Known::Free | Known::Unresolved { .. } => {
                self.intents += 1;
                Change::Intend {
                    id: self.intents,
                    not_after: end_of(setting, self.time),
                }
            }
        };
        self.write(setting, index, false, false, change);
        Some("writes what it decided")
    }

    /// What the service's list says of an unresolved submission; nothing yet, perhaps.
    fn look_up(&self, setting: &Setting, id: u8, not_after: u8) -> Option<Change> {
        let is_listed = self
            .jobs
            .iter()
            .any(|job| job.taken + setting.lag < self.time);
        if is_listed {
            return Some(Change::Accept { id });
        }
        let submission = Submission {
            id: SubmissionId::random(),
            intended_at: at(0),
            not_before: None,
            not_after: Some(i64::from(not_after)),
            ended_at: None,
            outcome: Outcome::Unresolved { reason: None },
            by_hand: false,
            removed: None,
        };
        let absence = fence::absence(&submission, Some(setting.settle()), Some(at(self.time)));
        let believes = absence == Absence::Proof || !setting.rules.absence_waits;
        believes.then_some(Change::Abandon { id })
    }

    pub(super) fn send(
        &mut self,
        setting: &Setting,
        index: usize,
        id: u8,
        not_after: u8,
    ) -> &'static str {
        let not_after = if setting.rules.end_is_fixed_by_the_intent {
            not_after
        } else {
            end_of(setting, self.time)
        };
        let window = Window {
            not_before: 0,
            not_after: i64::from(not_after),
        };
        if fence::may_begin(window, setting.window, at(self.time)) {
            self.posts.push(Post { id, not_after });
            self.runs[index].phase = Phase::Sent { id };
            return "sends";
        }
        self.runs[index].phase = Phase::Owning;
        let terms = setting.kept_terms();
        if may_write(&terms, at(self.runs[index].last.until), Some(at(self.time))) {
            self.write(setting, index, false, false, Change::Abandon { id });
        } else {
            self.runs[index].phase = Phase::Ended;
        }
        "does not send any more"
    }

    /// The answer to its submission.
    pub(super) fn hear(&mut self, setting: &Setting, index: usize, id: u8) -> Option<&'static str> {
        let is_taken = self.jobs.iter().any(|job| job.id == id);
        let may = may_write(
            &setting.kept_terms(),
            at(self.runs[index].last.until),
            Some(at(self.time)),
        );
        (is_taken && may).then(|| {
            self.write(setting, index, false, false, Change::Accept { id });
            "hears of its job"
        })
    }
}

/// The last second at which a submission that is intended now can be taken.
pub(super) fn end_of(setting: &Setting, time: u8) -> u8 {
    let window = Window::from(at(time), setting.window);
    u8::try_from(window.not_after).unwrap()
}
