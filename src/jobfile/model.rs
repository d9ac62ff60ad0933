//! A job file as written. What a person can get wrong carries its place.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::document::Entries;
use crate::job::Overlap;
use crate::source::Spanned;

/// What a text that holds an expression may be: anything, since it is checked once it is expanded.
const MOMENT: &str =
    r"^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([Zz]|[+-]\d{2}:?\d{2})|[\s\S]*\$\{[\s\S]*)$";
/// A moment that stands for itself.
const FIXED_MOMENT: &str = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([Zz]|[+-]\d{2}:?\d{2})$";
const LENGTH: &str = r"^\s*(\d+\s*)?(minute|hour|day|week|month|year)s?\s*$";
const OFFSET: &str = r"^([Zz]|[+-]\d{2}:?\d{2})$";
const BUCKET: &str = r"^([a-z0-9][a-z0-9-]*-\d+|[\s\S]*\$\{[\s\S]*)$";
const REGION: &str = r"^([a-z0-9-]+|[\s\S]*\$\{[\s\S]*)$";
const WORKFLOW_ID: &str = r"^([A-Za-z0-9_-]{1,128}|[\s\S]*\$\{[\s\S]*)$";
const EXAMPLE_ID: &str = "w7476ff3564ee45b7b490d64bccaba6cc";
/// The most characters of a key.
pub(super) const KEY_LIMIT: usize = 128;
/// A key becomes part of `key[name=value,…]`.
const KEY: &str = r"^[^\s\u0000-\u001f\u007f-\u009f\[\],=$]{1,128}$";
/// The name of a list is a name in expressions, too.
const LIST_NAME: &str = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$";

/// Batch jobs for Tencent Cloud CI: each job runs a workflow over the objects of a bucket, once.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "job file")]
pub struct JobFile {
    /// Version of this format. `1` is the only one, and what a file without it has.
    #[schemars(extend("const" = 1, "default" = 1))]
    pub version: Option<Spanned<u32>>,
    /// Fields for every job of this file, merged under each job field by field: what a job says
    /// itself goes first. An `input` is taken as a whole.
    pub defaults: Option<JobSpec>,
    /// The jobs, each under its key. A key names a job in this workspace, is unique across all
    /// files, and is never sent to the service; renaming a key never runs a job again.
    ///
    /// 1 to 128 characters without blanks and without `[`, `]`, `,`, `=` and `$`.
    #[schemars(extend("propertyNames" = {
        "title": "key of a job",
        "description": "a key has 1 to 128 characters: no blanks, none of `[` `]` `,` `=` `$`",
        "pattern": KEY,
    }))]
    pub jobs: Entries<JobSpec>,
}

/// One job: what to read, and which workflow to run over it.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "job")]
pub struct JobSpec {
    /// What the job is for, for people. Never sent to the service; changing it runs nothing.
    #[schemars(extend("examples" = ["Thumbnails for what was uploaded before the workflow existed"]))]
    pub description: Option<Spanned<String>>,
    /// The name that the service shows for the job. Without it, the key is the name, with the
    /// values of matrix and windows joined by `_`.
    ///
    /// At most 128 Chinese characters, letters, digits, `-` and `_`. Changing it runs nothing.
    #[schemars(extend("examples" = ["spring_uploads", "archive_${ matrix.folder }"]))]
    pub name: Option<Spanned<String>>,
    /// The kind of batch job. Only `Workflow` exists here, and it need not be written.
    #[schemars(extend("default" = "Workflow"))]
    pub r#type: Option<Spanned<JobTypeSpec>>,
    /// Which objects to read: exactly one of `prefix`, `object`, `manifest`, `url_file`.
    pub input: Option<Spanned<InputSpec>>,
    /// What to run over the objects.
    pub operation: Option<OperationSpec>,
    /// Lists of values: one job for every combination of them. An expression reads a value as
    /// `${ matrix.name }`. Under `exclude` stand combinations to leave out.
    pub matrix: Option<Spanned<MatrixSpec>>,
    /// Cuts time into whole periods: one job for each that has passed, with its own
    /// `time_interval`. A new period becomes a new job by itself at the next plan.
    pub windows: Option<Spanned<WindowsSpec>>,
    /// Any text. Changing it asks for the same work once more, in a commit that can be reviewed.
    #[schemars(extend("examples" = ["2022-06: after the workflow was fixed"]))]
    pub rerun: Option<Spanned<String>>,
    /// What happens when the service ended the job as Failed or Cancel: `leave` shows it,
    /// `resubmit` submits it again, up to `max_attempts` times in all.
    #[schemars(extend("default" = "leave"))]
    pub on_failure: Option<Spanned<OnFailureSpec>>,
    /// How often the same work is submitted at most, with `on_failure: resubmit`.
    #[schemars(extend("minimum" = 2, "maximum" = 100, "examples" = [3]))]
    pub max_attempts: Option<Spanned<u32>>,
    /// Whether the job may process objects that another job of the same workflow covers. `deny`
    /// blocks such a plan, because the same objects would be paid for twice.
    #[schemars(extend("default" = "deny"))]
    pub overlap: Option<Spanned<Overlap>>,
    /// The bucket to run in, instead of the target's: `<name>-<APPID>`.
    #[schemars(
        title = "bucket name with its APPID",
        extend("pattern" = BUCKET, "examples" = ["examplebucket-1250000000"])
    )]
    pub bucket: Option<Spanned<String>>,
    /// The region of the bucket, instead of the target's.
    #[schemars(title = "region", extend("pattern" = REGION, "examples" = ["ap-beijing"]))]
    pub region: Option<Spanned<String>>,
}

/// The kinds of batch job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
pub enum JobTypeSpec {
    /// Run a workflow over every object.
    Workflow,
}

/// Which objects to read: exactly one of the fields.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "input", extend("minProperties" = 1, "maxProperties" = 1))]
pub struct InputSpec {
    /// Every object whose key begins with this.
    #[schemars(extend("minLength" = 1, "examples" = ["input/", "archive/${ matrix.folder }/"]))]
    pub prefix: Option<Spanned<String>>,
    /// One object, by its key.
    #[schemars(extend("minLength" = 1, "examples" = ["videos/intro.mp4"]))]
    pub object: Option<Spanned<String>>,
    /// The objects of a COS inventory: the key of its `manifest.json`. What the list holds is not
    /// part of the job: a new list under an old key needs `rerun`.
    #[schemars(extend(
        "minLength" = 1,
        "examples" = ["inventory/1250000000/examplebucket/daily/20220601/manifest.json"]
    ))]
    pub manifest: Option<Spanned<String>>,
    /// The objects named in a text file in the bucket, one address a line. What the list holds is
    /// not part of the job: a new list under an old key needs `rerun`.
    #[schemars(extend("minLength" = 1, "examples" = ["lists/urls.txt"]))]
    pub url_file: Option<Spanned<String>>,
}

/// What to run over the objects.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "operation")]
pub struct OperationSpec {
    /// The id of the workflow to run, or a list of several.
    #[schemars(extend("examples" = [EXAMPLE_ID, "${ vars.thumbnails }", ["w1", "w2"]]))]
    pub workflow_ids: Option<Spanned<WorkflowIdsSpec>>,
    /// Only objects that were uploaded in this interval. Not together with `windows`.
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

/// An interval of upload times; an end that is not given is open.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "time interval")]
pub struct TimeIntervalSpec {
    /// Objects uploaded at this moment or later: date, time and offset.
    #[schemars(
        title = "date and time with an offset",
        extend("pattern" = MOMENT, "examples" = ["2022-02-01T12:00:00+0800"])
    )]
    pub start: Option<Spanned<String>>,
    /// Objects uploaded up to this moment: date, time and offset.
    #[schemars(
        title = "date and time with an offset",
        extend("pattern" = MOMENT, "examples" = ["2022-05-01T12:00:00+0800"])
    )]
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

/// Whole periods of time, one job for each that has passed.
#[derive(Debug, Clone, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "windows")]
pub struct WindowsSpec {
    /// How long a period is: a number and minutes, hours, days, weeks, months or years.
    #[schemars(
        title = "length of time",
        extend("pattern" = LENGTH, "examples" = ["1 month", "2 weeks", "15 minutes"])
    )]
    pub every: Spanned<String>,
    /// Where the first period starts: date, time and offset.
    #[schemars(
        title = "date and time with an offset",
        extend("pattern" = FIXED_MOMENT, "examples" = ["2022-01-01T00:00:00+0800"])
    )]
    pub from: Spanned<String>,
    /// No period ends later than this: date, time and offset. Without it, that is now.
    #[schemars(
        title = "date and time with an offset",
        extend("pattern" = FIXED_MOMENT, "examples" = ["2022-07-01T00:00:00+0800"])
    )]
    pub until: Option<Spanned<String>>,
    /// The offset from UTC whose calendar counts: where days begin and months end.
    #[schemars(
        title = "offset from UTC",
        extend("pattern" = OFFSET, "default" = "+08:00", "examples" = ["+08:00", "Z"])
    )]
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
            "title": "workflow id",
            "examples": [EXAMPLE_ID],
            "type": ["string", "array"],
            "pattern": WORKFLOW_ID,
            "items": {
                "title": "workflow id",
                "examples": [EXAMPLE_ID],
                "type": "string",
                "pattern": WORKFLOW_ID,
            },
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
            "title": "matrix",
            "description": "Lists of values, each under its name: one job for every combination.",
            "type": "object",
            "propertyNames": {
                "title": "name of a list",
                "description": "a name has letters, digits and `_`, and begins with no digit",
                "pattern": LIST_NAME,
            },
            "properties": {
                EXCLUDE: {
                    "description": "Combinations to leave out: each names some lists and a value of each.",
                    "type": "array",
                    "items": { "type": "object", "additionalProperties": value },
                },
            },
            "additionalProperties": { "type": "array", "items": value, "minItems": 1 },
            "examples": [{ "folder": ["cn", "sg"], "size": [1, 2], "exclude": [{ "folder": "sg", "size": 2 }] }],
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
