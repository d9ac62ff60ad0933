//! What is outside the runs: time, the store with what is on its way to it, and the service.

use jiff::Timestamp;

use super::rules::Setting;
use super::runs::Run;
use crate::state::shared::ownership::{Mode, Standing};

/// What a slot records of the one piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Change {
    Nothing,
    Intend { id: u8, not_after: u8 },
    Accept { id: u8 },
    Abandon { id: u8 },
}

/// A slot; two are the same bytes if they are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    pub(super) writer: u8,
    /// Counts the slots that its run has ever made.
    pub(super) nonce: u8,
    /// Writer and nonce of the slot before.
    pub(super) previous: (u8, u8),
    pub(super) acquires: bool,
    pub(super) releases: bool,
    pub(super) until: u8,
    pub(super) change: Change,
}

impl Slot {
    pub(super) fn identity(&self) -> (u8, u8) {
        (self.writer, self.nonce)
    }

    pub(super) fn standing(&self) -> Standing {
        if self.releases {
            Standing::Free
        } else {
            Standing::Held(at(self.until))
        }
    }
}

/// A create on its way to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Put {
    pub(super) slot: Slot,
    pub(super) number: u8,
    /// The store refuses it later than this.
    pub(super) ends: Option<u8>,
    /// When the store found the name free; the write takes effect some time later.
    pub(super) checked: Option<u8>,
    /// Whether it took effect and an answer says so.
    pub(super) answered: bool,
}

/// A submission on its way to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Post {
    pub(super) id: u8,
    pub(super) not_after: u8,
}

/// A job that the service took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Job {
    pub(super) id: u8,
    pub(super) taken: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) time: u8,
    /// The slots from number 1; none where a name was freed.
    pub(super) log: Vec<Option<Slot>>,
    pub(super) puts: Vec<Put>,
    pub(super) posts: Vec<Post>,
    pub(super) jobs: Vec<Job>,
    pub(super) runs: Vec<Run>,
    pub(super) crashes: u8,
    pub(super) losses: u8,
    pub(super) intents: u8,
}

pub(super) fn at(tick: u8) -> Timestamp {
    Timestamp::from_second(i64::from(tick)).unwrap()
}

pub(super) const GENESIS: Slot = Slot {
    writer: u8::MAX,
    nonce: 0,
    previous: (0, 0),
    acquires: false,
    releases: true,
    until: 0,
    change: Change::Nothing,
};

/// What happened, to which run or number.
pub(super) type Step = (&'static str, u8);

impl World {
    pub(super) fn new(setting: &Setting) -> Self {
        Self {
            time: 0,
            log: vec![Some(GENESIS)],
            puts: Vec::new(),
            posts: Vec::new(),
            jobs: Vec::new(),
            runs: (0..setting.runs).map(|_| Run::new()).collect(),
            crashes: setting.crashes,
            losses: setting.losses,
            intents: 0,
        }
    }

    /// Two jobs for one piece of work, or one that no slot intends: it would be forgotten.
    pub(super) fn is_broken(&self) -> bool {
        let is_intended = |job: &Job| {
            let mut slots = self.log.iter().map(|slot| slot.map(|slot| slot.change));
            slots.any(|change| match change {
                Some(Change::Intend { id, .. }) => id == job.id,
                Some(_) => false,
                // A freed name may have held it.
                None => true,
            })
        };
        self.jobs.len() > 1 || !self.jobs.iter().all(is_intended)
    }

    pub(super) fn steps(&self, setting: &Setting) -> Vec<(Step, Self)> {
        let mut steps = Vec::new();
        self.pass_time(setting, &mut steps);
        for index in 0..self.puts.len() {
            self.deliver_put(setting, index, &mut steps);
        }
        self.deliver_posts(setting, &mut steps);
        self.free_names(setting, &mut steps);
        for run in 0..self.runs.len() {
            self.run_steps(setting, run, &mut steps);
        }
        for (_, next) in &mut steps {
            next.forget(setting);
        }
        steps
    }

    /// Leaves out what can make no difference any more, so that equal worlds are equal.
    fn forget(&mut self, setting: &Setting) {
        let time = self.time;
        if setting.rules.service_checks_the_end {
            self.posts.retain(|post| time <= post.not_after);
        }
        let is_certain = setting.store == Mode::Atomic
            && setting.rules.slots_are_created
            && setting.rules.names_stay_taken;
        if is_certain {
            let stored = self.log.len();
            self.puts.retain(|put| usize::from(put.number) > stored);
        }
        for run in &mut self.runs {
            run.forget(setting, time);
        }
        if self.runs.iter().all(Run::has_ended) {
            self.puts.clear();
            (self.crashes, self.losses) = (0, 0);
        }
    }

    fn pass_time(&self, setting: &Setting, steps: &mut Vec<(Step, Self)>) {
        let is_overdue = |put: &Put| {
            !put.answered
                && put
                    .checked
                    .is_some_and(|at| self.time >= at + setting.effect)
        };
        if self.time < setting.ticks && !self.puts.iter().any(is_overdue) {
            let mut next = self.clone();
            next.time += 1;
            steps.push((("time is", next.time), next));
        }
    }

    pub(super) fn stored(&self, number: u8) -> Option<Slot> {
        self.log.get(usize::from(number) - 1).copied().flatten()
    }

    fn store(&mut self, put: &Put) {
        let index = usize::from(put.number) - 1;
        while self.log.len() <= index {
            self.log.push(None);
        }
        self.log[index] = Some(put.slot);
    }

    fn deliver_put(&self, setting: &Setting, index: usize, steps: &mut Vec<(Step, Self)>) {
        let put = self.puts[index];
        let number = put.number;
        let mut next = self.clone();
        if put.answered {
            return;
        }
        if put.checked.is_some() {
            next.store(&put);
            next.puts[index].answered = true;
            return steps.push((("a slot takes effect", number), next));
        }
        if self.losses > 0 {
            let mut lost = self.clone();
            lost.puts.remove(index);
            lost.losses -= 1;
            steps.push((("a slot is lost", number), lost));
        }
        let is_refused = put.ends.is_some_and(|ends| self.time > ends)
            || (setting.rules.slots_are_created && self.stored(number).is_some());
        if is_refused {
            next.puts.remove(index);
            steps.push((("a slot is refused", number), next));
        } else if setting.store == Mode::Guarded {
            next.puts[index].checked = Some(self.time);
            steps.push((("a slot is accepted", number), next));
        } else {
            next.store(&put);
            next.puts.remove(index);
            steps.push((("a slot is stored", number), next));
        }
    }

    fn deliver_posts(&self, setting: &Setting, steps: &mut Vec<(Step, Self)>) {
        for (index, post) in self.posts.iter().enumerate() {
            let mut next = self.clone();
            next.posts.remove(index);
            if self.time <= post.not_after || !setting.rules.service_checks_the_end {
                next.jobs.push(Job {
                    id: post.id,
                    taken: self.time,
                });
                steps.push((("the service takes submission", post.id), next));
            } else {
                steps.push((("the service refuses submission", post.id), next));
            }
        }
    }

    /// Frees every name but the newest: what a checkpoint covers.
    fn free_names(&self, setting: &Setting, steps: &mut Vec<(Step, Self)>) {
        let old = self.log.len() - 1;
        if setting.rules.names_stay_taken || self.log[..old].iter().all(Option::is_none) {
            return;
        }
        let mut next = self.clone();
        next.log[..old].fill(None);
        steps.push((("old names are freed", 0), next));
    }
}
