//! Periods that pass while it runs.

use super::Watch;
use crate::support::workspace::Workspace;

#[test]
fn a_period_that_passes_is_planned() {
    let env = Workspace::small();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3);
    let from = soon - jiff::SignedDuration::from_mins(2);
    env.write("jobs/w.yaml", &format!(
        "jobs:\n  w:\n    windows: {{ every: 1 minute, from: \"{from:.0}\" }}\n    input: {{ prefix: video/ }}\n    operation: {{ workflow_ids: w1 }}\n"
    ));
    let mut watch = Watch::start(&env, &[]);
    watch.wait_for("1 new\n");
    watch.wait_for("a period has passed");
    watch.wait_for("2 new\n");
}
