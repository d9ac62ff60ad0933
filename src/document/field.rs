//! A field that is there, whatever is wrong with it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use crate::source::Spanned;

/// Asks the deserializer for the value, or else for the texts in it.
pub(super) const FIELD: &str = "$stocktake::Field";

/// A field that is there. What is wrong with a broken one has been reported: whoever meets it says
/// nothing more, and does without.
#[derive(Debug, Clone)]
pub enum Field<T> {
    /// It is as the format wants it.
    Sound(Spanned<T>),
    /// It is not. The texts in it that are texts where they should be can be checked all the same.
    Broken(Vec<Spanned<String>>),
}

impl<T> Field<T> {
    /// The value, unless it is broken.
    pub fn sound(&self) -> Option<&Spanned<T>> {
        match self {
            Self::Sound(value) => Some(value),
            Self::Broken(_) => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for FieldVisitor<T> {
            type Value = Field<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a field")
            }

            /// The tree is sound, and what does not fit is an error.
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                field: D,
            ) -> Result<Self::Value, D::Error> {
                Spanned::deserialize(field).map(Field::Sound)
            }

            /// The tree is not sound: first the value, then the texts in it.
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                if let Ok(Some(value)) = parts.next_element() {
                    return Ok(Field::Sound(value));
                }
                let texts = parts.next_element()?;
                Ok(Field::Broken(texts.unwrap_or_default()))
            }
        }

        deserializer.deserialize_newtype_struct(FIELD, FieldVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
