//! The process dies at every single step, one after the other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::world::{World, was_killed};

/// Worlds at a time: most of the time is spent waiting until a lost answer may be looked up.
const WORLDS_AT_ONCE: usize = 6;
/// No run of these few jobs passes more points.
const MOST_POINTS: usize = 500;

#[test]
fn a_death_at_any_step_costs_nothing() {
    let points = die_everywhere(4, "");
    println!("died at each of {points} steps");
    assert!(points > 20, "{points}");
}

#[test]
fn a_death_at_any_step_of_looking_up_costs_nothing() {
    let faults = r#"
[[faults]]
method = "POST"
nth = [1]
fault = "drop"
[[faults]]
method = "POST"
nth = [2]
fault = "drop"
acts = false
[[faults]]
method = "POST"
nth = [3]
fault = "refuse"
"#;
    let points = die_everywhere(4, faults);
    println!("died at each of {points} steps with faults");
    assert!(points > 30, "{points}");
}

/// Dies at step 1, 2, 3 and so on, each time in a new world, until a run passes fewer steps. Gives
/// back how many there were.
fn die_everywhere(jobs: usize, faults: &str) -> usize {
    let next = AtomicUsize::new(1);
    let first_survived = AtomicUsize::new(MOST_POINTS);
    thread::scope(|scope| {
        for _ in 0..WORLDS_AT_ONCE {
            scope.spawn(|| {
                loop {
                    let point = next.fetch_add(1, Ordering::SeqCst);
                    if point >= first_survived.load(Ordering::SeqCst) {
                        return;
                    }
                    if !die_at(point, jobs, faults) {
                        first_survived.fetch_min(point, Ordering::SeqCst);
                    }
                }
            });
        }
    });
    let points = first_survived.into_inner() - 1;
    assert!(points + 1 < MOST_POINTS);
    points
}

/// Whether the run got as far as that step. The run after it dies as well, a few steps on.
fn die_at(point: usize, jobs: usize, faults: &str) -> bool {
    let world = World::new(jobs, faults);
    let die = |at: usize| {
        let mut apply = world.apply(3);
        apply.env("STOCKTAKE_CRASH_AT", at.to_string());
        was_killed(apply.status().unwrap())
    };
    let died = die(point);
    die(1 + point % 7);
    world.apply_to_the_end(3);
    world.judge();
    died
}
