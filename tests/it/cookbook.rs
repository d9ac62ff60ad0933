//! Every recipe of the cookbook is run as it is printed, against a service of this machine.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::serve::Serve;
use crate::support::target::{BUCKET, REGION, Target};
use crate::support::workspace::{BINARY, CREDENTIALS, PROJECT, Run, Workspace};

const WORKFLOW: &str = "w7476ff3564ee45b7b490d64bccaba6cc";

/// A fenced block: its language, the rest of its first line, and its text.
struct Block<'a> {
    language: &'a str,
    place: &'a str,
    text: &'a str,
}

/// The title and the blocks of each section of a page; what is before the first one has no title.
fn sections(page: &str) -> Vec<(&str, Vec<Block<'_>>)> {
    let section = |text| {
        let (title, body): (&str, &str) = str::split_once(text, '\n').unwrap();
        let fences = body.split("```").skip(1).step_by(2);
        let blocks = fences.map(|fence| {
            let (head, text) = fence.split_once('\n').unwrap();
            let (language, place) = head.split_once(' ').unwrap_or((head, ""));
            Block {
                language,
                place,
                text,
            }
        });
        (title, blocks.collect())
    };
    page.split("\n## ").map(section).collect()
}

/// A bucket with pictures, one of which no workflow can read, an inventory and a list.
fn bucket() -> Workspace {
    let workflow = ["sh", "-c", "grep -v broken $1", "sh", "{object}"];
    let local = Target::embedded(&["true"]).workflow(WORKFLOW, &workflow, &[]);
    let workspace = Workspace::new()
        .target("local", &local)
        .object("pictures/a.jpg", "a")
        .object("pictures/b.jpg", "b")
        .object("pictures/broken.jpg", "broken")
        .object("sample/a.jpg", "a")
        .object("lists/mine.txt", &url("sample/a.jpg"));
    for (key, uploaded) in [("a", "2022-02-03T00:00:00Z"), ("b", "2022-04-05T00:00:00Z")] {
        let path = workspace.path().join(format!("bucket/pictures/{key}.jpg"));
        let uploaded: jiff::Timestamp = uploaded.parse().unwrap();
        let file = fs::File::open(path).unwrap();
        file.set_modified(uploaded.try_into().unwrap()).unwrap();
    }
    let mut rows = GzEncoder::new(Vec::new(), Compression::default());
    rows.write_all(b"\"sample/a.jpg\",\"1\"\n").unwrap();
    let rows = rows.finish().unwrap();
    let manifest = format!(
        r#"{{"fileFormat":"CSV","fileSchema":"Key, Size","files":[{{"key":"inventory/1.csv.gz","size":"{}"}}]}}"#,
        rows.len()
    );
    let workspace = workspace.object("inventory/manifest.json", &manifest);
    fs::write(workspace.path().join("bucket/inventory/1.csv.gz"), rows).unwrap();
    workspace
}

fn url(key: &str) -> String {
    format!("https://{BUCKET}.cos.{REGION}.myqcloud.com/{key}\n")
}

/// The page's targets, which lead to the service of the test.
fn at(toml: &str, serve: &Serve) -> String {
    let endpoint = format!(
        "region = \"{REGION}\"\nendpoint = \"http://{}\"",
        serve.address
    );
    toml.replace(&format!("region = \"{REGION}\""), &endpoint)
}

#[test]
fn every_recipe_does_what_it_says() {
    let page = fs::read_to_string(Path::new(PROJECT).join("docs/cookbook.md")).unwrap();
    let sections = sections(&page);
    assert_eq!(sections.len(), 11, "ten recipes");
    for (title, blocks) in &sections[1..] {
        let bucket = bucket();
        let serve = Serve::start(&bucket);
        if title.starts_with("Take over") {
            let job = Workspace::new().target("prod", &Target::at(serve.address));
            let job = job.job("script", "{ prefix: sample/ }");
            job.run_signed(&["-t", "prod", "state", "init"]).expect(0);
            job.run_signed(&["-t", "prod", "apply", "--auto-approve"])
                .expect(0);
        }
        let workspace = Workspace::new();
        let mut settings = at(sections[0].1[0].text, &serve);
        let mut log = String::new();
        workspace.write("stocktake.toml", &settings);
        workspace.run(&["-t", "prod", "state", "init"]).expect(0);
        for block in blocks {
            match (block.language, block.place) {
                ("toml", "stocktake.toml") => settings += &at(block.text, &serve),
                ("toml", "targets.prod") => {
                    settings = settings.replace(
                        "[targets.prod]\n",
                        &format!("[targets.prod]\n{}", block.text),
                    );
                }
                ("sh", _) => {
                    workspace.write("stocktake.toml", &settings);
                    let run = shell(&workspace, block.text);
                    assert_eq!(run.code, Some(0), "{title}\n{}", run.shown());
                    let _ = writeln!(log, "{}", run.stdout);
                    // What the comment of the recipe asks for.
                    if let Ok(list) = fs::read_to_string(workspace.path().join("failed.txt")) {
                        bucket.write("bucket/failed.txt", &list);
                    }
                }
                (_, path) => _ = workspace.write(path, block.text),
            }
        }
        let expected = match *title {
            _ if title.starts_with("Only what failed") => "1 object failed",
            _ if title.starts_with("A cost limit") => "max_cost",
            _ if title.starts_with("Take over") => "Nothing to submit",
            _ if title.starts_with("A pipeline") => "1 job to submit",
            _ if title.starts_with("A laptop") => "Success",
            _ if title.starts_with("Monthly") => "6 submitted",
            _ => "1 submitted",
        };
        assert!(log.contains(expected), "{title}\n{log}");
    }
}

/// Runs the commands of a block until one fails.
fn shell(workspace: &Workspace, commands: &str) -> Run {
    let folder = Path::new(BINARY).parent().unwrap().display();
    let script = format!("set -eu\nPATH={folder}:$PATH\n{commands}");
    let mut shell = workspace.command_of("sh");
    Run::of(shell.args(["-c", &script]).envs(CREDENTIALS))
}
