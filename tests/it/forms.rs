//! The forms that pipelines read: findings for forges, events of an apply, plans as comments.

use std::fs;

use serde_json::Value;

use crate::support::target::Target;
use crate::support::text::assert_contains;
use crate::support::workspace::{FILTERS, Run, Workspace};

/// Text that tries to leave its place: a workflow command, markup, a tag, colours.
const HOSTILE: &str = "x\\n::error::owned\\r<b>|`@all`\\u001b[31m";

pub fn broken() -> Workspace {
    let env = Workspace::small();
    env.write("jobs/视频.yaml", "jobs:\n  a:\n    inptu: { prefix: x }\n");
    env.write(
        "jobs/hostile.yaml",
        &format!("jobs:\n  b:\n    input: {{ \"{HOSTILE}\": x }}\n"),
    );
    env
}

pub fn json_lines(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn annotations_stay_within_the_limits_and_on_their_lines() {
    let env = broken();
    let run = env.run(&["validate", "--format", "github"]).expect(1);
    for line in run.stdout.lines() {
        assert!(
            line.starts_with("::error file=jobs/") || line.starts_with("::error title="),
            "{line}"
        );
    }
    let jobs: Vec<String> = (0..30)
        .map(|number| format!("  job{number}:\n    inptu: {{}}\n"))
        .collect();
    env.write("jobs/many.yaml", &format!("jobs:\n{}", jobs.concat()));
    let run = env.run(&["validate", "--format", "github"]).expect(1);
    assert_eq!(run.stdout.lines().count(), 10);
    let last = run.stdout.lines().last().unwrap();
    assert!(last.contains("more: run `stocktake validate`"), "{last}");
}

#[test]
fn a_workspace_below_its_repository_names_files_from_the_repository() {
    let env = broken();
    fs::create_dir_all(env.path().join(".git")).unwrap();
    let below = env.path().join("batch");
    fs::create_dir_all(below.join("jobs")).unwrap();
    env.write("batch/stocktake.toml", &Target::small().text("local"));
    env.write("batch/jobs/a.yaml", "jobs: 7\n");
    // Not even the workspace file is right yet: its bucket has no folder.
    let run = env
        .run(&["-C", "batch", "validate", "--format", "github"])
        .expect(1);
    assert_contains(&run.stdout, "file=batch/stocktake.toml,line=");
    env.write("batch/bucket/a.txt", "a");
    let run = env
        .run(&["-C", "batch", "validate", "--format", "github"])
        .expect(1);
    assert_contains(&run.stdout, "file=batch/jobs/a.yaml,line=1");
}

#[test]
fn code_quality_has_what_its_reader_asks_for() {
    let env = broken();
    let run = env.run(&["validate", "--format", "gitlab"]).expect(1);
    let issues: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    assert!(!issues.is_empty());
    let mut fingerprints = Vec::new();
    for issue in &issues {
        for field in ["description", "check_name", "fingerprint"] {
            assert!(issue[field].as_str().is_some_and(|text| !text.is_empty()));
        }
        let severity = issue["severity"].as_str().unwrap();
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&severity));
        assert!(!issue["location"]["path"].as_str().unwrap().starts_with('/'));
        assert!(issue["location"]["lines"]["begin"].as_u64().unwrap() >= 1);
        fingerprints.push(issue["fingerprint"].as_str().unwrap());
    }
    fingerprints.sort_unstable();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), issues.len());
}

#[test]
fn a_fingerprint_of_code_quality_survives_moved_lines() {
    let env = broken();
    let before = env.run(&["validate", "--format", "gitlab"]).expect(1);
    let text = env.read("jobs/视频.yaml");
    env.write("jobs/视频.yaml", &format!("# moved\n\n{text}"));
    let after = env.run(&["validate", "--format", "gitlab"]).expect(1);
    let fingerprints = |text: &str| -> Vec<String> {
        let issues: Vec<Value> = serde_json::from_str(text).unwrap();
        let texts = issues.iter().map(|issue| issue["fingerprint"].to_string());
        texts.collect()
    };
    assert_eq!(fingerprints(&before.stdout), fingerprints(&after.stdout));
    assert_ne!(before.stdout, after.stdout);
}

#[test]
fn sarif_has_rules_places_and_encoded_paths() {
    let env = broken();
    let run = env.run(&["validate", "--format", "sarif"]).expect(1);
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let sarif = &log["runs"][0];
    assert!(sarif["tool"]["driver"]["version"].is_string());
    let rules = sarif["tool"]["driver"]["rules"].as_array().unwrap();
    let results = sarif["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]));
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.is_ascii() && uri.starts_with("jobs/"), "{uri}");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        assert!(place["region"]["startColumn"].as_u64().unwrap() >= 1);
        assert!(result["partialFingerprints"]["stocktake/1"].is_string());
    }
}

#[test]
fn junit_has_a_case_a_file_and_one_failure_each() {
    let env = broken();
    env.write(
        "jobs/good.yaml",
        "jobs:\n  good:\n    input: { prefix: x }\n    operation: { workflow_ids: w1 }\n",
    );
    let run = env.run(&["validate", "--format", "junit"]).expect(1);
    assert_eq!(run.stdout.matches("<testcase ").count(), 3);
    assert_eq!(run.stdout.matches("<failure ").count(), 2);
    assert!(run.stdout.contains("tests=\"3\" failures=\"2\""));
    let mut reader = quick_xml::Reader::from_str(&run.stdout);
    while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
    assert!(!run.stdout.contains('\u{1b}'));
}

pub fn apply_workspace() -> Workspace {
    let env = Workspace::small();
    env.write(
        "jobs/two.yaml",
        "jobs:\n  first:\n    input: { object: video/a.txt }\n    operation: { workflow_ids: w1 }\n  \
         second:\n    input: { object: video/b.txt }\n    operation: { workflow_ids: w2 }\n",
    );
    env
}

#[test]
fn an_apply_is_a_stream_of_events_that_ends_with_a_summary() {
    let env = apply_workspace();
    // The service does not know the workflow `w2`.
    let run = env.run(&["apply", "--format", "json"]).expect(1);
    let lines = json_lines(&run.stdout);
    for line in &lines {
        for field in ["@level", "@message", "@module", "@timestamp", "type"] {
            assert!(line[field].is_string(), "{line}");
        }
        assert!(!line["@message"].as_str().unwrap().contains('\u{1b}'));
    }
    assert_eq!(lines[0]["type"], "version");
    assert_eq!(lines[0]["format"], "stocktake.apply/1");
    assert_eq!(lines[1]["type"], "run_start");
    let of = |kind: &str, key: &str| {
        let mut found = lines
            .iter()
            .filter(|line| line["type"] == kind && line["key"] == key);
        found.next().cloned().unwrap_or_default()
    };
    assert_eq!(of("planned_change", "first")["action"], "submit");
    assert_eq!(of("apply_start", "first")["file"], "jobs/two.yaml");
    let complete = of("apply_complete", "first");
    assert!(complete["job_id"].as_str().is_some_and(|id| !id.is_empty()));
    assert_eq!(complete["line"], 2);
    assert!(of("apply_errored", "second")["code"].is_string());
    let last = lines.last().unwrap();
    assert_eq!(last["type"], "run_summary");
    assert_eq!(last["submitted"], 1);
    assert_eq!(last["rejected"], 1);
    assert_eq!(last["exit_code"], 1);
}

#[test]
fn the_stream_is_whole_when_nothing_could_begin() {
    let env = apply_workspace();
    env.write("jobs/bad.yaml", "jobs: 7\n");
    for arguments in [
        &["apply", "--format", "json"][..],
        &["apply", "--format", "json", "missing-plan.json"],
        &["apply", "--format", "json", "-t", "nowhere"],
    ] {
        let run = env.run(arguments).expect(1);
        let lines = json_lines(&run.stdout);
        assert!(lines.iter().any(|line| line["type"] == "diagnostic"));
        assert_eq!(lines.last().unwrap()["type"], "run_summary");
        assert_eq!(lines.last().unwrap()["exit_code"], 1);
    }
    for wrong in [
        &["apply", "--format", "json", "--parallelism", "0"][..],
        &["-t", "local", "apply", "--format=json", "--no-such-option"],
    ] {
        let usage = env.run(wrong).expect(64);
        let lines = json_lines(&usage.stdout);
        let types: Vec<&Value> = lines.iter().map(|line| &line["type"]).collect();
        assert_eq!(types, ["version", "diagnostic", "run_summary"]);
        assert_eq!(lines[1]["code"], "usage");
        assert_eq!(lines[2]["exit_code"], 64);
        assert!(usage.stderr.starts_with("error: "), "{}", usage.stderr);
    }
    // Help is for people, whatever else is asked for.
    let help = env.run(&["apply", "--format", "json", "--help"]).expect(0);
    assert!(help.stdout.contains("Usage:"));
}

/// Every action but `resolve`, a blocked overlap, Chinese names.
pub fn rich() -> Workspace {
    let env = Workspace::small();
    env.write("bucket/video/c.txt", "c\n");
    env.write(
        "jobs/归档.yaml",
        "jobs:\n  视频归档:\n    matrix: { folder: [a, b, c, d, e, f, g] }\n    name: x_${ matrix.folder }\n    \
         input: { prefix: \"archive/${ matrix.folder }/\" }\n    operation: { workflow_ids: w1 }\n  wide:\n    \
         input: { prefix: archive/a/x }\n    operation: { workflow_ids: w1 }\n",
    );
    env.write(
        "jobs/one.yaml",
        "jobs:\n  done:\n    input: { object: video/a.txt }\n    operation: { workflow_ids: w1 }\n  \
         changes:\n    input: { object: video/b.txt }\n    operation: { workflow_ids: w1 }\n  \
         gone:\n    input: { object: video/c.txt }\n    operation: { workflow_ids: w1 }\n  \
         before:\n    input: { prefix: renamed/ }\n    operation: { workflow_ids: w1 }\n",
    );
    env.run(&["apply", "--only", "done", "changes", "gone", "before"])
        .expect(0);
    env.write(
        "jobs/one.yaml",
        "jobs:\n  done:\n    input: { object: video/a.txt }\n    operation: { workflow_ids: w1 }\n  \
         changes:\n    input: { object: video/b.txt }\n    rerun: once more, after the workflow was fixed in the week of the release\n    \
         operation: { workflow_ids: w1 }\n  \
         after:\n    input: { prefix: renamed/ }\n    operation: { workflow_ids: w1 }\n",
    );
    env
}

#[test]
fn a_rich_plan_in_every_form() {
    let env = rich();
    let digest = [("\"digest\": \"[0-9a-f]{64}\"", "\"digest\": \"<digest>\"")];
    let filters = digest
        .into_iter()
        .chain(FILTERS.iter().copied())
        .chain([
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "<uuid>"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "<moment>"),
        ])
        .collect::<Vec<_>>();
    insta::with_settings!({filters => filters}, {
        let human = env.run(&["plan"]).expect(4).stdout;
        insta::assert_snapshot!("rich_human", human);
        insta::assert_snapshot!("rich_human_all", env.run(&["plan", "--all"]).expect(4).stdout);
        insta::assert_snapshot!(
            "rich_markdown",
            env.run(&["plan", "--format", "markdown"]).expect(4).stdout
        );
        let json = env.run(&["plan", "--format", "json"]).expect(4).stdout;
        let json: Value = serde_json::from_str(&json).unwrap();
        insta::assert_snapshot!("rich_json", format!("{json:#}"));
    });
}

#[test]
fn ten_thousand_jobs_are_readable() {
    let env = Workspace::small();
    let numbers: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let matrix = numbers.join(", ");
    env.write(
        "jobs/matrix.yaml",
        &format!(
            "jobs:\n  thumbnails:\n    matrix: {{ a: [{matrix}], b: [{matrix}] }}\n    overlap: allow\n    \
             input: {{ prefix: \"${{ matrix.a }}/${{ matrix.b }}/\" }}\n    operation: {{ workflow_ids: w1 }}\n"
        ),
    );
    for file in 0..50 {
        let jobs: Vec<String> = (0..40)
            .map(|job| {
                format!(
                    "  job-{file:02}-{job:02}:\n    input: {{ object: o-{file}-{job} }}\n    operation: {{ workflow_ids: w2 }}\n"
                )
            })
            .collect();
        env.write(
            &format!("jobs/file-{file:02}.yaml"),
            &format!("jobs:\n{}", jobs.concat()),
        );
    }
    let human = env.run(&["plan"]).expect(0).stdout;
    assert!(human.lines().count() < 700, "{}", human.lines().count());
    assert!(human.lines().all(|line| line.chars().count() <= 80));
    let head: Vec<&str> = human.lines().take(30).collect();
    insta::assert_snapshot!("many_human_head", head.join("\n"));
    let tail: Vec<&str> = human.lines().skip(human.lines().count() - 4).collect();
    insta::assert_snapshot!("many_human_tail", tail.join("\n"));
    // It has no --all of its own.
    let apply = env.run(&["apply", "--max-submissions", "1"]);
    let apply = apply.expect(4).stdout;
    assert!(apply.contains("more; plan --all shows them"), "{apply}");
    let markdown = env.run(&["plan", "--format", "markdown"]).expect(0).stdout;
    assert!(markdown.encode_utf16().count() <= 65_536);
    assert!(markdown.contains(" more."), "cut without a word");
}

#[test]
fn no_secret_reaches_any_output() {
    let env = apply_workspace();
    env.add_target("far", &Target::at("127.0.0.1:9"));
    let commands: &[&[&str]] = &[
        &["validate", "--format", "json"],
        &["plan", "--all", "--out", "plan.json", "-vv"],
        &["plan", "--format", "json"],
        &["plan", "--format", "markdown"],
        &["apply", "-vv", "--format", "json", "--only", "first"],
        &["apply", "-vv"],
        &["status"],
        &["state", "init", "-t", "far"],
        &[
            "apply",
            "-vv",
            "-t",
            "far",
            "--auto-approve",
            "--only",
            "first",
        ],
        &["apply", "--no-such-option"],
    ];
    for arguments in commands {
        let output = env
            .command(arguments)
            .env("STOCKTAKE_SERVE_SECRET_ID", "canary-id")
            .env("STOCKTAKE_SERVE_SECRET_KEY", "canary-secret")
            .env("TENCENTCLOUD_SECRET_ID", "canary-far-id")
            .env("TENCENTCLOUD_SECRET_KEY", "canary-secret-far")
            .env("TENCENTCLOUD_TOKEN", "canary-secret-token")
            .output()
            .unwrap();
        for stream in [output.stdout, output.stderr] {
            let text = String::from_utf8_lossy(&stream);
            assert!(!text.contains("canary-secret"), "{arguments:?}: {text}");
        }
    }
    assert!(!env.read("plan.json").contains("canary"));
    assert!(!env.read(".stocktake/local.state.jsonl").contains("canary"));
    assert!(!env.read("far.state.jsonl").contains("canary"));
}

#[test]
fn a_plan_that_could_not_be_written_to_its_end_is_an_error() {
    let env = Workspace::example();
    for form in ["human", "json", "markdown", "gitlab"] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = env.command(&["plan", "--format", form]);
        let run = Run::of(command.stdout(full)).expect(1);
        assert!(
            run.stderr.contains("cannot write the output"),
            "{form}: {}",
            run.stderr
        );
    }
}
