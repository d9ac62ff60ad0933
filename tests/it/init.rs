//! `stocktake init`: what it writes works at once, and nothing is overwritten.

use std::sync::Arc;

use stocktake::api::wire::decode_request;
use stocktake::document::{self, Syntax};
use stocktake::source::SourceFile;

use crate::support::workspace::Workspace;

#[test]
fn a_new_workspace_is_applied_at_once_and_once() {
    let env = Workspace::new();
    let init = env.run(&["init"]).expect(0);
    insta::assert_snapshot!("init", init.shown());
    env.run(&["validate"]).expect(0);
    env.run(&["plan", "--detailed-exitcode"]).expect(2);
    env.run(&["apply"]).expect(0);
    env.run(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn what_is_there_stays_as_it_is() {
    let env = Workspace::new();
    env.write("stocktake.toml", "# mine\n");
    env.write(".gitignore", "/target");
    env.run(&["init", "--ci", "github"]).expect(0);
    env.run(&["init", "--ci", "github"]).expect(0);
    assert_eq!(env.read("stocktake.toml"), "# mine\n");
    assert_eq!(
        env.read(".gitignore"),
        "/target\n.stocktake/\n*.state.jsonl.lock\nplan.json\n"
    );
    assert_eq!(env.read(".gitattributes"), "*.state.jsonl merge=union\n");
}

#[test]
fn the_pipelines_are_yaml() {
    let env = Workspace::new();
    for (system, file) in [
        ("github", "ci/.github/workflows/batch-jobs.yml"),
        ("gitlab", "ci/.gitlab-ci.yml"),
    ] {
        env.run(&["init", "ci", "--ci", system]).expect(0);
        let text = env.read(file);
        let source = Arc::new(SourceFile::new(file, text));
        assert!(document::parse(&source, Syntax::Yaml).is_ok(), "{file}");
    }
}

const REQUEST: &str = "<Request>
  <Name>批量_demo-1</Name>
  <Type>Workflow</Type>
  <Input><Prefix>in/${put}</Prefix></Input>
  <Operation>
    <WorkflowIds>w2,w1</WorkflowIds>
    <TimeInterval><Start>2022-05-01T00:00:00+0800</Start><End>2022-06-01T00:00:00Z</End></TimeInterval>
  </Operation>
</Request>
";

#[test]
fn a_request_becomes_the_job_that_sends_it() {
    let env = Workspace::new();
    env.write("body.xml", REQUEST);
    let init = env.run(&["init", "media", "--from", "body.xml"]).expect(0);
    insta::assert_snapshot!("init_from", init.shown());
    insta::assert_snapshot!("init_from_job", env.read("media/jobs/批量_demo-1.yaml"));
    let xml = ["-C", "media", "render", "批量_demo-1", "--format", "xml"];
    let rendered = env.run(&xml).expect(0).stdout;
    let sent = decode_request(rendered.trim().as_bytes()).unwrap();
    assert_eq!(sent, decode_request(REQUEST.as_bytes()).unwrap());
    env.run(&["-C", "media", "validate"]).expect(0);

    // The name is taken, and then the file is.
    let before = env.read("media/jobs/批量_demo-1.yaml");
    env.run(&["init", "media", "--from", "body.xml"]).expect(0);
    assert_eq!(env.read("media/jobs/批量_demo-1.yaml"), before);
    let second = env.read("media/jobs/批量_demo-1-2.yaml");
    assert!(second.contains("\n    name: 批量_demo-1\n"), "{second}");
    env.write("media/jobs/批量_demo-1-2.yaml", "jobs: {}\n");
    let taken = env.run(&["init", "media", "--from", "body.xml"]).expect(1);
    insta::assert_snapshot!("init_from_taken", taken.shown());
    assert_eq!(env.read("media/jobs/批量_demo-1-2.yaml"), "jobs: {}\n");
}

#[test]
fn a_request_joins_a_workspace_that_is_there() {
    let env = Workspace::small();
    env.write("body.xml", REQUEST);
    let before = env.read("stocktake.toml");
    env.run(&["init", "--from", "body.xml"]).expect(0);
    assert_eq!(env.read("stocktake.toml"), before);
    assert!(!env.path().join("jobs/bucket/input/hello.txt").exists());
    let sent = env
        .run(&["render", "批量_demo-1", "--format", "xml"])
        .expect(0);
    assert!(sent.stdout.contains("in/${put}"), "{}", sent.stdout);
}

#[test]
fn what_is_no_request_becomes_no_job() {
    let env = Workspace::new();
    let bodies = [
        ("end_tag", REQUEST.replace("</Type>", "</Name>")),
        ("html", "<html><body>502</body></html>".to_owned()),
        ("type", REQUEST.replace(">Workflow<", ">Job<")),
        (
            "inputs",
            REQUEST.replace("<Input>", "<Input><Object>a</Object>"),
        ),
        ("no_input", REQUEST.replace("Prefix>", "Unknown>")),
        ("name", REQUEST.replace("demo-1", "demo 1")),
        ("no_workflow", REQUEST.replace("w2,w1", "")),
        (
            "element",
            REQUEST.replace("</WorkflowIds>", "</WorkflowIds><UserData>x</UserData>"),
        ),
        ("empty", String::new()),
        ("torn", "<Request>\n  <Name>视频".to_owned()),
        (
            "byte_order_mark",
            "\u{feff}<Request>\n <视频>\n</Name></Request>".to_owned(),
        ),
        ("document_type", format!("<!DOCTYPE x>\n{REQUEST}")),
        ("large", REQUEST.to_owned() + &" ".repeat(1024 * 1024)),
    ];
    for (name, body) in bodies {
        env.write("body.xml", &body);
        let refused = env.run(&["init", "new", "--from", "body.xml"]).expect(1);
        insta::assert_snapshot!(format!("init_from_{name}"), refused.shown());
        assert!(!env.path().join("new").exists(), "{name}");
    }
    let refused = env.run(&["init", "new", "--from", "none.xml"]).expect(1);
    insta::assert_snapshot!("init_from_missing", refused.shown());
}
