use std::sync::Arc;

use super::{Totals, human, json, summary};
use crate::diagnostic::Diagnostic;
use crate::source::{Place, SourceFile, Span};

fn place(file: &Arc<SourceFile>, part: &str) -> Place {
    let start = file.text().find(part).unwrap();
    Place::new(file, Span::new(start, start + part.len()))
}

fn rendered(diagnostics: &[Diagnostic]) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    human(&mut out, diagnostics, 80).unwrap();
    String::from_utf8(out.into_inner()).unwrap()
}

fn samples() -> Vec<Diagnostic> {
    let text = "jobs:\n  春季:\n    name: 批量 处理\n\tname: again # a tab before it\n";
    let file = Arc::new(SourceFile::new("jobs/spring.yaml", text.to_owned()));
    let long = format!("key: {}here{}\n", "x".repeat(300), "y".repeat(300));
    let long = Arc::new(SourceFile::new("jobs/long.yaml", long));
    let endless = format!("key: {}here\n", "x".repeat(20_000));
    let endless = Arc::new(SourceFile::new("jobs/endless.yaml", endless));
    let apart = format!("one: 1\n{}two: 2\n", "# filler\n".repeat(40));
    let apart = Arc::new(SourceFile::new("jobs/apart.yaml", apart));
    vec![
        Diagnostic::error("bad-name", "`批量 处理` holds a blank")
            .at(place(&file, "批量 处理"))
            .label("here")
            .help("use Chinese characters, letters, digits, `-` and `_`"),
        Diagnostic::error("duplicate-key", "`name` is written twice")
            .at(place(&file, "name: again"))
            .label("the second one")
            .related(place(&file, "name: 批量"), "the first one"),
        Diagnostic::warning("long-line", "somewhere in a long line").at(place(&long, "here")),
        Diagnostic::warning("endless-line", "a line too long to show").at(place(&endless, "here")),
        Diagnostic::error("same-work", "two jobs are the same work")
            .at(place(&apart, "two"))
            .related(place(&apart, "one"), "far away")
            .related(place(&file, "春季"), "in another file"),
        Diagnostic::error(
            "no-job-files",
            "there is no job file in a folder with a long name, and this sentence goes on beyond 80 columns",
        )
        .help("this help is long as well, and is broken into lines that fit a terminal of eighty columns"),
    ]
}

#[test]
fn people_see_the_line_underlined() {
    insta::assert_snapshot!(rendered(&samples()));
}

#[test]
fn programs_read_lines_columns_and_bytes() {
    let mut out = Vec::new();
    json(&mut out, &samples()[..2], Totals { files: 4, jobs: 9 }).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn the_last_line_counts() {
    let line = |diagnostics: &[Diagnostic]| {
        let mut out = Vec::new();
        summary(&mut out, diagnostics, Totals { files: 4, jobs: 9 }).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(line(&[]), "9 jobs in 4 files, no mistakes\n");
    assert_eq!(line(&samples()), "4 errors and 2 warnings in 4 files\n");
    assert_eq!(line(&samples()[..1]), "1 error in 4 files\n");
}

#[test]
fn a_file_cannot_steer_the_terminal() {
    let text = "key: \u{1b}[31mred\u{202e}\n".to_owned();
    let file = Arc::new(SourceFile::new("jobs/\u{1b}[2J.yaml", text));
    let finding = Diagnostic::error("x", "bad \u{1b}]0;title\u{7}").at(place(&file, "red"));
    let mut out = Vec::new();
    human(&mut out, &[finding], 80).unwrap();
    let text = String::from_utf8(out).unwrap();
    for bad in [
        "\u{1b}[31mred",
        "\u{1b}[2J",
        "\u{1b}]0",
        "\u{202e}",
        "\u{7}",
    ] {
        assert!(!text.contains(bad), "{bad:?} in {text:?}");
    }
}
