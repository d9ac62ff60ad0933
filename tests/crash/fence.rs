//! The end of the signature is the fence: what comes later is refused, whatever was paused or held up,
//! and whatever the clocks say.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::relay::{Delay, Relay};
use crate::support::wait::eventually;
use crate::world::{World, was_killed};

/// Longer than the window of a submission here, and what its list needs.
const LONGER_THAN_THE_WINDOW: Duration = Duration::from_secs(8);

const FIRST_ANSWER_LOST: &str = "[[faults]]\nmethod = \"POST\"\nnth = [1]\nfault = \"drop\"\n";

fn through(delay: Delay) -> (World, Relay) {
    let mut world = World::new(1, "");
    let relay = Relay::start(world.service(), delay);
    world.point_at(relay.address, "12s");
    (world, relay)
}

#[test]
fn a_submission_that_is_delivered_after_its_window_is_refused() {
    let (world, relay) = through(Delay::Held(LONGER_THAN_THE_WINDOW));
    // The list lacks it, which is believed after the window: it is sent again.
    assert!(world.apply(1).status().unwrap().success());
    eventually(|| relay.late_answer().is_some());
    let late = relay.late_answer().unwrap();
    assert!(late.starts_with("HTTP/1.1 401 "), "{late}");
    assert!(late.contains("Request has expired"), "{late}");
    world.judge();
}

#[test]
fn a_submission_that_is_repeated_after_its_window_is_looked_up() {
    let (world, relay) = through(Delay::Repeated(Duration::from_secs(4)));
    assert!(world.apply(1).status().unwrap().success());
    let late = relay.late_answer().unwrap();
    assert!(late.contains("Request has expired"), "{late}");
    world.judge();
}

/// Applies, and dies once the submission is on its way.
fn die_while_it_is_held(world: &World, relay: &Relay) {
    let mut apply = world.apply(1).spawn().unwrap();
    eventually(|| relay.has_it());
    apply.kill().unwrap();
    assert!(was_killed(apply.wait().unwrap()));
}

#[test]
fn nobody_ends_or_hides_a_submission_that_can_still_be_taken() {
    let ends: [&[&str]; 3] = [
        &["resolve", "job-0000", "--abandon"],
        &["resolve", "job-0000", "--abandon", "--no-check"],
        &["state", "rm", "job-0000", "--auto-approve"],
    ];
    for end in ends {
        let (world, relay) = through(Delay::Held(LONGER_THAN_THE_WINDOW));
        die_while_it_is_held(&world, &relay);
        let begun = Instant::now();
        let ended = world.command(end).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.success(), "{end:?}: {said}");
        assert!(said.contains("waiting "), "{end:?}: {said}");
        assert!(begun.elapsed() > Duration::from_secs(1), "{end:?}");
        assert!(relay.late_answer().is_none(), "{end:?}: too late to tell");
        eventually(|| relay.late_answer().is_some());
        let late = relay.late_answer().unwrap();
        assert!(late.contains("Request has expired"), "{late}");
        assert!(world.jobs().is_empty());
        world.apply_to_the_end(1);
        world.judge();
    }
}

#[test]
fn what_arrives_within_its_window_cannot_be_abandoned() {
    let (world, relay) = through(Delay::Held(Duration::from_secs(1)));
    die_while_it_is_held(&world, &relay);
    let refused = world
        .command(&["resolve", "job-0000", "--abandon"])
        .status();
    assert!(!refused.unwrap().success());
    assert!(relay.late_answer().unwrap().starts_with("HTTP/1.1 200 "));
    world.apply_to_the_end(1);
    world.judge();
}

#[test]
fn what_is_unresolved_is_looked_up_without_its_job_file() {
    for command in [&["apply", "--auto-approve"][..], &["status"]] {
        let world = World::new(2, FIRST_ANSWER_LOST);
        let mut apply = world.apply(1).spawn().unwrap();
        eventually(|| !world.jobs().is_empty());
        apply.kill().unwrap();
        apply.wait().unwrap();
        world.remove_job_files();
        eventually(|| {
            let status = world.command(command).status().unwrap();
            assert!(matches!(status.code(), Some(0 | 3)), "{status}");
            world
                .records()
                .iter()
                .all(|record| record.unresolved().is_none())
        });
        let recorded = world.recorded_ids();
        let taken: Vec<String> = world.jobs().into_values().flatten().collect();
        assert!(taken.iter().all(|id| recorded.contains(id)), "{command:?}");
    }
}

#[test]
#[ignore = "needs faketime"]
fn clocks_that_are_off_cost_nothing_and_are_told() {
    for (apply, service) in [
        ("+10m", "+0"),
        ("-10m", "+0"),
        ("+0", "+10m"),
        ("+0", "-10m"),
    ] {
        let world = World::at_times(2, FIRST_ANSWER_LOST, apply, service);
        let output = world.apply(2).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{apply} {service}: {said}");
        let told = said.matches("this machine's clock is ").count();
        assert_eq!(told, 1, "{apply} {service}: {said}");
        world.judge();
    }
}

#[cfg(feature = "crash-points")]
#[test]
fn a_process_that_is_stopped_between_intent_and_send_sends_nothing_late() {
    use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

    let mut stops = 0;
    for point in 1..40 {
        let world = World::new(1, "");
        let mut apply = world.apply(1);
        apply.env("STOCKTAKE_STOP_AT", point.to_string());
        let apply = apply.stderr(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&apply);
        let (_, status) = waitpid(Some(pid), WaitOptions::UNTRACED).unwrap().unwrap();
        if !status.stopped() {
            // It came to its end before that point.
            assert!(status.exit_status() == Some(0), "{status:?}");
            break;
        }
        stops += 1;
        std::thread::sleep(Duration::from_secs(4));
        kill_process(pid, Signal::CONT).unwrap();
        let output = apply.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 3)), "{point}: {code:?}: {said}");
        world.apply_to_the_end(1);
        world.judge();
    }
    assert!(stops > 5, "{stops}");
}
