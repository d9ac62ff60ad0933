//! What a run knows and does. Every decision is one of the program's own functions.

use std::time::Duration;

use super::rules::Setting;
use super::work::end_of;
use super::world::{Change, GENESIS, Put, Slot, Step, World, at};
use crate::state::shared::ownership::{
    Fate, Mode, Observation, Terms, Turn, fate, is_answered_in_time, may_act, read_back_after, turn,
};

/// What a run knows of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Known {
    /// It may be submitted.
    Free,
    Unresolved {
        id: u8,
        not_after: u8,
    },
    Accepted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Contending,
    /// A create was begun, and its fate is not known.
    Writing {
        begun: u8,
    },
    /// The acquisition was answered, and has to be read back.
    Acquired {
        at: u8,
    },
    Owning,
    Sending {
        id: u8,
        not_after: u8,
    },
    /// The submission was sent.
    Sent {
        id: u8,
    },
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Run {
    pub(super) phase: Phase,
    /// How many slots it has read, the last one, and since when it sees it as the last one.
    read: u8,
    pub(super) last: Slot,
    since: u8,
    pub(super) known: Known,
    /// What it writes.
    slot: Slot,
    made: u8,
}

impl Run {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Contending,
            read: 1,
            last: GENESIS,
            since: 0,
            known: Known::Free,
            slot: GENESIS,
            made: 0,
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Leaves out what can make no difference to it any more.
    pub(super) fn forget(&mut self, setting: &Setting, time: u8) {
        if self.phase == Phase::Ended {
            (self.read, self.since, self.made) = (0, 0, 0);
            self.known = Known::Free;
            self.last = GENESIS;
            self.slot = self.last;
            return;
        }
        let Terms { lease, delay, .. } = setting.terms;
        let watched = u8::try_from((lease + delay).as_secs()).unwrap();
        self.since = match self.phase {
            Phase::Contending => self.since.max(time.saturating_sub(watched)),
            _ => 0,
        };
        if !matches!(self.phase, Phase::Writing { .. } | Phase::Acquired { .. }) {
            self.slot = self.last;
        }
    }

    fn learn(&mut self, slot: Slot) {
        self.read += 1;
        self.last = slot;
        self.known = match slot.change {
            Change::Nothing => self.known,
            Change::Intend { id, not_after } => Known::Unresolved { id, not_after },
            Change::Accept { .. } => Known::Accepted,
            Change::Abandon { .. } => Known::Free,
        };
    }
}

impl World {
    pub(super) fn run_steps(&self, setting: &Setting, index: usize, steps: &mut Vec<(Step, Self)>) {
        let run = &self.runs[index];
        if run.phase == Phase::Ended {
            return;
        }
        let number = u8::try_from(index).unwrap();
        let mut push = |what, next: World| steps.push(((what, number), next));
        if self.crashes > 0 {
            let mut next = self.clone();
            next.crashes -= 1;
            next.runs[index].phase = Phase::Ended;
            push("dies", next);
        }
        let mut next = self.clone();
        let what = match run.phase {
            Phase::Contending => {
                let mut read = self.clone();
                if read.read(index) {
                    push("reads", read);
                }
                next.acquire(setting, index)
            }
            Phase::Writing { begun } => next.resolve(setting, index, begun),
            Phase::Acquired { at } => next.read_back(setting, index, at),
            Phase::Owning => next.decide(setting, index),
            Phase::Sending { id, not_after } => Some(next.send(setting, index, id, not_after)),
            Phase::Sent { id } => {
                let mut given_up = self.clone();
                given_up.runs[index].phase = Phase::Owning;
                push("gets no answer", given_up);
                next.hear(setting, index, id)
            }
            Phase::Ended => None,
        };
        if let Some(what) = what {
            push(what, next);
        }
    }

    /// Reads to the end of the log; false if that tells nothing new.
    fn read(&mut self, index: usize) -> bool {
        let stored_last = self.stored(self.runs[index].read);
        let run = &self.runs[index];
        let is_freed = stored_last.is_none();
        if !is_freed && stored_last != Some(run.last) {
            // A log that changed is a fork for its reader.
            self.runs[index].phase = Phase::Ended;
            return true;
        }
        let mut is_news = false;
        while let Some(slot) = self.stored(self.runs[index].read + 1) {
            let (time, run) = (self.time, &mut self.runs[index]);
            if slot.previous != run.last.identity() {
                run.phase = Phase::Ended;
                return true;
            }
            run.learn(slot);
            run.since = time;
            is_news = true;
        }
        let run = &mut self.runs[index];
        if is_news && run.known == Known::Accepted {
            run.phase = Phase::Ended;
        }
        is_news
    }

    fn acquire(&mut self, setting: &Setting, index: usize) -> Option<&'static str> {
        let terms = setting.kept_terms();
        let run = &self.runs[index];
        let seen = Observation {
            standing: run.last.standing(),
            unchanged_for: Duration::from_secs(u64::from(self.time - run.since)),
            store_time: Some(at(self.time)),
        };
        let may = turn(&terms, &seen) == Turn::Now || !setting.rules.lease_is_kept;
        may.then(|| {
            self.write(setting, index, true, false, Change::Nothing);
            "acquires"
        })
    }

    pub(super) fn write(
        &mut self,
        setting: &Setting,
        index: usize,
        acquires: bool,
        releases: bool,
        change: Change,
    ) {
        let Terms { lease, delay, .. } = setting.terms;
        let seconds = |duration: Duration| u8::try_from(duration.as_secs()).unwrap();
        let (time, run) = (self.time, &mut self.runs[index]);
        run.made += 1;
        let slot = Slot {
            writer: u8::try_from(index).unwrap(),
            nonce: run.made,
            previous: run.last.identity(),
            acquires,
            releases,
            until: if setting.store == Mode::Guarded {
                time + seconds(lease)
            } else {
                0
            },
            change,
        };
        let ends = if acquires {
            time + seconds(delay)
        } else {
            run.last.until
        };
        run.slot = slot;
        run.phase = Phase::Writing {
            begun: if setting.store == Mode::Guarded {
                time
            } else {
                0
            },
        };
        let is_bounded =
            read_back_after(&setting.kept_terms()).is_some() && setting.rules.lease_is_kept;
        self.puts.push(Put {
            slot,
            number: self.runs[index].read + 1,
            ends: is_bounded.then_some(ends),
            checked: None,
            answered: false,
        });
    }

    /// Finds out what became of the create that was begun.
    fn resolve(&mut self, setting: &Setting, index: usize, begun: u8) -> Option<&'static str> {
        let terms = setting.kept_terms();
        let (slot, number) = (self.runs[index].slot, self.runs[index].read + 1);
        let on_its_way = self
            .puts
            .iter()
            .position(|put| put.slot.identity() == slot.identity());
        let is_answered = on_its_way.is_some_and(|index| self.puts[index].answered);
        let stored = self.stored(number);
        let is_mine = |found: Slot| {
            if setting.rules.same_bytes_are_repeated {
                found == slot
            } else {
                found.writer == slot.writer
            }
        };
        let fate = if is_answered || !setting.rules.intent_is_known_before_sending {
            Fate::Mine
        } else {
            fate(
                b"mine",
                stored.map(|found| {
                    if is_mine(found) {
                        &b"mine"[..]
                    } else {
                        b"other"
                    }
                }),
            )
        };
        match fate {
            Fate::Fenced => {
                self.runs[index].phase = Phase::Ended;
                Some("is fenced")
            }
            Fate::Unknown if on_its_way.is_none() => Some(self.repeat(setting, index)),
            Fate::Unknown if !setting.rules.same_bytes_are_repeated && self.losses > 0 => {
                self.losses -= 1;
                Some(self.repeat(setting, index))
            }
            Fate::Unknown => None,
            Fate::Mine => {
                let until = at(self.runs[index].last.until);
                let counts = if slot.acquires {
                    is_answered_in_time(&terms, Duration::from_secs(u64::from(self.time - begun)))
                } else {
                    may_act(&terms, until, Some(at(self.time)))
                };
                let counts = counts || !setting.rules.late_answers_do_not_count;
                Some(self.written(setting, index, slot, counts))
            }
        }
    }

    /// Makes the create once more.
    fn repeat(&mut self, setting: &Setting, index: usize) -> &'static str {
        let (time, run) = (self.time, &mut self.runs[index]);
        if read_back_after(&setting.kept_terms()).is_some() {
            // Its lease may be over by then: it ends, and others go on.
            run.phase = Phase::Ended;
            return "gives up";
        }
        if !setting.rules.same_bytes_are_repeated
            && let Change::Intend { id, .. } = run.slot.change
        {
            run.made += 1;
            run.slot.nonce = run.made;
            let not_after = end_of(setting, time);
            run.slot.change = Change::Intend { id, not_after };
        }
        let (slot, number) = (run.slot, run.read + 1);
        self.puts.push(Put {
            slot,
            number,
            ends: None,
            checked: None,
            answered: false,
        });
        "repeats its create"
    }

    fn written(
        &mut self,
        setting: &Setting,
        index: usize,
        slot: Slot,
        counts: bool,
    ) -> &'static str {
        let terms = setting.kept_terms();
        let time = self.time;
        let run = &mut self.runs[index];
        if !counts {
            run.phase = Phase::Ended;
            return "learns too late what it wrote";
        }
        run.learn(slot);
        run.phase = match slot.change {
            _ if slot.releases => Phase::Ended,
            Change::Intend { id, not_after } => Phase::Sending { id, not_after },
            _ if slot.acquires
                && read_back_after(&terms).is_some()
                && setting.rules.acquisition_is_read_back =>
            {
                Phase::Acquired { at: time }
            }
            _ => Phase::Owning,
        };
        "knows its slot"
    }

    fn read_back(&mut self, setting: &Setting, index: usize, begun: u8) -> Option<&'static str> {
        let after = read_back_after(&setting.kept_terms())?;
        if Duration::from_secs(u64::from(self.time - begun)) < after {
            return None;
        }
        let is_mine = self.stored(self.runs[index].read) == Some(self.runs[index].slot);
        self.runs[index].phase = if is_mine { Phase::Owning } else { Phase::Ended };
        Some("reads its acquisition back")
    }
}
