//! Documents drawn at random, for tests that hold the plain reading of them to the full one.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::{collection, sample};

/// Documents of elements under one another and beside one another, of these names: many stand where
/// they belong if the names are those of one kind of document.
pub(super) fn documents(
    root: &'static str,
    names: &'static [&'static str],
) -> impl Strategy<Value = String> {
    let text = prop_oneof![
        4 => "[a-z/ ]{0,6}",
        1 => any::<String>().prop_map(|text| quick_xml::escape::escape(&text).into_owned()),
        1 => any::<String>(),
        1 => Just("<![CDATA[x]]>&amp;<!-- c -->\r\n".to_owned()),
    ];
    let leaf = (sample::select(names), text, any::<bool>());
    let leaf = leaf.prop_map(|(name, text, short)| match text.as_str() {
        "" if short => format!("<{name}/>"),
        text => element(name, text),
    });
    let content = leaf.prop_recursive(4, 24, 5, move |inner| {
        (sample::select(names), collection::vec(inner, 0..5))
            .prop_map(|(name, inner)| element(name, &inner.concat()))
    });
    collection::vec(content, 0..5).prop_map(move |content| element(root, &content.concat()))
}

/// A usual document with a small flaw.
pub(super) fn flawed(usual: &'static str) -> impl Strategy<Value = String> {
    let flaw = "[<>/&A-Za-z \r\u{0}\u{ffff}\"']{0,3}";
    (0..=usual.len(), 0_usize..3, flaw).prop_map(|(begin, length, flaw)| {
        let end = (begin + length).min(usual.len());
        format!("{}{flaw}{}", &usual[..begin], &usual[end..])
    })
}

fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}
