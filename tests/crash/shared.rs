//! One shared state, many machines: whatever is killed, paused or late, each job is taken once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::random::length;
use crate::world::{World, apply_in};

const WRITERS: usize = 8;
const JOBS: usize = 24;

#[test]
fn eight_applies_of_eight_checkouts_submit_each_job_once_and_block_no_reader() {
    let rounds = length(1, 20);
    let reads = AtomicUsize::new(0);
    for _ in 0..rounds {
        let world = World::shared(JOBS, "");
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for arguments in [
                &["plan"][..],
                &["status"],
                &["state", "verify"],
                &["state", "lock"],
            ] {
                let (world, is_over, reads) = (&world, &is_over, &reads);
                scope.spawn(move || {
                    while !is_over.load(Ordering::SeqCst) {
                        let status = world.command(arguments).status().unwrap();
                        assert!(status.success(), "{arguments:?}: {status}");
                        reads.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            let writers: Vec<_> = (0..WRITERS)
                .map(|_| {
                    scope.spawn(|| {
                        let checkout = world.checkout();
                        let output = apply_in(&checkout)
                            .stderr(std::process::Stdio::piped())
                            .output();
                        let output = output.unwrap();
                        let said = String::from_utf8_lossy(&output.stderr).into_owned();
                        (output.status.code(), said)
                    })
                })
                .collect();
            let ended: Vec<_> = writers
                .into_iter()
                .map(|writer| writer.join().unwrap())
                .collect();
            is_over.store(true, Ordering::SeqCst);
            for (code, said) in ended {
                assert_eq!(code, Some(0), "{said}");
            }
        });
        world.judge();
    }
    let reads = reads.into_inner();
    println!("{rounds} rounds of {WRITERS} applies, {reads} reads meanwhile");
    assert!(reads > 0);
}

#[test]
fn a_store_that_cannot_be_used_for_a_while_lets_nothing_leave() {
    let world = World::shared(2, "");
    let log = world.store_folder().join("state/log");
    let aside = world.store_folder().join("state/aside");
    let checkout = world.checkout();
    let mut apply = apply_in(&checkout);
    // The folder that slots are created in is a file meanwhile: every create and every read fails.
    std::fs::rename(&log, &aside).unwrap();
    std::fs::write(&log, "").unwrap();
    let refused = apply.status().unwrap();
    assert!(!refused.success());
    assert!(world.jobs().is_empty(), "nothing leaves without its intent");
    std::fs::remove_file(&log).unwrap();
    std::fs::rename(&aside, &log).unwrap();
    world.apply_to_the_end(2);
    world.judge();
}

#[test]
#[ignore = "needs faketime"]
fn clocks_that_are_off_hand_a_shared_state_over_all_the_same() {
    const FIRST_ANSWER_LOST: &str = "[[faults]]\nmethod = \"POST\"\nnth = [1]\nfault = \"drop\"\n";
    for (own, service) in [
        ("+10m", "+0"),
        ("-10m", "+0"),
        ("+0", "+10m"),
        ("+0", "-10m"),
    ] {
        let world = World::at_times(2, FIRST_ANSWER_LOST, own, service).sharing();
        let mut first = world.apply(1).spawn().unwrap();
        crate::support::wait::eventually(|| !world.jobs().is_empty());
        first.kill().unwrap();
        first.wait().unwrap();
        // The one that takes over has a clock that is right.
        let other = world.checkout();
        let taken = apply_in(&other).status().unwrap();
        assert!(taken.success(), "{own} {service}");
        world.judge();
        let again = world.apply(1).status().unwrap();
        assert!(again.success(), "{own} {service}");
        world.judge();
    }
}

#[cfg(feature = "crash-points")]
mod at_every_step {
    use std::process::Stdio;

    use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

    use super::{AtomicUsize, Ordering, World, apply_in, length, thread};
    use crate::world::was_killed;

    const WORLDS_AT_ONCE: usize = 8;
    /// No run of these few jobs passes more points.
    const MOST_POINTS: usize = 400;
    const FIRST_ANSWER_LOST: &str = "[[faults]]\nmethod = \"POST\"\nnth = [1]\nfault = \"drop\"\n";

    /// Does something at step 1, 2, 3 and so on, in a world for each; every third one in the short
    /// form. Gives back how many steps were tried.
    fn everywhere(try_at: impl Fn(usize) -> bool + Sync) -> usize {
        let stride = length(3, 1);
        let next = AtomicUsize::new(1);
        let first_passed = AtomicUsize::new(MOST_POINTS);
        let tried = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..WORLDS_AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let point = next.fetch_add(stride, Ordering::SeqCst);
                        if point >= first_passed.load(Ordering::SeqCst) {
                            return;
                        }
                        if try_at(point) {
                            tried.fetch_add(1, Ordering::SeqCst);
                        } else {
                            first_passed.fetch_min(point, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
        assert!(first_passed.into_inner() < MOST_POINTS);
        tried.into_inner()
    }

    #[test]
    fn a_death_at_any_step_costs_nothing() {
        for faults in ["", FIRST_ANSWER_LOST] {
            let tried = everywhere(|point| {
                let world = World::shared(2, faults);
                let mut apply = world.apply(2);
                apply.env("STOCKTAKE_CRASH_AT", point.to_string());
                let died = was_killed(apply.status().unwrap());
                // Another machine takes over, without any option.
                let other = world.checkout();
                let mut code = None;
                for _ in 0..3 {
                    code = apply_in(&other).status().unwrap().code();
                    if code == Some(0) {
                        break;
                    }
                }
                assert_eq!(code, Some(0), "{point}");
                world.judge();
                died
            });
            println!("died at {tried} steps");
            assert!(tried > 3, "{tried}");
        }
    }

    #[test]
    fn a_run_that_is_paused_at_any_step_writes_and_sends_nothing_late() {
        for faults in ["", FIRST_ANSWER_LOST] {
            let overtaken = AtomicUsize::new(0);
            let tried = everywhere(|point| pause_at(point, faults, &overtaken));
            let overtaken = overtaken.into_inner();
            println!("paused at {tried} steps, {overtaken} of them overtaken");
            assert!(tried > 3, "{tried}");
            assert!(overtaken > 0);
        }
    }

    fn pause_at(point: usize, faults: &str, overtaken: &AtomicUsize) -> bool {
        let world = World::shared(2, faults);
        let mut apply = world.apply(2);
        apply.env("STOCKTAKE_STOP_AT", point.to_string());
        let mut apply = apply.stderr(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&apply);
        let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
        if !status.stopped() {
            // The wait has taken its end already.
            let _ = apply.try_wait();
            world.apply_to_the_end(2);
            world.judge();
            return false;
        }
        let other = world.checkout();
        for _ in 0..3 {
            if apply_in(&other).status().unwrap().success() {
                break;
            }
        }
        world.judge();
        let before = world.reading();
        kill_process(pid, Signal::CONT).unwrap();
        let output = apply.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code();
        assert!(
            matches!(code, Some(0 | 3 | 4 | 5)),
            "{point}: {code:?}: {said}"
        );
        if code != Some(0) {
            overtaken.fetch_add(1, Ordering::SeqCst);
            // It may notice the jobs of the other one at the service before anything else.
            let is_told = code == Some(4) || said.contains("taken over");
            assert!(is_told, "{point}: {said}");
            let after = world.reading();
            assert_eq!(before.position, after.position, "{point}: {said}");
        }
        world.apply_to_the_end(2);
        world.judge();
        true
    }
}
