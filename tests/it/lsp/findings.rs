//! Findings while files are written.

use serde_json::{Value, json};

use super::client::{Client, part, uri, whole};
use crate::support::workspace::Workspace;

const GOOD: &str = "jobs:\n  a:\n    input: { prefix: a/ }\n    operation: { workflow_ids: w1 }\n";

fn codes(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

#[test]
fn findings_follow_every_change_and_nothing_is_touched() {
    let env = Workspace::small();
    let path = env.write("jobs/a.yaml", GOOD);
    let mut client = Client::open(&env, &[], "utf-16");
    client.did_open(&path, 1, GOOD);
    assert!(client.findings(&path, 1).is_empty());
    client.did_change(&path, 2, &json!([part([2, 4], [2, 9], "inptu")]));
    let findings = client.findings(&path, 2);
    assert_eq!(codes(&findings), ["unknown-field"]);
    let range = &findings[0]["range"];
    assert_eq!(range["start"], json!({ "line": 2, "character": 4 }));
    assert_eq!(range["end"], json!({ "line": 2, "character": 9 }));
    let words = findings[0]["message"].as_str().unwrap();
    assert!(words.ends_with("did you mean `input`?"), "{words}");
    // Back by two changes of one notification.
    let changes = [part([2, 4], [2, 9], "inpt"), part([2, 7], [2, 7], "u")];
    client.did_change(&path, 3, &json!(changes));
    assert!(client.findings(&path, 3).is_empty());
    client.did_change(&path, 4, &whole("jobs: [\n"));
    assert_eq!(client.findings(&path, 4).len(), 1);
    // What is not saved is gone with the document.
    client.did_close(&path);
    let cleared = client.wait_for(|message| message["params"]["uri"] == uri(&path));
    assert_eq!(cleared["params"]["diagnostics"], json!([]));
    let (status, _) = client.shut_down();
    assert_eq!(status.code(), Some(0));
    assert_eq!(env.read("jobs/a.yaml"), GOOD);
    assert!(!env.path().join(".stocktake").exists());
    assert!(!env.path().join("local.state.jsonl").exists());
}

#[test]
fn a_mistake_in_another_file_shows_there() {
    let env = Workspace::small();
    env.write(
        "stocktake.toml",
        &(env.read("stocktake.toml") + "\n[vars]\none = \"w1\"\n"),
    );
    let user = env.write("jobs/user.yaml", &GOOD.replace("w1", "\"${ vars.one }\""));
    let twin = env.write("jobs/twin.yaml", GOOD);
    let mut client = Client::open(&env, &[], "utf-8");
    let toml = env.path().join("stocktake.toml");
    let text = env.read("stocktake.toml");
    client.did_open(&toml, 1, &text);
    client.findings(&toml, 1);
    client.did_change(&toml, 2, &whole(&text.replace("one =", "other =")));
    let shown = client.wait_for(|message| {
        let params = &message["params"];
        params["uri"] == uri(&user) && params["diagnostics"][0]["code"] == "expression"
    });
    assert_eq!(shown["params"]["version"], Value::Null);
    client.did_open(&twin, 1, GOOD);
    client.did_change(&toml, 3, &whole(&text));
    client.wait_for(|message| {
        let findings = message["params"]["diagnostics"].as_array();
        let related = findings.and_then(|findings| findings.first());
        related.is_some_and(|finding| !finding["relatedInformation"].is_null())
    });
    client.shut_down();
}

#[test]
fn changes_on_disk_are_seen_unless_the_file_is_open() {
    let env = Workspace::small().job("a", "{ prefix: a/ }");
    let path = env.path().join("jobs/b.yaml");
    let mut client = Client::open(&env, &[], "utf-16");
    let toml = env.path().join("stocktake.toml");
    client.did_open(&toml, 1, &env.read("stocktake.toml"));
    client.findings(&toml, 1);
    env.write("jobs/b.yaml", "jobs: [\n");
    client.wait_for(|message| {
        message["params"]["uri"] == uri(&path) && message["params"]["diagnostics"][0].is_object()
    });
    let good = GOOD.replace("a:", "b:").replace("a/", "b/");
    client.did_open(&path, 7, &good);
    assert!(client.findings(&path, 7).is_empty());
    client.did_close(&path);
    client.wait_for(|message| {
        message["params"]["uri"] == uri(&path) && message["params"]["diagnostics"][0].is_object()
    });
    client.shut_down();
}

#[test]
fn columns_count_what_was_agreed() {
    let text = "jobs:\n  春季😀: { inptu: 1 }\r\n";
    let columns = [("utf-8", 16), ("utf-16", 10), ("utf-32", 9)].map(|(encoding, column)| {
        let env = Workspace::small();
        let path = env.write("jobs/a.yaml", "jobs: {}\n");
        let mut client = Client::open(&env, &[], encoding);
        client.did_open(&path, 1, text);
        let findings = client.findings(&path, 1);
        let unknown = findings
            .iter()
            .find(|finding| finding["code"] == "unknown-field");
        let start = unknown.unwrap()["range"]["start"].clone();
        assert_eq!(
            start,
            json!({ "line": 1, "character": column }),
            "{encoding}"
        );
        // A change by those columns hits the same word.
        let change = part([1, column], [1, column + 5], "input");
        client.did_change(&path, 2, &json!([change]));
        let findings = client.findings(&path, 2);
        assert!(!codes(&findings).contains(&"unknown-field"), "{findings:?}");
        client.shut_down();
        column
    });
    assert_eq!(columns, [16, 10, 9]);
}

#[test]
fn a_byte_order_mark_moves_the_first_line_only() {
    let env = Workspace::small();
    let path = env.write("jobs/a.yaml", GOOD);
    let mut client = Client::open(&env, &[], "utf-16");
    client.did_open(&path, 1, "\u{feff}jbos:\n  a: 1\n");
    let findings = client.findings(&path, 1);
    let unknown = findings
        .iter()
        .find(|finding| finding["code"] == "unknown-field");
    assert_eq!(unknown.unwrap()["range"]["start"]["character"], 1);
    client.shut_down();
}

#[test]
fn a_workspace_that_comes_and_goes_is_followed() {
    let env = Workspace::new();
    let path = env.write("deep/jobs/a.yaml", "jobs: [\n");
    let mut client = Client::open(&env, &[], "utf-16");
    // No workspace yet: nothing is known of the file.
    client.did_open(&path, 1, "jobs: [\n");
    client.request("shutdown-not", &Value::Null);
    assert!(
        client
            .received
            .iter()
            .all(|message| message["method"].is_null())
    );
    let toml = env.write("deep/stocktake.toml", "default_target = \"local\"\n");
    client.did_change(&path, 2, &whole("jobs: [\n"));
    assert_eq!(client.findings(&path, 2).len(), 1);
    std::fs::remove_file(toml).unwrap();
    std::fs::remove_dir_all(env.path().join("deep/jobs")).unwrap();
    client.did_change(&path, 3, &whole("jobs: [\n"));
    assert!(client.findings(&path, 3).is_empty());
    client.shut_down();
}
