//! A job file as written. What a person can get wrong carries its place.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::document::Entries;
use crate::job::Overlap;
use crate::source::Spanned;

/// One job file.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobFile {
    /// Version of the format.
    #[schemars(extend("const" = 1))]
    pub version: Option<Spanned<u32>>,
    /// Merged under every job of this file, field by field.
    pub defaults: Option<JobSpec>,
    /// The jobs, each under its key.
    #[schemars(extend("propertyNames" = {
        "pattern": r"^[^\s\p{Cc}\[\],=$]{1,128}$",
        "description": "1 to 128 characters: no blanks, none of `[` `]` `,` `=` `$`",
    }))]
    pub jobs: Entries<JobSpec>,
}

/// One job as written.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// What the job is for.
    pub description: Option<Spanned<String>>,
    /// Sent as Name.
    pub name: Option<Spanned<String>>,
    /// Sent as Type.
    pub r#type: Option<Spanned<JobTypeSpec>>,
    /// What to read.
    pub input: Option<Spanned<InputSpec>>,
    /// What to run.
    pub operation: Option<OperationSpec>,
    /// Lists of values; one job for every combination.
    pub matrix: Option<Spanned<MatrixSpec>>,
    /// Whole periods; one job for each.
    pub windows: Option<Spanned<WindowsSpec>>,
    /// Any text; a changed one runs the same work once more.
    pub rerun: Option<Spanned<String>>,
    /// What to do when the service ended the job as Failed or Cancel.
    pub on_failure: Option<Spanned<OnFailureSpec>>,
    /// How often the work is submitted in all, with `on_failure: resubmit`.
    #[schemars(extend("minimum" = 2, "maximum" = 100))]
    pub max_attempts: Option<Spanned<u32>>,
    /// Whether the job may process objects that another job of the same workflow covers.
    pub overlap: Option<Spanned<Overlap>>,
    /// Instead of the target's bucket.
    pub bucket: Option<Spanned<String>>,
    /// Instead of the target's region.
    pub region: Option<Spanned<String>>,
}

/// The kinds of batch job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
pub enum JobTypeSpec {
    /// Runs a workflow over every object.
    Workflow,
}

/// What to read; exactly one field is given.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct InputSpec {
    /// Every object whose key begins with this.
    pub prefix: Option<Spanned<String>>,
    /// One object.
    pub object: Option<Spanned<String>>,
    /// The manifest of a COS inventory.
    pub manifest: Option<Spanned<String>>,
    /// A text file with one object address a line.
    pub url_file: Option<Spanned<String>>,
}

/// What to run.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationSpec {
    /// One workflow id, or several.
    pub workflow_ids: Option<Spanned<WorkflowIdsSpec>>,
    /// Only objects uploaded in it.
    pub time_interval: Option<Spanned<TimeIntervalSpec>>,
}

/// One workflow id, or several, in the order of the file.
#[derive(Debug, Clone)]
pub enum WorkflowIdsSpec {
    /// Written as text; its place is that of the whole value.
    One(String),
    /// Written as a list.
    Several(Vec<Spanned<String>>),
}

/// Upload times; an absent end is open.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeIntervalSpec {
    /// Objects uploaded at this moment or later.
    pub start: Option<Spanned<String>>,
    /// Objects uploaded up to this moment.
    pub end: Option<Spanned<String>>,
}

/// Among the names of a matrix, the one that is not a list.
const EXCLUDE: &str = "exclude";

/// The lists of a matrix. As written, `exclude` stands among the lists.
#[derive(Debug, Clone, Default)]
pub struct MatrixSpec {
    /// Name and values of each list, in the order of the file.
    pub lists: Entries<Vec<Spanned<MatrixValue>>>,
    /// Combinations to leave out: each names some lists and a value of each.
    pub exclude: Vec<Spanned<Entries<Spanned<MatrixValue>>>>,
}

/// A value of a matrix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatrixValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
}

impl fmt::Display for MatrixValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(formatter, "{value}"),
            Self::Integer(value) => write!(formatter, "{value}"),
            Self::Text(value) => formatter.pad(value),
        }
    }
}

/// Whole periods between two moments.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowsSpec {
    /// How long a period is, such as `1 month`.
    pub every: Spanned<String>,
    /// Where the first period starts.
    pub from: Spanned<String>,
    /// Where the last period ends at the latest; absent means now.
    pub until: Option<Spanned<String>>,
    /// The offset from UTC in which days and months begin; `+08:00` when absent.
    pub offset: Option<Spanned<String>>,
}

/// What to do when the service ended a job as Failed or Cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailureSpec {
    /// Show it, do nothing.
    Leave,
    /// Submit the same work again, up to `max_attempts`.
    Resubmit,
}

impl<'de> Deserialize<'de> for WorkflowIdsSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdsVisitor;

        impl<'de> Visitor<'de> for IdsVisitor {
            type Value = WorkflowIdsSpec;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a workflow id or a list of them")
            }

            fn visit_str<E>(self, id: &str) -> Result<Self::Value, E> {
                Ok(WorkflowIdsSpec::One(id.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut ids = Vec::new();
                while let Some(id) = list.next_element()? {
                    ids.push(id);
                }
                Ok(WorkflowIdsSpec::Several(ids))
            }
        }

        deserializer.deserialize_any(IdsVisitor)
    }
}

impl JsonSchema for WorkflowIdsSpec {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "WorkflowIds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "array"],
            "items": { "type": "string" },
            "minItems": 1,
        })
    }
}

impl<'de> Deserialize<'de> for MatrixSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MatrixVisitor;

        impl<'de> Visitor<'de> for MatrixVisitor {
            type Value = MatrixSpec;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("lists of values by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut matrix = MatrixSpec::default();
                while let Some(name) = map.next_key::<Spanned<String>>()? {
                    if name.value == EXCLUDE {
                        matrix.exclude = map.next_value()?;
                    } else {
                        matrix.lists.0.push((name, map.next_value()?));
                    }
                }
                Ok(matrix)
            }
        }

        deserializer.deserialize_map(MatrixVisitor)
    }
}

impl JsonSchema for MatrixSpec {
    fn schema_name() -> Cow<'static, str> {
        "Matrix".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<MatrixValue>();
        json_schema!({
            "type": "object",
            "properties": {
                EXCLUDE: {
                    "type": "array",
                    "items": { "type": "object", "additionalProperties": value },
                },
            },
            "additionalProperties": { "type": "array", "items": value },
        })
    }
}

impl<'de> Deserialize<'de> for MatrixValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl Visitor<'_> for ValueVisitor {
            type Value = MatrixValue;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text, a whole number, true or false")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(MatrixValue::Boolean(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(MatrixValue::Integer(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(MatrixValue::Text(value.to_owned()))
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}

impl JsonSchema for MatrixValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MatrixValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer", "boolean"] })
    }
}
