//! The completion report: what became of every object, and what every job cost.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use csv::StringRecord;
use rusqlite::{Connection, params};
use toml::Table;

use crate::support::raw::{RawServer, Reply, accepted, answer};
use crate::support::serve::Serve;
use crate::support::target::Target;
use crate::support::workspace::{CREDENTIALS, Workspace};

/// Fails for every object whose content is `bad`.
const PICKY: &[&str] = &[
    "sh",
    "-c",
    r#"if grep -q bad "$1"; then echo "no, \"$2\"" >&2; exit 3; fi; cat "$1""#,
    "sh",
    "{object}",
    "{key}",
];

fn price(per_object: &str) -> Table {
    let price = Table::from_iter([("per_object".to_owned(), per_object.into())]);
    Table::from_iter([("w1".to_owned(), price.into())])
}

/// The rows below the names of the columns.
fn rows(report: &str) -> Vec<StringRecord> {
    let mut reader = csv::Reader::from_reader(report.as_bytes());
    reader.records().map(Result::unwrap).collect()
}

/// A workspace whose job `all` has run over ten objects, of which three failed.
fn mixed() -> Workspace {
    let env = Workspace::new().target(
        "local",
        &Target::embedded(PICKY).set("prices", price("0.0015 CNY")),
    );
    for number in 0..10 {
        let is_bad = [2, 5, 9].contains(&number);
        let text = if is_bad { "bad" } else { "good" };
        env.write(&format!("bucket/in/{number}, 视 频.txt"), text);
    }
    let env = env.job("all", "{ prefix: in/ }").object("one", "good");
    let env = env.job("one", "{ object: one }");
    env.run(&["apply"]).expect(7);
    env
}

#[test]
fn a_report_has_a_row_for_every_object_and_says_why_it_failed() {
    let env = mixed();
    let report = env.run(&["status", "--format", "csv"]).expect(0).stdout;
    assert!(
        report.starts_with("bucket,key,state,code,message,run,output,job,job_id,workflow\n"),
        "{report}"
    );
    let rows = rows(&report);
    assert_eq!(rows.len(), 11, "{report}");
    let mut keys: Vec<&str> = rows.iter().map(|row| &row[1]).collect();
    keys.sort_unstable();
    assert_eq!(keys[0], "in/0, 视 频.txt");
    for row in &rows {
        let is_bad = ["2", "5", "9"].iter().any(|bad| row[1].contains(bad));
        let (state, code) = if is_bad {
            ("Failed", "ExecutionFailed")
        } else {
            ("Success", "")
        };
        assert_eq!((&row[2], &row[3]), (state, code), "{row:?}");
        let message = format!("no, \"{}\"", &row[1]);
        assert_eq!(row[4].contains(&message), is_bad, "{row:?}");
        assert_eq!(&row[0], "demo-1250000000");
        assert_eq!(&row[9], "w1");
        assert_eq!(&row[7], if &row[1] == "one" { "one" } else { "all" });
    }
}

#[test]
fn a_report_of_failures_has_these_alone() {
    let env = mixed();
    let failed = ["status", "--format", "csv", "--failed"];
    let report = env.run(&failed).expect(0).stdout;
    assert_eq!(rows(&report).len(), 3, "{report}");
    let of_one = [&failed[..], &["one"]].concat();
    let nothing = env.run(&of_one).expect(0).stdout;
    assert_eq!(nothing.lines().count(), 1, "{nothing}");
    let in_state = ["status", "--format", "csv", "--state", "Success"];
    let done = env.run(&in_state).expect(0).stdout;
    assert_eq!(rows(&done).len(), 1, "{done}");
}

#[test]
fn a_report_by_job_has_what_each_job_cost() {
    let env = mixed();
    let by_job = ["status", "--format", "csv", "--by", "job", "--no-refresh"];
    let report = env.run(&by_job).expect(0).stdout;
    let mut reader = csv::Reader::from_reader(report.as_bytes());
    let names = reader.headers().unwrap().clone();
    let rows: Vec<StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| {
        let column = names.iter().position(|found| found == name).unwrap();
        rows[row][column].to_owned()
    };
    let facts = ["job", "state", "objects", "succeeded", "failed", "complete"];
    let first = facts.map(|name| cell(0, name));
    assert_eq!(first, ["all", "Failed", "10", "7", "3", "true"], "{report}");
    assert_eq!(cell(0, "price_per_object"), "0.0015");
    assert_eq!(cell(0, "cost"), "0.0105");
    assert_eq!(cell(0, "currency"), "CNY");
    assert_eq!(cell(1, "cost"), "0.0015", "{report}");
    // A second submission of the work: the first one was billed as well.
    env.run(&["retry", "all"]).expect(7);
    let report = env.run(&by_job).expect(0).stdout;
    let again: Vec<StringRecord> = self::rows(&report);
    let of_all: Vec<_> = again.iter().filter(|row| &row[0] == "all").collect();
    assert_eq!(of_all.len(), 2, "{report}");
    assert_ne!(of_all[0][1], of_all[1][1]);
    // What became of the first is not known any more, and not guessed.
    assert_eq!((&of_all[0][2], &of_all[0][9], &of_all[0][16]), ("", "", ""));
    assert_eq!(&of_all[1][16], "0.0105");
    // A price of bytes, which nothing counted, gives no cost.
    let by_size = Table::from_iter([("per_gib".to_owned(), "0.07 CNY".into())]);
    let by_size = Table::from_iter([("w1".to_owned(), by_size.into())]);
    env.set_target(&Target::embedded(PICKY).set("prices", by_size));
    let report = env.run(&by_job).expect(0).stdout;
    assert!(self::rows(&report).iter().all(|row| row[16].is_empty()));
}

#[test]
fn reports_that_cannot_be_written_are_refused_at_once() {
    let env = Workspace::small();
    for (options, said) in [
        (&["--format", "csv", "--no-refresh"][..], "--by job"),
        (&["--by", "job"], "--format csv"),
        (&["--outputs", "--format", "json"], "--format csv"),
        (
            &["--format", "csv", "--by", "job", "--failed"],
            "choose objects",
        ),
    ] {
        let run = env.run(&[&["status"], options].concat()).expect(1);
        assert!(run.stderr.contains(said), "{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    let empty = env.run(&["status", "--format", "csv"]).expect(0).stdout;
    assert_eq!(empty.lines().count(), 1, "{empty}");
}

/// The embedded service writes results beside the bucket, so this one is told what to say.
#[tokio::test(flavor = "multi_thread")]
async fn outputs_are_asked_for_object_by_object() {
    let job = "<JobsDetail><JobId>b1</JobId><State>Success</State></JobsDetail>";
    let run = |tasks: &str| {
        format!(
            "<RunId>i1</RunId><WorkflowId>w1</WorkflowId><Object>in/a</Object>\
             <State>Success</State>{tasks}"
        )
    };
    let list = run("");
    let outputs = "<Tasks><Type>Snapshot</Type><State>Success</State><ResultInfo>\
                   <ObjectInfo><ObjectName>out/1.jpg</ObjectName></ObjectInfo>\
                   <ObjectInfo><ObjectName>out/2.jpg</ObjectName></ObjectInfo>\
                   </ResultInfo></Tasks>";
    let one = run(outputs);
    let server = RawServer::start(move |_, request| {
        let body = if request.starts_with("POST ") {
            return Reply::Bytes(accepted("b1"));
        } else if request.starts_with("GET /workflowexecution/i1 ") {
            format!("<Response><WorkflowExecution>{one}</WorkflowExecution></Response>")
        } else if request.starts_with("GET /workflowexecution?") {
            format!("<Response><WorkflowExecutionList>{list}</WorkflowExecutionList></Response>")
        } else {
            format!("<Response>{job}</Response>")
        };
        Reply::Bytes(answer("200 OK", "", &body))
    })
    .await;
    let env = Workspace::new()
        .target("far", &Target::at(server.address))
        .job("a", "{ prefix: in/ }");
    let far = |arguments: &[&str]| env.run_signed(&[&["-t", "far"], arguments].concat());
    far(&["state", "init"]).expect(0);
    far(&["apply", "--auto-approve"]).expect(0);
    let report = far(&["status", "--format", "csv"]).expect(0).stdout;
    assert_eq!(rows(&report)[0][6], *"", "{report}");
    let report = far(&["status", "--format", "csv", "--outputs"]);
    let report = report.expect(0).stdout;
    assert_eq!(rows(&report)[0][6], *"out/1.jpg\nout/2.jpg", "{report}");
}

/// A million runs need a hundred megabytes at most; a row of each that was kept would need more.
#[test]
#[ignore = "a million rows take a minute"]
fn a_report_of_a_million_objects_stays_within_its_memory() {
    const OBJECTS: usize = 1_000_000;
    const LIMIT_KIB: u64 = 100 * 1024;
    let env = Workspace::small().job("all", "{ prefix: video/ }");
    env.run(&["apply"]).expect(0);
    seed(&env, OBJECTS);
    let serve = Serve::start(&env);
    let mut command = env.command(&["status", "--format", "csv"]);
    let mut status = command
        .envs(CREDENTIALS)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let process = format!("/proc/{}/status", status.id());
    let (mut lines, mut peak) = (0_usize, 0_u64);
    for line in BufReader::new(status.stdout.take().unwrap()).lines() {
        line.unwrap();
        lines += 1;
        if lines.is_multiple_of(10_000) {
            let text = fs::read_to_string(&process).unwrap_or_default();
            let high = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let high = high.and_then(|high| high.trim().strip_suffix(" kB"));
            peak = peak.max(high.map_or(0, |high| high.parse().unwrap()));
        }
    }
    assert!(status.wait().unwrap().success());
    drop(serve);
    assert_eq!(lines, 1 + OBJECTS + 2);
    assert!((1..LIMIT_KIB).contains(&peak), "{peak} KiB");
}

/// Gives the only job of the service so many more runs.
fn seed(env: &Workspace, runs: usize) {
    let path = env.path().join(".stocktake/local");
    let database = fs::read_dir(&path).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        let is_database = path.extension().is_some_and(|extension| extension == "db");
        is_database.then_some(path)
    });
    let mut connection = Connection::open(database.unwrap()).unwrap();
    let transaction = connection.transaction().unwrap();
    {
        let mut insert = transaction
            .prepare(
                "INSERT INTO executions (id, job, workflow, key, state, message, created, ended)
                 VALUES (?, 1, 'w1', ?, 'Success', '', 1660000000, 1660000000)",
            )
            .unwrap();
        for number in 0..runs {
            let id = format!("i{number:032x}");
            let key = format!("video/{number:09} 视频.mp4");
            insert.execute(params![id, key]).unwrap();
        }
    }
    transaction.commit().unwrap();
}
