//! What was pasted around a key is removed; what was pasted into it is refused.

use super::error::CredentialError;
use crate::diagnostic::Diagnostic;

/// Returns `text` without white space, quotation marks and byte order marks around it, with a warning
/// that names `link`. A character inside that no key has is an error that names the character.
pub(super) fn clean(
    link: &str,
    text: &str,
    warnings: &mut Vec<Diagnostic>,
) -> Result<String, CredentialError> {
    let value = text.trim_matches(is_around);
    if value.is_empty() {
        let problem = "it holds nothing but white space or quotation marks";
        return Err(CredentialError::new(link, problem).help("set it again, or unset it"));
    }
    let is_part = |character: char| character.is_ascii_graphic();
    let found = value
        .chars()
        .enumerate()
        .find(|(_, character)| !is_part(*character));
    if let Some((place, character)) = found {
        let problem = format!(
            "its character {} is {}, which no key holds",
            place + 1,
            name(character)
        );
        return Err(CredentialError::new(link, problem)
            .help("copy it again, in one piece and without a line break"));
    }
    if value.len() < text.len() {
        warnings.push(warning(link, text));
    }
    Ok(value.to_owned())
}

fn is_around(character: char) -> bool {
    character.is_whitespace() || is_quotation_mark(character) || character == '\u{feff}'
}

fn is_quotation_mark(character: char) -> bool {
    matches!(character, '"' | '\'' | '\u{2018}'..='\u{201f}')
}

fn warning(link: &str, text: &str) -> Diagnostic {
    let kinds = [
        ("white space", text.contains(char::is_whitespace)),
        ("quotation marks", text.contains(is_quotation_mark)),
        ("a byte order mark", text.contains('\u{feff}')),
    ];
    let removed: Vec<&str> = kinds
        .iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(kind, _)| *kind)
        .collect();
    let message = format!("{link}: removed {} around the value", removed.join(" and "));
    Diagnostic::warning("credentials", message).help("store it without them: other tools keep them")
}

fn name(character: char) -> String {
    let code = u32::from(character);
    let known = match character {
        '\n' => " (line feed)",
        '\r' => " (carriage return)",
        '\t' => " (tabulator)",
        ' ' => " (space)",
        '\0' => " (null)",
        '\u{feff}' => " (byte order mark)",
        '\u{200b}' => " (zero-width space)",
        _ if character.is_control() => " (a control character)",
        _ => "",
    };
    format!("U+{code:04X}{known}")
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn what_is_around_a_key_is_removed_and_named() {
        let table = [
            ("AKIDx", None),
            (" AKIDx\r\n", Some("white space")),
            ("\"AKIDx\"", Some("quotation marks")),
            ("\u{feff}AKIDx", Some("a byte order mark")),
            (
                "\u{201c}AKIDx\u{201d} ",
                Some("white space and quotation marks"),
            ),
        ];
        for (text, removed) in table {
            let mut warnings = Vec::new();
            assert_eq!(clean("KEY", text, &mut warnings).unwrap(), "AKIDx");
            let said = warnings.first().map(|warning| warning.message.clone());
            let expected = removed.map(|kind| format!("KEY: removed {kind} around the value"));
            assert_eq!(said, expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_inside_a_key_is_refused_and_named() {
        let table = [
            ("AK\nID", "character 3 is U+000A (line feed)"),
            ("AKID\u{200b}x", "character 5 is U+200B (zero-width space)"),
            ("AK ID", "character 3 is U+0020 (space)"),
            ("A\u{1b}[2J", "character 2 is U+001B (a control character)"),
            ("\" \"", "nothing but white space or quotation marks"),
        ];
        for (text, expected) in table {
            let error = clean("KEY", text, &mut Vec::new()).unwrap_err().to_string();
            assert!(
                error.starts_with("KEY: ") && error.contains(expected),
                "{error}"
            );
            assert!(!error.contains("AK"), "{error}");
        }
    }
}
