//! The API's words as fields of a job file, and back.

use std::borrow::Cow;

/// Names of elements that the rule does not make of their fields.
const IRREGULAR: &[(&str, &str)] = &[
    ("aigc_metadata", "AIGCMetadata"),
    ("ai_process_queue_id", "AIProcessQueueId"),
    ("doc_aigc_metadata", "DocAIGCMetadata"),
    ("image_ocr", "ImageOCR"),
    ("scf", "SCF"),
    ("sdr_to_hdr", "SDRtoHDR"),
];

/// Elements that hold several texts with a separator between them.
const JOINED: &[(&str, char)] = &[("Event", ','), ("CustomExts", '/')];

/// The element that a field stands for: `template_id` is `TemplateId`. A field with a capital is the
/// element itself.
pub fn element_name(field: &str) -> Cow<'_, str> {
    if let Some((_, element)) = IRREGULAR.iter().find(|(known, _)| *known == field) {
        return Cow::Borrowed(element);
    }
    if field.contains(|character: char| character.is_ascii_uppercase()) {
        return Cow::Borrowed(field);
    }
    let mut name = String::with_capacity(field.len());
    for word in field.split('_') {
        let mut characters = word.chars();
        name.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(characters.as_str());
    }
    Cow::Owned(name)
}

/// The field that stands for an element; the element itself where no field does.
pub fn field_name(element: &str) -> Cow<'_, str> {
    if let Some((field, _)) = IRREGULAR.iter().find(|(_, known)| *known == element) {
        return Cow::Borrowed(field);
    }
    let mut field = String::with_capacity(element.len() + 4);
    for character in element.chars() {
        if character.is_ascii_uppercase() && !field.is_empty() {
            field.push('_');
        }
        field.push(character.to_ascii_lowercase());
    }
    // `TTSConfig` would read `t_t_s_config`.
    let has_letter_alone = field.split('_').any(|word| word.len() < 2);
    if has_letter_alone || element_name(&field) != element {
        return Cow::Borrowed(element);
    }
    Cow::Owned(field)
}

/// The character between the texts of an element that holds several.
pub fn joined_by(element: &str) -> Option<char> {
    let found = JOINED.iter().find(|(known, _)| *known == element);
    found.map(|(_, separator)| *separator)
}

/// Whether an element holds several texts with a separator between them.
pub fn is_list(element: &str) -> bool {
    joined_by(element).is_some()
}

#[cfg(test)]
mod tests {
    use super::{element_name, field_name};

    #[test]
    fn fields_and_elements_are_the_same_words() {
        for (field, element) in [
            ("template_id", "TemplateId"),
            ("output", "Output"),
            ("scf", "SCF"),
            ("sdr_to_hdr", "SDRtoHDR"),
            ("hls_encrypt", "HlsEncrypt"),
            ("h265", "H265"),
            ("TTSConfig", "TTSConfig"),
            ("SpeechID", "SpeechID"),
        ] {
            assert_eq!(element_name(field), element);
            assert_eq!(field_name(element), field);
        }
    }
}
