//! Damaged files: the corpus with bytes changed, cut and doubled. Reading and expanding
//! them ends in jobs or in findings whose places lie in the file, never in a panic.
//!
//! `PROPTEST_CASES=1000000` turns it into a long run.

use std::sync::{Arc, LazyLock};

use proptest::prelude::{Strategy, any, proptest};
use proptest::sample::Index;
use proptest::{collection, prop_oneof};
use stocktake::diagnostic::Diagnostic;
use stocktake::document::Syntax;
use stocktake::expand::Expander;
use stocktake::jobfile::Reader;
use stocktake::report::diagnostics::human;
use stocktake::source::SourceFile;

use super::{context, files};

static CORPUS: LazyLock<Vec<(String, Syntax)>> = LazyLock::new(|| {
    let found = [files("valid"), files("invalid")].concat();
    let text = |path| std::fs::read_to_string(path).unwrap();
    let small = found.iter().map(|file| (text(&file.path), file.syntax));
    small.filter(|(text, _)| text.len() < 4096).collect()
});
static READER: LazyLock<Reader> = LazyLock::new(Reader::new);
static EXPANDER: LazyLock<Expander> = LazyLock::new(|| Expander::new(context()));

#[derive(Debug, Clone)]
enum Edit {
    Insert(Index, String),
    Remove(Index, u8),
    Double(Index, u8),
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let piece = prop_oneof![
        "[-:{}\\[\\],&*!|>'\"%@`#?~$ \\t\\n=.\\\\]{1,4}",
        "(<<|\\$\\{|---|\\.\\.\\.|!!int|&a|\\*a|视|\u{feff}|0x|1e9|null|\\$\\{ vars|\\| date|\"%Q\")",
        "\\PC{1,3}",
    ];
    prop_oneof![
        (any::<Index>(), piece).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, length)| Edit::Double(at, length)),
    ]
}

fn apply(text: &mut Vec<char>, edit: &Edit) {
    let range = |at: &Index, length: u8| {
        let start = at.index(text.len() + 1);
        start..(start + usize::from(length % 24)).min(text.len())
    };
    match edit {
        Edit::Insert(at, piece) => {
            let at = at.index(text.len() + 1);
            text.splice(at..at, piece.chars());
        }
        Edit::Remove(at, length) => {
            text.drain(range(at, *length));
        }
        Edit::Double(at, length) => {
            let range = range(at, *length);
            let piece = text[range.clone()].to_vec();
            text.splice(range.end..range.end, piece);
        }
    }
}

fn check(file: &Arc<SourceFile>, findings: &[Diagnostic]) {
    for place in findings.iter().filter_map(|finding| finding.place.as_ref()) {
        let text = place.file.text();
        assert!(
            text.get(place.span.range()).is_some(),
            "{:?} in {text:?}",
            place.span
        );
    }
    human(&mut std::io::sink(), findings, 80).unwrap();
    assert!(!file.text().is_empty() || !findings.is_empty());
}

proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(
        seed in any::<Index>(),
        edits in collection::vec(any_edit(), 1..6),
        other_syntax in proptest::bool::weighted(0.1),
    ) {
        let (text, syntax) = &CORPUS[seed.index(CORPUS.len())];
        let syntax = match (other_syntax, syntax) {
            (false, syntax) => *syntax,
            (true, Syntax::Yaml) => Syntax::Toml,
            (true, Syntax::Toml) => Syntax::Yaml,
        };
        let mut text: Vec<char> = text.chars().collect();
        for edit in &edits {
            apply(&mut text, edit);
        }
        let file = Arc::new(SourceFile::new("jobs/a", text.into_iter().collect()));
        let (job_file, findings) = READER.load(&file, syntax);
        check(&file, &findings);
        match job_file {
            Some(job_file) => check(&file, &EXPANDER.expand(&file, &job_file).1),
            None => assert!(findings.iter().any(Diagnostic::is_error)),
        }
    }
}
