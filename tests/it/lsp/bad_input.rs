//! Clients and files that nobody would wish for.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use super::client::{Client, framed, part, uri, whole};
use crate::support::target::Target;
use crate::support::workspace::Workspace;

fn code(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().unwrap()
}

#[test]
fn what_is_no_message_is_answered_or_ends_the_server() {
    let env = Workspace::small().job("a", "{ prefix: a/ }");
    let mut client = Client::open(&env, &[], "utf-16");
    for (bytes, expected) in [
        ("{", -32700),
        ("\u{1}", -32700),
        ("[]", -32600),
        ("{}", -32600),
    ] {
        client.raw(format!("Content-Length: {}\r\n\r\n{bytes}", bytes.len()).as_bytes());
        let answer = client.wait_for(|message| message.get("error").is_some());
        assert_eq!((code(&answer), &answer["id"]), (expected, &Value::Null));
    }
    for garbage in [
        "GET / HTTP/1.1\r\n\r\n",
        "Content-Length: 18446744073709551615\r\n\r\n{}",
    ] {
        let mut client = Client::open(&env, &[], "utf-16");
        client.raw(garbage.as_bytes());
        assert_eq!(client.ended().code(), Some(1), "{garbage:?}");
    }
    let (status, _) = client.shut_down();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn the_order_of_the_protocol_is_kept() {
    let env = Workspace::small().job("a", "{ prefix: a/ }");
    let mut client = Client::start(&env, &[]);
    client.notify("textDocument/didOpen", &json!({}));
    let early = client.request("textDocument/hover", &json!({}));
    assert_eq!(code(&early), -32002);
    client.initialize(&env, "utf-16");
    let twice = client.request("initialize", &json!({}));
    assert_eq!(code(&twice), -32600);
    assert_eq!(code(&client.request("no/such", &json!({}))), -32601);
    client.request("shutdown", &Value::Null);
    assert_eq!(code(&client.request("shutdown", &Value::Null)), -32600);
    client.notify("exit", &Value::Null);
    assert_eq!(client.ended().code(), Some(0));
}

#[test]
fn every_request_is_answered_once_whatever_is_cancelled() {
    let env = Workspace::small();
    let path = env.write("jobs/a.yaml", "jobs: {}\n");
    let mut client = Client::open(&env, &[], "utf-16");
    client.did_open(&path, 0, "");
    let mut bytes = String::new();
    let document = json!({ "uri": uri(&path) });
    for number in 0..1000 {
        let change = json!({ "textDocument": { "uri": uri(&path), "version": number }, "contentChanges": [part([0, 0], [0, 0], "#\n")] });
        bytes += &framed(
            &json!({ "jsonrpc": "2.0", "method": "textDocument/didChange", "params": change }),
        );
        let id = format!("r{number}");
        bytes += &framed(
            &json!({ "jsonrpc": "2.0", "id": id, "method": "textDocument/hover", "params": { "textDocument": document, "position": { "line": number, "character": 0 } } }),
        );
        if number % 2 == 0 {
            bytes += &framed(
                &json!({ "jsonrpc": "2.0", "method": "$/cancelRequest", "params": { "id": id } }),
            );
        }
    }
    client.raw(bytes.as_bytes());
    client.findings(&path, 999);
    let (_, received) = client.shut_down();
    for number in 0..1000 {
        let id = format!("r{number}");
        let answers = received.iter().filter(|message| message["id"] == id);
        assert_eq!(answers.count(), 1, "{id}");
    }
}

#[test]
fn positions_and_changes_that_cannot_be_are_taken_as_the_nearest() {
    let env = Workspace::small();
    let path = env.write("jobs/a.yaml", "jobs: {}\n");
    let other = env.path().join("jobs/never-opened.yaml");
    let mut client = Client::open(&env, &[], "utf-16");
    client.did_open(&path, 5, "jobs: 春\n");
    let far = u32::MAX;
    client.did_change(
        &path,
        4,
        &json!([part([far, far], [0, 0], "x"), part([0, far], [far, 0], "")]),
    );
    client.did_change(
        &path,
        3,
        &json!([{ "range": { "start": { "line": -1, "character": 0 }, "end": {} }, "text": "" }]),
    );
    client.did_change(&other, 1, &whole("jobs: [\n"));
    client.did_close(&other);
    client.did_open(&path, 6, "jobs: [\n");
    assert_eq!(client.findings(&path, 6).len(), 1);
    for uri in [
        "http://host/a.yaml",
        "file://host/share/a.yaml",
        "file:///",
        "untitled:1",
        "x",
    ] {
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": "a" });
        client.notify("textDocument/didOpen", &json!({ "textDocument": document }));
    }
    client.did_change(&path, 7, &whole("jobs: [\n"));
    client.findings(&path, 7);
    client.shut_down();
}

#[test]
fn bytes_on_disk_that_are_no_text_stand_beside_an_open_buffer() {
    let env = Workspace::small();
    let broken = env.path().join("jobs/broken.yaml");
    let path = env.write("jobs/a.yaml", "jobs: {}\n");
    fs::write(&broken, b"jobs: \xff\n").unwrap();
    let mut client = Client::open(&env, &[], "utf-16");
    let shown = client.wait_for(|message| message["params"]["uri"] == uri(&broken));
    assert_eq!(shown["params"]["diagnostics"][0]["code"], "not-utf-8");
    client.did_open(&path, 1, "jobs: [\n");
    assert_eq!(client.findings(&path, 1).len(), 1);
    // The editor's text of the broken file goes before its bytes.
    client.did_open(
        &broken,
        1,
        "jobs: { b: { input: { prefix: b/ }, operation: { workflow_ids: w1 } } }\n",
    );
    assert!(client.findings(&broken, 1).is_empty());
    client.shut_down();
}

#[test]
fn the_server_ends_within_a_second_of_its_client() {
    let env = Workspace::small().job("a", "{ prefix: a/ }");
    // Before anything was said, in the middle of a message, and while it works.
    let mut client = Client::start(&env, &[]);
    client.hang_up();
    assert_eq!(client.ended().code(), Some(1));
    let mut client = Client::open(&env, &[], "utf-16");
    client.raw(b"Content-Length: 1000\r\n\r\n{");
    client.hang_up();
    assert_eq!(client.ended().code(), Some(1));
    let mut client = Client::open(&env, &[], "utf-16");
    let text = "jobs:\n".to_owned() + &"  a: { inptu: 1 }\n".repeat(50_000);
    client.did_open(&env.path().join("jobs/a.yaml"), 1, &text);
    client.notify("exit", &Value::Null);
    assert_eq!(client.ended().code(), Some(1));
}

#[test]
fn a_client_that_never_reads_is_left() {
    let env = Workspace::small();
    let mut command = env.command(&["lsp"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let request = framed(&json!({ "jsonrpc": "2.0", "id": 1, "method": "no/such", "params": {} }));
    // Once the pipe and the queue are full, the server goes.
    let sent = (0..1_000_000).take_while(|_| input.write_all(request.as_bytes()).is_ok());
    assert!(sent.count() < 1_000_000);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_long_file_is_checked() {
    let env = Workspace::small();
    let path = env.path().join("jobs/long.yaml");
    let mut client = Client::open(&env, &[], "utf-16");
    let job = |number| {
        format!(
            "  j{number}:\n    inptu:\n      prefix: a/\n    operation:\n      workflow_ids: w1\n"
        )
    };
    let text = (0..10_000).map(job).collect::<Vec<_>>().concat();
    env.write("jobs/a.yaml", "jobs: {}\n");
    client.did_open(&path, 1, &format!("jobs:\n{text}"));
    let findings = client.findings(&path, 1);
    assert!(
        !findings.is_empty() && findings.len() <= 1000,
        "{}",
        findings.len()
    );
    client.shut_down();
}

#[test]
fn a_foreign_folder_is_opened_without_risk() {
    let env = Workspace::small().job("a", "{ prefix: video/ }");
    let marker = env.path().join("ran");
    let marker = marker.to_str().unwrap();
    env.set_target(&Target::embedded(&["touch", marker]));
    std::os::unix::fs::symlink("/etc/passwd", env.path().join("jobs/leak.yaml")).unwrap();
    let before = tree(&env);
    let mut client = Client::open(&env, &[], "utf-16");
    let path = env.path().join("jobs/a.yaml");
    client.did_open(&path, 1, &env.read("jobs/a.yaml"));
    client.findings(&path, 1);
    let toml = env.path().join("stocktake.toml");
    client.did_open(&toml, 1, &env.read("stocktake.toml"));
    let findings = client.findings(&toml, 1);
    assert_eq!(findings[0]["code"], "link-leaves-workspace");
    let (_, received) = client.shut_down();
    assert!(!format!("{received:?}").contains("root:"));
    assert_eq!(tree(&env), before);
}

/// Every path below the workspace.
fn tree(env: &Workspace) -> Vec<String> {
    let walk = ignore::WalkBuilder::new(env.path())
        .standard_filters(false)
        .build();
    let mut paths: Vec<String> = walk
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    paths.sort();
    paths
}
