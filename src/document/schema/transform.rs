//! Adapts the generated schema of a type to editors.

use schemars::Schema;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value;

/// Gives every field a title, and removes what does not help a writer of files: `null` (an absent
/// field is not written), the widths of integers, the line breaks of our source.
#[derive(Clone)]
pub(super) struct ForWriters;

impl Transform for ForWriters {
    fn transform(&mut self, schema: &mut Schema) {
        drop_null_type(schema);
        drop_null_choice(schema);
        drop_integer_width(schema);
        join_lines(schema);
        title_fields(schema);
        transform_subschemas(self, schema);
    }
}

fn drop_null_type(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_mut_slice() {
            let only = only.take();
            schema.insert("type".to_owned(), only);
        }
    }
}

fn drop_null_choice(schema: &mut Schema) {
    let Some(Value::Array(choices)) = schema.get_mut("anyOf") else {
        return;
    };
    choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
    if let [Value::Object(only)] = choices.as_mut_slice() {
        let only = std::mem::take(only);
        schema.remove("anyOf");
        for (keyword, value) in only {
            schema.insert(keyword, value);
        }
    }
}

fn drop_integer_width(schema: &mut Schema) {
    let width = schema.get("format").and_then(Value::as_str);
    if width.is_some_and(|width| width.trim_start_matches('u').starts_with("int")) {
        schema.remove("format");
    }
}

fn join_lines(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs = text
            .split("\n\n")
            .map(|paragraph| paragraph.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
}

/// Editors show the title above the description of a field.
fn title_fields(schema: &mut Schema) {
    let Some(Value::Object(fields)) = schema.get_mut("properties") else {
        return;
    };
    for (name, field) in fields {
        if let Value::Object(field) = field {
            let title = || Value::from(name.replace('_', " "));
            field.entry("title").or_insert_with(title);
        }
    }
}
