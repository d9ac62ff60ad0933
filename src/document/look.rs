//! What a file as a whole looks like, where that explains its mistakes better than they do.

use std::sync::Arc;

use crate::characters::{find_lookalike, lookalike};
use crate::diagnostic::Diagnostic;
use crate::source::{Place, SourceFile, Span};

/// A finding for a file that is not what its name says: a pointer of Git LFS, or a merge with
/// conflicts. It replaces all others.
pub(super) fn other_content(file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let text = file.text();
    if text.starts_with("version https://git-lfs.github.com/spec/") {
        let end = text.lines().next().map_or(0, str::len);
        let message = "this is a pointer of Git LFS, not the file itself";
        return Some(
            Diagnostic::error("git-lfs-pointer", message)
                .at(Place::new(file, Span::new(0, end)))
                .help("fetch the content with `git lfs pull`"),
        );
    }
    let (start, line) = lines(text).find(|(_, line)| is_conflict_marker(line))?;
    Some(
        Diagnostic::error("git-conflict", "this line is a git conflict marker")
            .at(Place::new(file, Span::new(start, start + line.len())))
            .help("resolve the conflict: keep one side, and remove the lines of markers"),
    )
}

/// A first or last marker; `=======` alone may underline a heading in a text.
fn is_conflict_marker(line: &str) -> bool {
    ["<<<<<<<", ">>>>>>>"].iter().any(|marker| {
        let rest = line.strip_prefix(marker);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    text.split_inclusive('\n').map(move |line| {
        let at = start;
        start += line.len();
        (at, line.trim_end_matches(['\n', '\r']))
    })
}

/// Points at a character of the line of an error, or the line before, that is easily taken for
/// another one: nothing else shows it.
pub(super) fn name_lookalikes(file: &Arc<SourceFile>, findings: &mut [Diagnostic]) {
    if file.text().is_ascii() {
        return;
    }
    for finding in findings.iter_mut().filter(|finding| finding.is_error()) {
        let Some(place) = &finding.place else {
            continue;
        };
        let Some((offset, found)) = lookalike_near(file.text(), place.span) else {
            continue;
        };
        let span = Span::new(offset, offset + found.character.len_utf8());
        let words = format!("{}: {}", found.name(), found.help());
        finding.related.push((Place::new(file, span), words));
    }
}

fn lookalike_near(text: &str, span: Span) -> Option<(usize, crate::characters::Lookalike)> {
    let range = span.range();
    if let Some((offset, found)) = text.get(range.clone()).and_then(find_lookalike) {
        return Some((range.start + offset, found));
    }
    let start = text.floor_char_boundary(range.start);
    let line_start = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let end = text[start..]
        .find('\n')
        .map_or(text.len(), |end| start + end);
    let before = text[..line_start.saturating_sub(1)]
        .rfind('\n')
        .map_or(0, |end| end + 1);
    // In a text in quotation marks or a comment, such characters may well be meant.
    let outside = |from: usize, to: usize| {
        let mut quote = None;
        for (offset, character) in text[from..to].char_indices() {
            match (quote, character) {
                (None, '"' | '\'') => quote = Some(character),
                (Some(open), _) if open == character => quote = None,
                (None, '#') => return None,
                (None, _) if lookalike(character).is_some() => {
                    return lookalike(character).map(|found| (from + offset, found));
                }
                _ => {}
            }
        }
        None
    };
    outside(line_start, end).or_else(|| outside(before, line_start))
}
