//! Which files are job files, and which of them cannot be read.

use std::fs;
use std::path::{Path, PathBuf};

use stocktake::diagnostic::Diagnostic;
use stocktake::document::Syntax;
use stocktake::jobfile::Reader;
use stocktake::jobfile::discover::{FoundFile, discover, open, open_as};

fn write(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn shown(found: &[FoundFile]) -> Vec<String> {
    found
        .iter()
        .map(|file| file.shown.to_string_lossy().into_owned())
        .collect()
}

fn codes(findings: &[Diagnostic]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn job_files_are_found_in_order_and_nothing_else_is() {
    let root = tempfile::tempdir().unwrap();
    for name in [
        "jobs/b.yml",
        "jobs/a.yaml",
        "jobs/team/c.toml",
        "jobs/.hidden.yaml",
        "jobs/notes.md",
        "jobs/.git/x.yaml",
        "jobs/bucket/data.yaml",
        "other/d.yaml",
    ] {
        write(root.path(), name, b"jobs: {}\n");
    }
    write(root.path(), ".gitignore", b"jobs/b.yml\n");
    fs::create_dir(root.path().join("jobs/folder.yaml")).unwrap();
    let exclude = [PathBuf::from("jobs/bucket")];
    let (found, findings) = discover(root.path(), Path::new("jobs"), &exclude);
    assert_eq!(
        shown(&found),
        ["jobs/a.yaml", "jobs/b.yml", "jobs/team/c.toml"]
    );
    assert_eq!(found[2].syntax, Syntax::Toml);
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn what_is_nearly_a_job_file_is_skipped_with_a_warning() {
    let root = tempfile::tempdir().unwrap();
    for name in [
        "jobs/a.yaml",
        "jobs/b.YAML",
        "jobs/c.Yml",
        "jobs/d.yaml.txt",
        "jobs/e.toml.orig",
        "jobs/f.yaml~",
        "jobs/notes.txt",
    ] {
        write(root.path(), name, b"jobs: {}\n");
    }
    let socket = std::os::unix::net::UnixListener::bind(root.path().join("jobs/s.yaml")).unwrap();
    let (found, findings) = discover(root.path(), Path::new("jobs"), &[]);
    drop(socket);
    assert_eq!(shown(&found), ["jobs/a.yaml"]);
    assert!(findings.iter().all(|finding| !finding.is_error()));
    let mut messages: Vec<&str> = findings
        .iter()
        .map(|found| found.message.as_str())
        .collect();
    messages.sort_unstable();
    let names = ["b.YAML", "c.Yml", "d.yaml.txt", "e.toml.orig", "s.yaml"];
    assert_eq!(messages.len(), names.len(), "{messages:?}");
    for (message, name) in messages.iter().zip(names) {
        assert!(message.contains(name), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_within_the_workspace_only() {
    use std::os::unix::fs::symlink;

    let outside = tempfile::tempdir().unwrap();
    let root = tempfile::tempdir().unwrap();
    write(outside.path(), "x.yaml", b"jobs: {}\n");
    write(root.path(), "jobs/a.yaml", b"jobs: {}\n");
    write(root.path(), "shared/s.yaml", b"jobs: {}\n");
    let link = |target: PathBuf, name: &str| symlink(target, root.path().join(name)).unwrap();
    link(root.path().join("shared/s.yaml"), "jobs/inside.yaml");
    link(outside.path().join("x.yaml"), "jobs/outside.yaml");
    link(outside.path().to_path_buf(), "jobs/outside");
    link(root.path().join("shared"), "jobs/folder");
    link(PathBuf::from("circle"), "jobs/circle");
    let (found, findings) = discover(root.path(), Path::new("jobs"), &[]);
    assert_eq!(shown(&found), ["jobs/a.yaml", "jobs/inside.yaml"]);
    let mut codes = codes(&findings);
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            "link-leaves-workspace",
            "link-leaves-workspace",
            "link-to-folder",
            "unreadable-file"
        ]
    );
}

#[test]
fn a_file_that_vanishes_or_is_no_text_is_an_error_that_names_it() {
    let root = tempfile::tempdir().unwrap();
    let read = |name: &str| {
        open_as(&root.path().join(name), Path::new(name))
            .map_err(|error| (error.code, error.message))
    };
    let (code, message) = read("gone.yaml").unwrap_err();
    assert_eq!(code, "unreadable-file");
    assert!(message.contains("gone.yaml"), "{message}");
    write(root.path(), "latin.yaml", b"jobs:\n  caf\xe9: {}\n");
    assert_eq!(read("latin.yaml").unwrap_err().0, "not-utf-8");
    write(root.path(), "nul.yaml", b"jobs:\n  a\0b: {}\n");
    assert_eq!(read("nul.yaml").unwrap_err().0, "nul-character");
    let huge = fs::File::create(root.path().join("huge.yaml")).unwrap();
    huge.set_len(64 * 1024 * 1024 + 1).unwrap();
    assert_eq!(read("huge.yaml").unwrap_err().0, "file-too-large");
}

#[test]
fn places_are_right_behind_a_byte_order_mark_and_with_windows_line_ends() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        "jobs/a.yaml",
        "\u{feff}jbos: {}\r\njobs: {}\r\n".as_bytes(),
    );
    let (found, _) = discover(root.path(), Path::new("jobs"), &[]);
    let file = open(&found[0]).unwrap();
    let (_, findings) = Reader::new().load(&file, found[0].syntax);
    let place = findings[0].place.as_ref().unwrap();
    assert_eq!(file.slice(place.span), "jbos");
    assert_eq!(file.line_column(place.span.start).column, 1);
}

const MANY: usize = 50_000;

fn numbered(before: &str, behind: &str) -> String {
    let lines: Vec<String> = (0..MANY).map(|n| format!("{before}{n}{behind}")).collect();
    lines.concat()
}

/// What costs more than it should shows as a test that does not end.
#[test]
fn hostile_files_end_in_a_finding_soon() {
    let many = |text: &str| text.repeat(MANY);
    let reader = Reader::new();
    let files = [
        many("[").into_bytes(),
        many("- ").into_bytes(),
        many("{a: ").into_bytes(),
        numbered("k", ": 1\n").into_bytes(),
        many("k: 1\n").into_bytes(),
        format!("jobs: [{}]", many("no, ")).into_bytes(),
        format!("jobs:\n{}", numbered("  k", ": x\n")).into_bytes(),
        format!(
            "a: &a \"{}\"\nb: [{}]\n",
            "x".repeat(100_000),
            "*a, ".repeat(20_000)
        )
        .into_bytes(),
        format!("jobs: \"{}\n", many("\\u89c6")).into_bytes(),
        many("--- a\n").into_bytes(),
        many("# comment\n").into_bytes(),
        many("? ").into_bytes(),
        many("!!").into_bytes(),
        many("&a ").into_bytes(),
    ];
    let root = tempfile::tempdir().unwrap();
    for (number, bytes) in files.iter().enumerate() {
        for syntax in [Syntax::Yaml, Syntax::Toml] {
            let started = std::time::Instant::now();
            let name = format!("{number}.yaml");
            write(root.path(), &name, bytes);
            let file = open_as(&root.path().join(&name), Path::new(&name)).unwrap();
            let (_, findings) = reader.load(&file, syntax);
            assert!(
                findings.iter().any(Diagnostic::is_error),
                "{number} {syntax:?}"
            );
            assert!((1..=2_001).contains(&findings.len()), "{number} {syntax:?}");
            assert!(started.elapsed().as_secs() < 60, "{number} {syntax:?}");
        }
    }
}
