//! Values whose fields are the API's own: any mapping, list, text, number or boolean.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::source::Spanned;

/// A value as written, each part with its place.
#[derive(Debug, Clone)]
pub enum FreeValue {
    /// A text, or a number or boolean as text.
    Text(String),
    /// Values of one field that may be there several times.
    List(Vec<Spanned<FreeValue>>),
    /// Fields with their values.
    Mapping(Vec<(Spanned<String>, Spanned<FreeValue>)>),
}

impl<'de> Deserialize<'de> for FreeValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = FreeValue;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(FreeValue::Text(value.to_string()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(FreeValue::Text(value.to_string()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(FreeValue::Text(value.to_string()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(FreeValue::Text(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(FreeValue::List(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(FreeValue::Mapping(fields))
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}

impl JsonSchema for FreeValue {
    fn schema_name() -> Cow<'static, str> {
        "ElementValue".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inner = generator.subschema_for::<Self>();
        json_schema!({
            "title": "value of an element of the API",
            "type": ["string", "boolean", "number", "array", "object"],
            "items": inner,
            "additionalProperties": inner,
        })
    }
}

/// A mapping whose fields are elements of the API: `template_id` stands for `TemplateId`, and a
/// field with a capital for itself.
#[derive(Debug, Clone, Default)]
pub struct ElementsSpec(pub Vec<(Spanned<String>, Spanned<FreeValue>)>);

impl<'de> Deserialize<'de> for ElementsSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = FreeValue::deserialize(deserializer)?;
        match value {
            FreeValue::Mapping(fields) => Ok(Self(fields)),
            _ => Err(serde::de::Error::custom("a mapping is expected here")),
        }
    }
}

impl JsonSchema for ElementsSpec {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Elements".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<FreeValue>();
        json_schema!({
            "type": "object",
            "additionalProperties": value,
        })
    }
}
