//! Words out of schemas, and lists of words.

use jsonschema::JsonType;
use serde_json::Value as JsonValue;

use crate::document::Value;

pub(super) fn properties(schema: &JsonValue) -> impl Iterator<Item = (&str, &JsonValue)> {
    let properties = schema["properties"].as_object();
    properties
        .into_iter()
        .flatten()
        .map(|(name, field)| (name.as_str(), field))
}

pub(super) fn title(schema: &JsonValue) -> Option<String> {
    schema["title"].as_str().map(str::to_owned)
}

pub(super) fn example(schema: &JsonValue) -> Option<&str> {
    schema["examples"].get(0).and_then(JsonValue::as_str)
}

pub(super) fn article(noun: &str) -> &'static str {
    let vowel = noun.starts_with(['a', 'e', 'i', 'o', 'u']);
    if vowel { "an" } else { "a" }
}

pub(super) fn description(schema: &JsonValue) -> String {
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The words among which a schema lets choose.
pub(super) fn choices(schema: &JsonValue) -> impl Iterator<Item = &JsonValue> {
    let branches = ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|keyword| schema[keyword].as_array());
    branches.flatten().flat_map(|branch| {
        let listed = branch["enum"].as_array().into_iter().flatten();
        branch.get("const").into_iter().chain(listed)
    })
}

pub(super) fn word(value: &JsonValue) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

pub(super) fn words(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "nothing",
        JsonType::Number => "a number",
        JsonType::Object => "a mapping of fields",
        JsonType::String => "text",
    }
}

pub(super) fn kind_of(value: Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Boolean(_) => "true or false",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Text(_) => "text",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a mapping",
    }
}

pub(super) fn list(names: Vec<&str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

pub(super) fn or(options: &[&str]) -> String {
    let quoted: Vec<String> = options.iter().map(|option| format!("`{option}`")).collect();
    any_of(&quoted.iter().map(String::as_str).collect::<Vec<_>>())
}

pub(super) fn any_of(options: &[&str]) -> String {
    match options {
        [] => "something else".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
