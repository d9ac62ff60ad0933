//! `matrix`: lists of values, one job for every combination.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::document::{Entries, Field};
use crate::source::Spanned;

/// The name of a list is a name in expressions, too.
const LIST_NAME: &str = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$";
/// Among the names of a matrix, the one that is not a list.
const EXCLUDE: &str = "exclude";

/// A combination to leave out: some lists, and a value of each.
pub type Exclusion = Entries<Spanned<MatrixValue>>;

/// The lists of a matrix. In a file, `exclude` is a key beside them.
#[derive(Debug, Clone, Default)]
pub struct MatrixSpec {
    /// Name and values of each list, in the order of the file.
    pub lists: Entries<Field<Vec<Spanned<MatrixValue>>>>,
    /// Combinations to leave out: each names some lists and a value of each.
    pub exclude: Option<Field<Vec<Spanned<Exclusion>>>>,
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
                        matrix.exclude = Some(map.next_value()?);
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
                    "examples": [[{ "folder": "sg", "size": 2 }]],
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
