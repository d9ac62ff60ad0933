//! The Chinese pages say what the English ones say: they have the same headings, paragraphs, lists,
//! table rows, code and figures, in the same order. A page that changed has to be translated again.

use std::fs;
use std::path::Path;

use regex_lite::Regex;

use crate::support::workspace::PROJECT;

/// What a translation keeps of each block of a page.
fn outline(page: &str) -> Vec<String> {
    let figures = Regex::new(r"`[^`]+`|\d[\d,.]*\d|\d").unwrap();
    let fixed = |text: &str| {
        let mut found: Vec<String> = figures
            .find_iter(text)
            .map(|found| found.as_str().to_owned())
            .collect();
        found.sort();
        found.join(" ")
    };
    let mut blocks = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("```") || line.starts_with("    ") {
            let mut code = vec![line];
            let is_fence = line.starts_with("```");
            for line in lines.by_ref() {
                let is_end = if is_fence {
                    line == "```"
                } else {
                    line.is_empty()
                };
                if is_end {
                    break;
                }
                code.push(line);
            }
            blocks.push(format!("code\n{}", code.join("\n")));
        } else if let Some(heading) = line.strip_prefix('#') {
            let level = heading
                .chars()
                .take_while(|character| *character == '#')
                .count();
            blocks.push(format!("heading {} {}", level + 1, fixed(heading)));
        } else if line.starts_with('|') {
            let cells = line.replace("\\|", "").matches('|').count() - 1;
            blocks.push(format!("row of {cells}: {}", fixed(line)));
        } else if !line.is_empty() {
            let mut text = line.to_owned();
            let is_start =
                |line: &str| line.is_empty() || line.starts_with(['|', '#', '`']) || is_item(line);
            while let Some(next) = lines.next_if(|next| {
                !is_start(next) || next.starts_with('`') && !next.starts_with("```")
            }) {
                text += " ";
                text += next;
            }
            let kind = if is_item(&text) { "item" } else { "paragraph" };
            let ordinal = Regex::new(r"^\d+\. ").unwrap();
            blocks.push(format!("{kind} {}", fixed(&ordinal.replace(&text, ""))));
        }
    }
    blocks
}

fn is_item(line: &str) -> bool {
    let number = line.split_once(". ").map(|(number, _)| number);
    line.starts_with("- ") || number.is_some_and(|number| number.parse::<u8>().is_ok())
}

#[test]
#[ignore = "asks for translations: .ci/run runs it"]
fn every_page_has_its_translation_block_by_block() {
    let root = Path::new(PROJECT);
    let mut pairs = vec![(root.join("README.md"), root.join("README.zh-CN.md"))];
    for entry in fs::read_dir(root.join("docs")).unwrap() {
        let page = entry.unwrap().path();
        if page.extension().is_some_and(|extension| extension == "md") {
            let translation = root.join("docs/zh-CN").join(page.file_name().unwrap());
            pairs.push((page, translation));
        }
    }
    for (page, translation) in pairs {
        let translated = fs::read_to_string(&translation).unwrap_or_else(|error| {
            panic!(
                "translate {}: {}: {error}",
                page.display(),
                translation.display()
            )
        });
        let (ours, theirs) = (
            outline(&fs::read_to_string(&page).unwrap()),
            outline(&translated),
        );
        for (number, (block, other)) in ours.iter().zip(&theirs).enumerate() {
            assert_eq!(
                block,
                other,
                "block {number} of {}: translate it again",
                translation.display()
            );
        }
        assert_eq!(ours.len(), theirs.len(), "{}", translation.display());
    }
}
