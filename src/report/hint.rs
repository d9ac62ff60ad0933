//! Commands in messages, so that they can be pasted: with the options of this run that they need.
//!
//! Messages name commands as `stocktake COMMAND …`. What is written for people passes through
//! [`pasteable`], which adds `-C` and `-t` to each of them.

use crate::plain_text::printable;
use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;

/// The commands that are about a target of a workspace.
const WITH_WORKSPACE: [&str; 12] = [
    "adopt", "apply", "cancel", "plan", "render", "resolve", "retry", "serve", "state", "status",
    "validate", "watch",
];

const PROGRAM: &str = "stocktake ";

static OPTIONS: OnceLock<Options> = OnceLock::new();

/// The options of a run that its hints repeat.
#[derive(Debug, Default)]
struct Options {
    dir: Option<String>,
    target: Option<String>,
}

/// Sets what the hints of this process repeat: the folder that was given, and the target if it is not
/// the default one. The first call counts.
pub fn repeat_options(dir: Option<&Path>, target: Option<&str>) {
    let _ = OPTIONS.set(Options {
        dir: dir.map(|dir| quoted(&printable(dir))),
        target: target.map(quoted),
    });
}

/// The text with the options of this run in every command that it names.
pub fn pasteable(text: &str) -> Cow<'_, str> {
    match OPTIONS.get() {
        Some(options) if options.dir.is_some() || options.target.is_some() => {
            Cow::Owned(options.add_to(text))
        }
        _ => Cow::Borrowed(text),
    }
}

impl Options {
    fn add_to(&self, text: &str) -> String {
        let mut pieces = text.split(PROGRAM);
        let mut added = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            added.push_str(PROGRAM);
            let command = piece
                .split(|character: char| !(character.is_ascii_alphanumeric() || character == '-'))
                .next()
                .unwrap_or_default();
            let is_command = WITH_WORKSPACE.contains(&command);
            if let Some(dir) = self.dir.as_ref().filter(|_| is_command) {
                added.extend(["-C ", dir.as_str(), " "]);
            }
            let is_saved_plan = is_saved_plan(piece);
            if let Some(target) = self
                .target
                .as_ref()
                .filter(|_| is_command && !is_saved_plan)
            {
                added.extend(["-t ", target.as_str(), " "]);
            }
            added.push_str(piece);
        }
        added
    }
}

/// A saved plan knows its target.
fn is_saved_plan(command: &str) -> bool {
    let argument = command.strip_prefix("apply ");
    argument.is_some_and(|argument| {
        let name = argument.split(['`', ' ', '\n']).next().unwrap_or_default();
        Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "json")
    })
}

/// The text as one word of a shell's command line.
pub fn quoted(text: &str) -> String {
    let is_plain = |character: char| {
        character.is_alphanumeric() || matches!(character, '-' | '_' | '.' | '/' | ':' | '@' | '%')
    };
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::{Options, quoted};

    #[test]
    fn a_command_repeats_what_it_needs() {
        let options = Options {
            dir: Some("'my jobs'".to_owned()),
            target: Some("prod".to_owned()),
        };
        let cases = [
            (
                "`stocktake apply` does this",
                "`stocktake -C 'my jobs' -t prod apply` does this",
            ),
            (
                "`stocktake apply plan.json` does exactly this",
                "`stocktake -C 'my jobs' apply plan.json` does exactly this",
            ),
            (
                "run stocktake status --wait, or `stocktake init`",
                "run stocktake -C 'my jobs' -t prod status --wait, or `stocktake init`",
            ),
            ("`stocktake -t far plan`", "`stocktake -t far plan`"),
            ("stocktake made a mistake", "stocktake made a mistake"),
        ];
        for (text, expected) in cases {
            assert_eq!(options.add_to(text), expected);
        }
    }

    #[test]
    fn one_word_of_a_shell() {
        assert_eq!(quoted("plan.json"), "plan.json");
        assert_eq!(quoted("a[b=c]"), "'a[b=c]'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
