//! Where no events come: files are looked for from time to time.

use std::fs;
use std::time::{Duration, Instant};

use super::{Watch, job, looks, workspace};
#[cfg(target_os = "linux")]
use crate::support::workspace::Workspace;

#[test]
fn without_events_it_looks_from_time_to_time() {
    let env = workspace();
    let mut watch = Watch::start(&env, &["--poll=50ms"]);
    let text = watch.wait_for("1 new\n");
    assert!(text.contains("from time to time"), "{text}");
    env.write("jobs/b.yaml", &job("b"));
    watch.wait_for("2 new\n");
    fs::rename(
        env.path().join("jobs/b.yaml"),
        env.path().join("jobs/c.yaml"),
    )
    .unwrap();
    watch.wait_for("jobs/b.yaml, jobs/c.yaml");
    let (code, rest) = watch.interrupt();
    assert_eq!(code, Some(130));
    assert_eq!(looks(&rest), 1, "{rest}");
}

/// However long the interval is: what happens more often (a heartbeat a second) does not restart it.
#[test]
fn a_change_is_seen_within_two_intervals() {
    for interval in [Duration::from_millis(300), Duration::from_millis(2500)] {
        let env = workspace();
        let poll = format!("--poll={}ms", interval.as_millis());
        let mut watch = Watch::start(&env, &[&poll]);
        watch.wait_for("1 new\n");
        for number in 2..=3 {
            let begun = Instant::now();
            let key = format!("n{number}");
            env.write(&format!("jobs/{key}.yaml"), &job(&key));
            watch.wait_for(&format!("+  {key}  new"));
            // What is not of the interval is the load of the machine.
            let limit = interval * 2 + Duration::from_secs(3);
            assert!(begun.elapsed() < limit, "{:?} for {poll}", begun.elapsed());
        }
    }
}

/// A watch in a user namespace whose limit of the kernel is that low.
#[cfg(target_os = "linux")]
fn limited(env: &Workspace, limit: &str) -> Watch {
    let line = format!("echo {limit} && exec \"$0\" watch --quiet-time 30ms");
    let mut command = env.command_of("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "sh",
        "-c",
        &line,
        crate::support::workspace::BINARY,
    ]);
    Watch::spawn(command)
}

#[cfg(target_os = "linux")]
#[test]
fn a_system_that_gives_no_events_is_polled() {
    let env = workspace();
    let mut watch = limited(&env, "0 > /proc/sys/user/max_inotify_instances");
    let text = watch.wait_for("Looking for changes every second.\n");
    assert!(text.contains("No events: "), "{text}");
    watch.wait_for("1 new\n");
    env.write("jobs/b.yaml", &job("b"));
    watch.wait_for("+  b  new");
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_that_is_reached_later_is_told() {
    let env = workspace();
    // The workspace and its jobs, and not one folder more.
    let mut watch = limited(&env, "2 > /proc/sys/user/max_inotify_watches");
    let text = watch.wait_for("1 new\n");
    assert!(!text.contains("No events"), "{text}");
    env.write("jobs/deep/b.yaml", &job("b"));
    watch.wait_for("limit of watched folders is reached.\nLooking for changes every second.\n");
    watch.wait_for("+  b  new");
    env.write("jobs/deep/b.yaml", &job("c"));
    watch.wait_for("+  c  new");
}
