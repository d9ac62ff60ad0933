//! The service's own placeholders in outputs: a closed list, so that a misspelt one is found.

use crate::diagnostic::closest;

/// Those of every node.
const ANYWHERE: &[&str] = &[
    "InputPath",
    "InputName",
    "InputNameAndExt",
    "RunId",
    "Ext",
    "ext",
    "Jobid",
];

/// Those of nodes that write several objects, and those nodes.
const SOME: &[(&str, &[&str])] = &[
    ("Number", &["Snapshot", "SmartCover", "Segment"]),
    ("Time", &["Snapshot"]),
];

/// Those of batch jobs without a workflow.
const JOBS: &[&str] = &["InventoryTriggerJobId", "JobId", "InputJobId"];

/// Stands for the dollar of a placeholder while expressions are evaluated; no text of a document has
/// such characters.
const DOLLAR: char = '\u{1}';
/// Stand for the two dollars of `$${`.
const TWO_DOLLARS: &str = "\u{2}\u{3}";

/// What a name in `${…}` is.
pub(super) enum Placeholder {
    Known,
    /// Known in nodes of these kinds.
    OfOtherKinds(String),
    OfJobs,
    /// With the name that was probably meant.
    Unknown(Option<&'static str>),
}

/// What a name is in the output of a node of this kind. A kind that is not known may have any.
pub(super) fn look_up(name: &str, kind: &str) -> Placeholder {
    if ANYWHERE.contains(&name) {
        return Placeholder::Known;
    }
    if let Some((_, kinds)) = SOME.iter().find(|(known, _)| *known == name) {
        let is_known = kinds.contains(&kind) || super::kinds::find(kind).is_none();
        return if is_known {
            Placeholder::Known
        } else {
            Placeholder::OfOtherKinds(kinds.join(", "))
        };
    }
    if JOBS.contains(&name) {
        return Placeholder::OfJobs;
    }
    let known = ANYWHERE.iter().chain(SOME.iter().map(|(name, _)| name));
    Placeholder::Unknown(closest(name, known.copied()).and_then(|near| {
        let mut all = ANYWHERE.iter().chain(SOME.iter().map(|(name, _)| name));
        all.find(|known| **known == near).copied()
    }))
}

/// The placeholders of every node, as messages list them.
pub(super) fn listed() -> String {
    let names: Vec<String> = ANYWHERE
        .iter()
        .map(|name| format!("`${{{name}}}`"))
        .collect();
    names.join(", ")
}

/// What stands in `${…}` and is no expression: a word with a capital, without blanks. Expressions see
/// no such name.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    parts(text).filter_map(|(_, name)| name)
}

/// The pieces of a text, each a text and the placeholder that follows it.
fn parts(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut from = 0;
        while let Some(found) = text[from..].find("${") {
            let start = from + found;
            let is_literal = text[..start].ends_with('$');
            let inner = &text[start + 2..];
            let end = inner.find('}');
            if let Some(name) = end.map(|end| &inner[..end])
                && !is_literal
                && is_placeholder(name)
            {
                rest = Some(&inner[name.len() + 1..]);
                return Some((&text[..start], Some(name)));
            }
            from = start + 2;
        }
        rest = None;
        Some((text, None))
    })
}

fn is_placeholder(name: &str) -> bool {
    let is_word = name.chars().all(|letter| letter.is_ascii_alphanumeric());
    name == "ext" || (is_word && name.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// The text with its placeholders hidden from expressions, as long as before.
pub(super) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for (before, name) in parts(text) {
        masked.push_str(&before.replace("$${", &format!("{TWO_DOLLARS}{{")));
        if let Some(name) = name {
            masked.extend([DOLLAR, '{']);
            masked.push_str(name);
            masked.push('}');
        }
    }
    masked
}

/// Undoes [`mask`].
pub(super) fn unmask(text: &str) -> String {
    text.replace(TWO_DOLLARS, "$").replace(DOLLAR, "$")
}

#[cfg(test)]
mod tests {
    use super::{mask, names, unmask};

    #[test]
    fn placeholders_are_told_from_expressions() {
        let text = "a/${InputName}-${ vars.x }$${b}${Ext}${ext}${key}";
        assert_eq!(names(text).collect::<Vec<_>>(), ["InputName", "Ext", "ext"]);
        let masked = mask(text);
        assert_eq!(masked.len(), text.len());
        assert_eq!(masked.matches("${").count(), 2, "{masked}");
        assert_eq!(
            unmask(&masked),
            "a/${InputName}-${ vars.x }${b}${Ext}${ext}${key}"
        );
    }
}
