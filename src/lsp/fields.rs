//! The schemas of the files, asked by a path.

use serde_json::Value;

use super::cursor::ELEMENT;
use crate::jobfile;
use crate::workspace;

/// References within references end here: a schema may hold itself.
const DEPTH_LIMIT: usize = 16;

/// The schema of one kind of file.
#[derive(Debug)]
pub(super) struct Fields {
    schema: Value,
}

/// What a mapping may hold, or a value may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) is_required: bool,
}

impl Fields {
    pub(super) fn of_job_files() -> Self {
        Self {
            schema: jobfile::schema_json(),
        }
    }

    pub(super) fn of_workspace_file() -> Self {
        Self {
            schema: workspace::schema_json(),
        }
    }

    /// The fields that the mapping at `path` may have.
    pub(super) fn fields(&self, path: &[String]) -> Vec<Choice> {
        let mut fields: Vec<Choice> = Vec::new();
        for schema in self.at(path) {
            let required = schema.get("required").and_then(Value::as_array);
            let properties = schema.get("properties").and_then(Value::as_object);
            for (name, field) in properties.into_iter().flatten() {
                let is_known = fields.iter().any(|known| known.name == *name);
                if !is_known {
                    fields.push(Choice {
                        name: name.clone(),
                        description: self.description(field, 0),
                        is_required: required
                            .is_some_and(|all| all.contains(&name.as_str().into())),
                    });
                }
            }
        }
        fields
    }

    /// The words that the value at `path` may be.
    pub(super) fn words(&self, path: &[String]) -> Vec<Choice> {
        let mut words: Vec<Choice> = Vec::new();
        for schema in self.at(path) {
            let constant = schema.get("const").into_iter();
            let listed = schema.get("enum").and_then(Value::as_array);
            let is_switch = schema.get("type").is_some_and(|kind| kind == "boolean");
            let switch = ["true", "false"].into_iter().filter(|_| is_switch);
            let texts = constant
                .chain(listed.into_iter().flatten())
                .filter_map(Value::as_str)
                .chain(switch);
            for word in texts {
                words.push(Choice {
                    name: word.to_owned(),
                    description: self.description(schema, 0),
                    is_required: false,
                });
            }
        }
        words
    }

    /// What the field at `path` is for.
    pub(super) fn about(&self, path: &[String]) -> Option<String> {
        let (name, parents) = path.split_last()?;
        let schemas = self.at(parents);
        let mut fields = schemas
            .iter()
            .filter_map(|schema| schema.get("properties")?.get(name));
        let description = |field| self.description(field, 0);
        fields.find_map(description).or_else(|| {
            let entries = schemas.iter().filter_map(|schema| {
                let entry = schema.get("additionalProperties")?;
                self.description(entry, 0)
            });
            entries.into_iter().next()
        })
    }

    /// The schemas of the value at `path`: all that it may be.
    fn at(&self, path: &[String]) -> Vec<&Value> {
        let mut schemas = self.expanded(&self.schema, 0);
        for key in path {
            let steps = schemas.iter().filter_map(|schema| step(schema, key));
            schemas = steps.flat_map(|schema| self.expanded(schema, 0)).collect();
        }
        schemas
    }

    /// A schema without references and alternatives.
    fn expanded<'a>(&'a self, schema: &'a Value, depth: usize) -> Vec<&'a Value> {
        if depth > DEPTH_LIMIT {
            return Vec::new();
        }
        let mut all = vec![schema];
        if let Some(target) = self.target(schema) {
            all.extend(self.expanded(target, depth + 1));
        }
        for name in ["oneOf", "anyOf", "allOf"] {
            let parts = schema.get(name).and_then(Value::as_array);
            for part in parts.into_iter().flatten() {
                all.extend(self.expanded(part, depth + 1));
            }
        }
        all
    }

    fn target(&self, schema: &Value) -> Option<&Value> {
        let reference = schema.get("$ref")?.as_str()?;
        self.schema.pointer(reference.strip_prefix('#')?)
    }

    fn description(&self, schema: &Value, depth: usize) -> Option<String> {
        let own = schema.get("description").and_then(Value::as_str);
        own.map(str::to_owned).or_else(|| {
            let target = self.target(schema).filter(|_| depth < DEPTH_LIMIT)?;
            self.description(target, depth + 1)
        })
    }
}

fn step<'a>(schema: &'a Value, key: &str) -> Option<&'a Value> {
    if key == ELEMENT {
        return schema.get("items");
    }
    let field = schema.get("properties").and_then(|all| all.get(key));
    field.or_else(|| {
        schema
            .get("additionalProperties")
            .filter(|entry| entry.is_object())
    })
}

#[cfg(test)]
mod tests {
    use super::Fields;

    fn path(path: &str) -> Vec<String> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn fields_and_words_are_those_of_the_schema() {
        let fields = Fields::of_job_files();
        let names = |at: &str| {
            let fields = fields.fields(&path(at));
            fields
                .into_iter()
                .map(|field| field.name)
                .collect::<Vec<_>>()
        };
        assert!(names("").contains(&"jobs".to_owned()));
        assert!(names("jobs/any").contains(&"overlap".to_owned()));
        assert!(names("jobs/any/input").contains(&"url_file".to_owned()));
        assert!(names("jobs/any/nowhere/at/all").is_empty());
        let words = fields.words(&path("jobs/any/overlap"));
        assert!(words.iter().any(|word| word.name == "allow"));
        assert!(fields.about(&path("jobs/any/input/prefix")).is_some());
        let fields = Fields::of_workspace_file();
        assert!(!fields.fields(&path("targets/any")).is_empty());
    }
}
