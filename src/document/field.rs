//! [`Field`], [`Spanned`] and [`Entries`]: how they are deserialized and described.
//!
//! serde has no notion of places, so the types ask for structs of names that only our own
//! deserializer knows.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::source::{Span, Spanned};

/// Asks the deserializer for the value, or else for the texts in it.
pub(super) const FIELD: &str = "$stocktake::Field";
/// Asks the deserializer for start, end and value.
pub(super) const SPANNED: &str = "$stocktake::Spanned";

/// A field that is present. The mistake in an invalid one has been reported: what depends on it is
/// skipped without a further message, where an absent field would be complained of.
#[derive(Debug, Clone)]
pub enum Field<T> {
    Valid(Spanned<T>),
    /// The texts in it that the schema accepts; their expressions can still be checked.
    Invalid(Vec<Spanned<String>>),
}

/// The value of a field that is present, or the texts in an invalid one.
pub type FieldRef<'a, T> = Result<&'a Spanned<T>, &'a [Spanned<String>]>;

impl<T> Field<T> {
    pub fn valid(&self) -> Option<&Spanned<T>> {
        self.get().ok()
    }

    pub fn get(&self) -> FieldRef<'_, T> {
        match self {
            Self::Valid(value) => Ok(value),
            Self::Invalid(texts) => Err(texts),
        }
    }
}

/// A mapping in the order in which it is written, keys with their places.
#[derive(Clone)]
pub struct Entries<T>(pub Vec<(Spanned<String>, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: fmt::Debug> fmt::Debug for Entries<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.0.iter().map(|(key, value)| (&key.value, value));
        formatter.debug_map().entries(pairs).finish()
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

            /// The tree fits its schema: what does not deserialize is an error.
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                field: D,
            ) -> Result<Self::Value, D::Error> {
                Spanned::deserialize(field).map(Field::Valid)
            }

            /// The tree violates its schema: first the value, then the texts in it.
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                if let Ok(Some(value)) = parts.next_element() {
                    return Ok(Field::Valid(value));
                }
                let texts = parts.next_element()?;
                Ok(Field::Invalid(texts.unwrap_or_default()))
            }
        }

        deserializer.deserialize_newtype_struct(FIELD, FieldVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpannedVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for SpannedVisitor<T> {
            type Value = Spanned<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a value with its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let missing = || A::Error::custom("a value came without its place");
                let start = parts.next_element()?.ok_or_else(missing)?;
                let end = parts.next_element()?.ok_or_else(missing)?;
                let value = parts.next_element()?.ok_or_else(missing)?;
                Ok(Spanned {
                    value,
                    span: Span { start, end },
                })
            }
        }

        deserializer.deserialize_tuple_struct(SPANNED, 3, SpannedVisitor(PhantomData))
    }
}

/// A place changes nothing about the schema of a value.
macro_rules! delegate_json_schema {
    ($($wrapper:ident),*) => {$(
        impl<T: JsonSchema> JsonSchema for $wrapper<T> {
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
    )*};
}

delegate_json_schema!(Field, Spanned);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
            type Value = Entries<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(0).min(1 << 16));
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Entries<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Entries_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}
