//! `stocktake render`: what a job becomes.

use crate::support::text::assert_contains;
use crate::support::workspace::Workspace;

#[test]
fn every_value_is_shown_with_its_origin() {
    let env = Workspace::example();
    let monthly = env.run(&["render", "monthly[window=2022-02]"]).expect(0);
    insta::assert_snapshot!("render_human", monthly.shown());
    let overridden = env
        .run(&["render", "outlines[folder=cn]", "--var", "outline=w1"])
        .expect(0);
    assert!(overridden.stdout.contains("--var"), "{}", overridden.stdout);
}

#[test]
fn programs_read_the_request_and_shells_run_it_without_a_secret() {
    let env = Workspace::example();
    let json = env.run(&["render", "demo", "--format", "json"]).expect(0);
    insta::assert_snapshot!("render_json", json.shown());
    let xml = env
        .run(&["render", "demo", "--format", "xml"])
        .expect(0)
        .stdout;
    assert!(xml.starts_with("<Request><Name>demo</Name>"), "{xml}");
    let script = env
        .run(&["render", "demo", "--format", "curl"])
        .expect(0)
        .stdout;
    assert!(script.contains(xml.trim()), "{script}");
    assert!(script.contains("$TENCENTCLOUD_SECRET_KEY") && !script.contains("stocktake-local"));
}

#[test]
fn a_key_that_does_not_exist_is_told_with_the_nearest() {
    let env = Workspace::example();
    for (key, meant) in [("dmeo", "demo"), ("monthly", "monthly[window=2022-01]")] {
        let run = env.run(&["render", key]).expect(1);
        assert_contains(&run.stderr, format!("did you mean `{meant}`?"));
    }
}
