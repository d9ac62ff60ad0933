//! What the environment says.

use serde_json::Value;

use crate::support::raw::{RawServer, Reply, answer};
use crate::support::text::assert_contains;
use crate::support::workspace::{Run, Workspace};

fn workspace() -> Workspace {
    Workspace::small().job("all", "{ prefix: video/ }")
}

fn run(env: &Workspace, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = env.command(arguments);
    Run::of(command.envs(variables.iter().copied()))
}

#[test]
fn arguments_of_the_environment_come_first_and_those_of_the_command_line_win() {
    let env = workspace();
    let variables = [
        ("STOCKTAKE_ARGS", "--color never"),
        ("STOCKTAKE_ARGS_PLAN", "--detailed-exitcode --format json"),
    ];
    let json = run(&env, &variables, &["plan"]).expect(2);
    let plan: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(plan["summary"]["submit"], 1);
    let human = run(&env, &variables, &["-C", ".", "plan", "--format", "human"]).expect(2);
    assert!(
        human.stdout.starts_with("1 job to submit"),
        "{}",
        human.stdout
    );
    run(&env, &variables, &["validate"]).expect(0);
    let wrong = run(&env, &[("STOCKTAKE_ARGS", "--no-such")], &["plan"]).expect(64);
    assert!(wrong.stderr.contains("--no-such"), "{}", wrong.stderr);
}

#[test]
fn a_target_of_the_environment_is_said_first() {
    let env = workspace();
    let variables = [("STOCKTAKE_TARGET", "local")];
    let said = run(&env, &variables, &["plan"]).expect(0);
    let note = "target `local`, from STOCKTAKE_TARGET\n";
    assert!(said.stderr.starts_with(note), "{}", said.stderr);
    let quiet = run(&env, &variables, &["-q", "plan"]).expect(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn the_log_goes_to_a_file_if_asked_for() {
    let env = workspace();
    let variables = [
        ("STOCKTAKE_LOG", "debug"),
        ("STOCKTAKE_LOG_FILE", "log.txt"),
    ];
    let applied = run(&env, &variables, &["apply"]).expect(0);
    assert!(!applied.stderr.contains("DEBUG"), "{}", applied.stderr);
    assert!(env.read("log.txt").contains("inventorytriggerjob"));
    let nowhere = [("STOCKTAKE_LOG_FILE", "no/such/folder")];
    let failed = run(&env, &nowhere, &["plan"]).expect(1);
    assert_contains(&failed.stderr, "STOCKTAKE_LOG_FILE");
}

#[test]
fn a_plan_can_be_dated() {
    let env = workspace();
    let variables = [("SOURCE_DATE_EPOCH", "1700000000")];
    let plan = run(&env, &variables, &["plan", "--format", "json"]).expect(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    assert_eq!(plan["created"], "2023-11-14T22:13:20Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_reached_through_the_proxy_that_sees_no_request() {
    let proxy = RawServer::start(|_, _| Reply::Bytes(answer("403 Forbidden", "", ""))).await;
    let env = workspace();
    let far = "[targets.far]\nbucket = 'demo-1250000000'\nregion = 'ap-beijing'\ntimeout = '1s'\n";
    env.write("stocktake.toml", far);
    env.run(&["-t", "far", "state", "init"]).expect(0);
    let address = format!("http://ada:canary@{}", proxy.address);
    let mut variables = vec![
        ("HTTPS_PROXY", address.as_str()),
        ("TENCENTCLOUD_SECRET_ID", "id"),
        ("TENCENTCLOUD_SECRET_KEY", "canary"),
    ];
    let adopt = ["-vv", "-t", "far", "adopt"];
    let run = |variables: &[_]| tokio::task::block_in_place(|| run(&env, variables, &adopt));
    let refused = run(&variables).expect(1);
    assert!(!refused.stderr.contains("canary"), "{}", refused.stderr);
    let seen = proxy.requests();
    let host = "demo-1250000000.ci.ap-beijing.myqcloud.com:443";
    assert!(!seen.is_empty());
    for request in &seen {
        assert!(
            request.starts_with(&format!("CONNECT {host} ")),
            "{request}"
        );
    }
    variables.push(("NO_PROXY", ".myqcloud.com"));
    run(&variables).expect(1);
    assert_eq!(proxy.requests().len(), seen.len());
}
