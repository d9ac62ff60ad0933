//! Text of others steers no terminal and forges no line: words of the service, names of files, values.

use std::fs;
use std::num::NonZero;

use vt100::Parser;

use crate::support::raw::{RawServer, Reply, answer};
use crate::support::target::Target;
use crate::support::workspace::{CREDENTIALS, Run, Workspace};

/// Writes to the clipboard, clears the screen, goes back, reverses text, ends the line.
const ATTACK: &str = "\u{1b}]52;c;aGk=\u{7}\u{1b}[2J\u{9b}2J\u{202e}\u{8}\u{8}\n::error::x";
/// The same in XML.
const ATTACK_IN_XML: &str = "&#27;]52;c;aGk=&#7;&#27;[2J&#155;2J&#8238;&#8;&#8;&#10;::error::x";

const WORKSPACE: &str =
    "jobs:\n  first:\n    input: { prefix: a/ }\n    operation: { workflow_ids: w1 }\n";

/// Asserts that output holds no steering character; `allows_styles` for a terminal.
fn assert_harmless(output: &str, allows_styles: bool) {
    let mut text = output.to_owned();
    if allows_styles {
        // What the program itself writes: colours, and its moving line.
        let own = regex_lite::Regex::new("\u{1b}\\[[0-9;]*m|\r\u{1b}\\[2K|\r\n").unwrap();
        text = own.replace_all(&text, "\n").into_owned();
    }
    let steers = |character: &char| {
        (character.is_control() && !matches!(character, '\n' | '\t')) || *character == '\u{202e}'
    };
    let found: Vec<char> = text.chars().filter(steers).collect();
    assert!(found.is_empty(), "{found:?} in {output:?}");
    let forged = text.lines().find(|line| line.starts_with("::error::x"));
    assert!(forged.is_none(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_the_service_do_not_steer_the_terminal_of_an_apply() {
    let body = format!(
        "<Error><Code>A{ATTACK_IN_XML}</Code><Message>m{ATTACK_IN_XML}</Message>\
         <RequestId>r{ATTACK_IN_XML}</RequestId></Error>"
    );
    for status in [
        "400 Bad Request",
        "403 Forbidden",
        "503 Slow Down",
        "500 Oops",
    ] {
        let reply = Reply::Bytes(answer(status, "", &body));
        let server = RawServer::start(move |_, _| reply.clone()).await;
        let target = Target::at(server.address);
        let target = target.set("window", "2s").set("settle", "0s");
        let env = Workspace::new().target("prod", &target);
        env.write("jobs/a.yaml", WORKSPACE);
        env.run(&["-t", "prod", "state", "init"]).expect(0);
        let line = "stocktake -t prod apply --auto-approve";
        let output = env
            .on_terminal(line, 24)
            .envs(CREDENTIALS)
            .output()
            .unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains("first"), "{shown}");
        assert_harmless(&shown, true);
        let mut screen = Parser::new(NonZero::new(24).unwrap(), NonZero::new(80).unwrap(), 0);
        screen.process(shown.as_bytes());
        assert!(
            screen.screen().contents().contains("1 job to submit"),
            "{shown:?}"
        );
        let state = fs::read_to_string(env.path().join("prod.state.jsonl")).unwrap();
        assert!(
            state.lines().count() > 1 && !state.contains("\\u001b") && !state.contains('\u{202e}')
        );
    }
}

#[test]
fn a_file_name_or_a_value_does_not_steer_any_form() {
    let env = Workspace::small();
    let escaped = ATTACK
        .chars()
        .map(|one| format!("\\u{:04x}", u32::from(one)));
    let value = format!("\"{}\"", escaped.collect::<String>());
    env.write(
        "jobs/x\n::error::x\u{1b}[2J.yaml",
        &format!("jobs:\n  a:\n    inptu: {value} # {}\n", "\u{9b}2J\u{202e}"),
    );
    env.write(
        "jobs/y.yaml",
        &format!(
            "jobs:\n  b:\n    description: {value}\n    rerun: {value}\n    input: {{ prefix: a/ }}\n    \
             operation: {{ workflow_ids: w1 }}\n"
        ),
    );
    for form in ["human", "github", "gitlab", "sarif", "junit", "json"] {
        let run = env.run(&["validate", "--format", form]).expect(1);
        assert_harmless(&run.stdout, false);
        assert_harmless(&run.stderr, false);
        let mut terminal = env.on_terminal(&format!("stocktake validate --format {form}"), 24);
        let shown = terminal.output().unwrap().stdout;
        assert_harmless(&String::from_utf8(shown).unwrap(), true);
    }
    fs::remove_file(env.path().join("jobs/x\n::error::x\u{1b}[2J.yaml")).unwrap();
    fs::rename(
        env.path().join("jobs/y.yaml"),
        env.path().join("jobs/y\n::error::x.yaml"),
    )
    .unwrap();
    for form in ["human", "json", "markdown", "gitlab"] {
        let run = env.run(&["plan", "--all", "--format", form]).expect(0);
        assert_harmless(&run.stdout, false);
        assert_harmless(&run.stderr, false);
    }
    let run = env.run(&["plan", "--only", "b"]).expect(0);
    assert_harmless(&run.stdout, false);
    let run = env.run(&["status", "--format", "html"]).expect(0);
    assert_harmless(&run.stdout, false);
    // The value itself stays what it is, escaped.
    let plan = env.run(&["plan", "--format", "json"]).expect(0).stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["jobs"][0]["description"], ATTACK);
}

#[test]
fn names_of_files_forge_no_line_whatever_is_said_about_them() {
    let name = "y\n::error::x\u{1b}[2J\u{85}\u{202e}\r";
    let env = Workspace::small();
    let at = |path: &str| env.path().join(path);
    let file = format!("jobs/{name}.yaml");
    env.write(&file, WORKSPACE);
    let plan = format!("{name}.json");
    let commands: [&[&str]; 9] = [
        &["validate"],
        &["plan", "--out", &plan],
        &["show", &plan],
        &["apply", &plan],
        &["apply", &plan],
        &["render", "first"],
        &["render", "first", "--format", "curl"],
        &["man", "--out", name],
        &["show", name],
    ];
    for arguments in commands {
        let run = env.run(arguments);
        assert_harmless(&run.stdout, false);
        assert_harmless(&run.stderr, false);
    }
    // What is wrong with a file, and is no finding within it.
    for broken in ["two", "link", "fifo", "folder"] {
        let path = at(&format!("jobs/{broken}\n::error::x.yaml"));
        match broken {
            "two" => fs::write(&path, [0xff]).unwrap(),
            "link" => std::os::unix::fs::symlink("/etc/hostname", &path).unwrap(),
            "fifo" => {
                let made = std::process::Command::new("mkfifo").arg(&path).status();
                assert!(made.unwrap().success());
            }
            _ => std::os::unix::fs::symlink(at("bucket"), &path).unwrap(),
        }
        let run = env.run(&["validate"]);
        assert!(run.shown().contains(broken), "{}", run.shown());
        assert_harmless(&run.stdout, false);
        assert_harmless(&run.stderr, false);
        fs::remove_file(&path).unwrap();
    }
    // States, requests and the whole workspace.
    let state = format!("{name}.state");
    fs::write(at(&state), "{}\n").unwrap();
    for arguments in [&["state", "verify"][..], &["status"], &["state", "path"]] {
        let mut command = env.command(arguments);
        let run = Run::of(command.env("STOCKTAKE_STATE", at(&state)));
        assert_harmless(&run.stdout, false);
        assert_harmless(&run.stderr, false);
    }
    let other = Workspace::new();
    let request = other.write(name, "<Request>");
    let folder = other.path().join(format!("{name}.d"));
    fs::create_dir(&folder).unwrap();
    let [request, folder] = [&request, &folder].map(|path| path.to_str().unwrap());
    for arguments in [&["init", "--from", request][..], &["-C", folder, "plan"]] {
        let run = other.run(arguments).expect(1);
        assert_harmless(&run.stderr, false);
    }
}
