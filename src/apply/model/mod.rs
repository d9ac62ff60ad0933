//! The protocol of a shared state, checked: every interleaving of a few runs over one piece of work,
//! with crashes, pauses, lost answers and late deliveries, up to a bound of time.
//!
//! What the runs decide, the functions decide that the program uses. A rule that is left out on purpose
//! has to make the search find a job that was taken twice.

mod rules;
mod runs;
mod work;
mod world;

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;

use rules::{Rules, Setting};
use world::{Step, World};

/// More states than any of these searches has.
const MOST_STATES: usize = 1_500_000;

/// Searches everything that can happen; the number of states, or a history that ends with two jobs.
fn search(setting: &Setting) -> Result<usize, Vec<String>> {
    let hasher = FixedState::default();
    let first = World::new(setting);
    let mut seen = HashSet::from([hasher.hash_one(&first)]);
    let mut reached: Vec<(usize, Step)> = vec![(0, ("begin", 0))];
    let mut left = vec![(0, first)];
    while let Some((index, world)) = left.pop() {
        for (step, next) in world.steps(setting) {
            if !seen.insert(hasher.hash_one(&next)) {
                continue;
            }
            reached.push((index, step));
            let place = reached.len() - 1;
            if next.is_broken() {
                return Err(history(&reached, place));
            }
            assert!(reached.len() < MOST_STATES, "the search is too wide");
            left.push((place, next));
        }
    }
    Ok(reached.len())
}

fn history(reached: &[(usize, Step)], mut place: usize) -> Vec<String> {
    let mut steps = Vec::new();
    while place != 0 {
        let (what, number) = reached[place].1;
        steps.push(format!("{what} {number}"));
        place = reached[place].0;
    }
    steps.reverse();
    steps
}

#[track_caller]
fn holds(setting: &Setting) {
    match search(setting) {
        // A search that reaches next to nothing proves nothing.
        Ok(states) => assert!(states > 10_000, "{states} states only"),
        Err(steps) => panic!("two jobs, or one forgotten:\n{}", steps.join("\n")),
    }
}

#[track_caller]
fn breaks(rules: Rules, setting: &Setting) {
    let broken = Setting {
        rules,
        ..setting.clone()
    };
    assert!(search(&broken).is_err(), "nothing breaks: {rules:?}");
}

#[test]
fn two_runs_over_an_atomic_store_submit_once() {
    holds(&Setting::atomic(2));
}

#[test]
fn three_runs_over_an_atomic_store_submit_once() {
    holds(&Setting::atomic(3));
}

#[test]
fn two_runs_over_a_store_that_is_not_atomic_submit_once() {
    holds(&Setting::guarded(2));
}

#[test]
fn writes_that_take_effect_late_do_no_harm() {
    holds(&Setting::with_late_effects(2));
}

#[test]
fn each_rule_of_the_log_is_needed() {
    let setting = Setting::atomic(2);
    let whole = Rules::default();
    let without = [
        Rules {
            service_checks_the_end: false,
            ..whole
        },
        Rules {
            absence_waits: false,
            ..whole
        },
        Rules {
            settle_covers_the_list: false,
            ..whole
        },
        Rules {
            end_is_fixed_by_the_intent: false,
            ..whole
        },
        Rules {
            names_stay_taken: false,
            ..whole
        },
        Rules {
            intent_is_known_before_sending: false,
            ..whole
        },
        Rules {
            same_bytes_are_repeated: false,
            ..whole
        },
        Rules {
            slots_are_created: false,
            ..whole
        },
        Rules {
            unresolved_is_looked_up: false,
            ..whole
        },
    ];
    for rules in without {
        breaks(rules, &setting);
    }
}

#[test]
fn each_guard_of_a_store_that_is_not_atomic_is_needed() {
    let setting = Setting {
        crashes: 0,
        ticks: 5,
        ..Setting::guarded(2)
    };
    let whole = Rules::default();
    let without = [
        Rules {
            guarded: false,
            ..whole
        },
        Rules {
            lease_is_kept: false,
            ..whole
        },
        Rules {
            acquisition_is_read_back: false,
            ..whole
        },
    ];
    for rules in without {
        breaks(rules, &setting);
    }
    // A write that takes effect later than any was thought to.
    let late = Setting::with_late_effects(2);
    breaks(
        Rules {
            late_answers_do_not_count: false,
            ..whole
        },
        &late,
    );
}
