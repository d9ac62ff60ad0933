//! Deserializes the fields of a tree that violates its schema.

use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::de::{Elements, NodeDeserializer, TypeError};
use super::tree::{Document, NodeId};

/// What a `Field` asks for: first its value, an error where it is invalid, then the texts in it.
pub(super) struct FieldParts<'tree> {
    document: &'tree Document,
    part: Part<'tree>,
}

enum Part<'tree> {
    Value(NodeDeserializer<'tree>),
    /// The value of a missing field, probably written under another name.
    Missing(Option<NodeId>),
    Texts(Option<NodeId>),
}

impl<'tree> FieldParts<'tree> {
    pub(super) fn of(value: NodeDeserializer<'tree>) -> Self {
        Self {
            document: value.document,
            part: Part::Value(value),
        }
    }
}

impl<'de> SeqAccess<'de> for FieldParts<'_> {
    type Error = TypeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, TypeError> {
        match self.part {
            Part::Value(value) => {
                self.part = Part::Texts(Some(value.id));
                seed.deserialize(value).map(Some)
            }
            Part::Missing(value) => {
                self.part = Part::Texts(value);
                Err(TypeError::custom("already reported"))
            }
            Part::Texts(root) => {
                let errors = self.document.schema_errors.as_ref();
                let texts = errors.zip(root);
                let texts = texts.map(|(errors, root)| self.document.valid_texts(errors, root));
                let elements = Elements {
                    document: self.document,
                    ids: texts.as_deref().unwrap_or_default().iter(),
                };
                seed.deserialize(Texts(elements)).map(Some)
            }
        }
    }
}

struct Texts<'tree>(Elements<'tree>);

impl<'de> Deserializer<'de> for Texts<'_> {
    type Error = TypeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_seq(self.0)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum option identifier
        ignored_any
    }
}

/// A missing field, whose value was probably written under another name.
pub(super) struct MissingField<'tree> {
    pub(super) document: &'tree Document,
    pub(super) value: Option<NodeId>,
}

impl<'de> Deserializer<'de> for MissingField<'_> {
    type Error = TypeError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, TypeError> {
        Err(TypeError::custom("already reported"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        visitor.visit_seq(FieldParts {
            document: self.document,
            part: Part::Missing(self.value),
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
