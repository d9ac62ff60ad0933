//! `operation`: what to run over the objects.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use crate::document::Field;
use crate::source::Spanned;

/// A text that holds an expression may be anything: it is checked once it is expanded.
const MOMENT: &str =
    r"^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}([Zz]|[+-]\d{2}:?\d{2})|[\s\S]*\$\{[\s\S]*)$";
const WORKFLOW_ID: &str = r"^([A-Za-z0-9_-]{1,128}|[\s\S]*\$\{[\s\S]*)$";
pub(super) const EXAMPLE_ID: &str = "w7476ff3564ee45b7b490d64bccaba6cc";

/// What to run over the objects.
#[derive(Debug, Clone, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "operation")]
pub struct OperationSpec {
    /// The id of the workflow to run, or a list of several.
    #[schemars(extend("examples" = [EXAMPLE_ID, "${ vars.thumbnails }", ["w1", "w2"]]))]
    pub workflow_ids: Option<Field<WorkflowIdsSpec>>,
    /// The workflow to run, by a name that the target lists under `workflow_names`. Instead of
    /// `workflow_ids`.
    #[schemars(extend("minLength" = 1, "examples" = ["thumbnails"]))]
    pub workflow: Option<Field<String>>,
    /// Only objects that were uploaded in this interval. Not together with `windows`.
    #[schemars(extend(
        "examples" = [{ "start": "2022-02-01T12:00:00+0800", "end": "2022-05-01T12:00:00+0800" }]
    ))]
    pub time_interval: Option<Field<TimeIntervalSpec>>,
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
    pub start: Option<Field<String>>,
    /// Objects uploaded up to this moment: date, time and offset.
    #[schemars(
        title = "date and time with an offset",
        extend("pattern" = MOMENT, "examples" = ["2022-05-01T12:00:00+0800"])
    )]
    pub end: Option<Field<String>>,
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
