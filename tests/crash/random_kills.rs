//! The process is killed at random moments, with every fault on.

use std::thread;
use std::time::Duration;

use crate::random::{Random, length};
use crate::world::{EVERY_FAULT, World, was_killed};

const JOBS: usize = 300;
const PARALLELISM: usize = 16;
/// Some moments lie behind the end of a run, and kill nothing.
const LATEST_KILL_MILLISECONDS: u64 = 2_500;
/// Kills before a world is brought to its end.
const KILLS_A_WORLD: usize = 12;

#[test]
fn kills_at_random_moments_cost_nothing() {
    let wanted = length(5, 200);
    let mut random = Random::new();
    let (mut kills, mut runs, mut worlds) = (0, 0, 0);
    while kills < wanted {
        let seed = random.below(1 << 32);
        let world = World::new(
            JOBS,
            &EVERY_FAULT.replace("seed = 7", &format!("seed = {seed}")),
        );
        worlds += 1;
        for _ in 0..KILLS_A_WORLD.min(wanted - kills) {
            let mut apply = world.apply(PARALLELISM).spawn().unwrap();
            thread::sleep(Duration::from_millis(
                random.below(LATEST_KILL_MILLISECONDS),
            ));
            apply.kill().unwrap();
            let killed = was_killed(apply.wait().unwrap());
            kills += usize::from(killed);
        }
        runs += world.apply_to_the_end(PARALLELISM);
        world.judge();
    }
    println!("{kills} kills in {worlds} workspaces of {JOBS} jobs, {runs} runs to end them");
}
