//! Types out of the tree, by serde.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as SerdeError,
    IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::field::{FIELD, SPANNED};
use super::invalid::{FieldParts, MissingField};
use super::tree::{Children, Document, NodeId, Value};
use crate::source::Span;

/// Why a node is not what a type needs.
#[derive(Debug)]
pub(super) struct TypeError {
    pub(super) message: String,
    /// The innermost node that it is about.
    pub(super) span: Option<Span>,
}

impl fmt::Display for TypeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for TypeError {}

impl SerdeError for TypeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            span: None,
        }
    }
}

impl Document {
    pub(super) fn deserialize<T: DeserializeOwned>(&self) -> Result<T, TypeError> {
        T::deserialize(NodeDeserializer {
            document: self,
            id: self.root(),
            key: None,
        })
    }
}

#[derive(Clone, Copy)]
pub(super) struct NodeDeserializer<'tree> {
    pub(super) document: &'tree Document,
    pub(super) id: NodeId,
    pub(super) key: Option<NodeId>,
}

impl NodeDeserializer<'_> {
    fn underline(&self) -> Span {
        self.document.underline(self.key, self.id)
    }

    fn is_invalid(&self) -> bool {
        let errors = self.document.schema_errors.as_ref();
        errors.is_some_and(|errors| errors.is_invalid(self.id))
    }

    fn check(&self) -> Result<(), TypeError> {
        if self.is_invalid() {
            return Err(TypeError::custom("already reported"));
        }
        Ok(())
    }

    fn place<T>(&self, result: Result<T, TypeError>) -> Result<T, TypeError> {
        result.map_err(|error| TypeError {
            span: error.span.or_else(|| Some(self.underline())),
            ..error
        })
    }
}

impl<'de> Deserializer<'de> for NodeDeserializer<'_> {
    type Error = TypeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.check()?;
        self.place(match self.document.node(self.id).value {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(value) => visitor.visit_bool(value),
            Value::Integer(value) => visitor.visit_i64(value),
            Value::Float(value) => visitor.visit_f64(value),
            Value::Text(text) => visitor.visit_str(self.document.text(text)),
            Value::Sequence(children) => visitor.visit_seq(Elements {
                document: self.document,
                ids: self.document.elements(children).iter(),
            }),
            Value::Mapping(children) => {
                visitor.visit_map(Entries::new(self.document, self.id, children, fields))
            }
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.document.node(self.id).value {
            Value::Null if !self.is_invalid() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        if name == FIELD && self.document.schema_errors.is_some() {
            return visitor.visit_seq(FieldParts::of(self));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        if name == SPANNED {
            self.check()?;
            let parts = SpannedParts {
                node: self,
                next: 0,
            };
            self.place(visitor.visit_seq(parts))
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.check()?;
        self.place(visitor.visit_enum(self))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple map identifier ignored_any
    }
}

/// A variant is a word, or a mapping of one entry.
impl<'de, 'tree> EnumAccess<'de> for NodeDeserializer<'tree> {
    type Error = TypeError;
    type Variant = Variant<'tree>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Variant<'tree>), TypeError> {
        let (name, content) = match self.document.node(self.id).value {
            Value::Mapping(children) => match self.document.elements(children) {
                [name, content] => (*name, Some((*name, *content))),
                _ => return Err(TypeError::custom("expected a mapping with one entry")),
            },
            _ => (self.id, None),
        };
        let name = self.document.text_of(name);
        let name = name.ok_or_else(|| TypeError::custom("expected a word"))?;
        let variant = Variant(content.map(|(key, id)| NodeDeserializer {
            document: self.document,
            id,
            key: Some(key),
        }));
        Ok((seed.deserialize(name.into_deserializer())?, variant))
    }
}

pub(super) struct Variant<'tree>(Option<NodeDeserializer<'tree>>);

impl<'tree> Variant<'tree> {
    fn content(self) -> Result<NodeDeserializer<'tree>, TypeError> {
        self.0
            .ok_or_else(|| TypeError::custom("expected a value under this word"))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = TypeError;

    fn unit_variant(self) -> Result<(), TypeError> {
        match self.0 {
            None => Ok(()),
            Some(_) => Err(TypeError::custom("expected this word alone")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, TypeError> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, TypeError> {
        self.content()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.content()?.deserialize_any(visitor)
    }
}

struct SpannedParts<'tree> {
    node: NodeDeserializer<'tree>,
    next: u8,
}

impl<'de> SeqAccess<'de> for SpannedParts<'_> {
    type Error = TypeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, TypeError> {
        let span = self.node.underline();
        self.next += 1;
        match self.next {
            1 => seed.deserialize(span.start.into_deserializer()).map(Some),
            2 => seed.deserialize(span.end.into_deserializer()).map(Some),
            3 => seed.deserialize(self.node).map(Some),
            _ => Ok(None),
        }
    }
}

pub(super) struct Elements<'tree> {
    pub(super) document: &'tree Document,
    pub(super) ids: std::slice::Iter<'tree, NodeId>,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = TypeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, TypeError> {
        let Some(id) = self.ids.next() else {
            return Ok(None);
        };
        let node = NodeDeserializer {
            document: self.document,
            id: *id,
            key: None,
        };
        seed.deserialize(node).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.ids.len())
    }
}

struct Entries<'tree> {
    document: &'tree Document,
    pairs: std::slice::ChunksExact<'tree, NodeId>,
    /// Missing fields, each with the value that was probably meant for it.
    missing: std::vec::IntoIter<(&'tree str, Option<NodeId>)>,
    current: Option<Current>,
}

#[derive(Clone, Copy)]
enum Current {
    Pair(NodeId, NodeId),
    Missing(Option<NodeId>),
}

impl<'tree> Entries<'tree> {
    fn new(
        document: &'tree Document,
        mapping: NodeId,
        children: Children,
        fields: &'static [&'static str],
    ) -> Self {
        let missing = document.schema_errors.as_ref().map(|errors| {
            let has = |field: &str| {
                let mut entries = document.entries(children);
                entries.any(|(key, _)| document.text_of(key) == Some(field))
            };
            let absent = fields.iter().copied().filter(|field| !has(field));
            errors.missing(mapping, absent)
        });
        Self {
            document,
            pairs: document.elements(children).chunks_exact(2),
            missing: missing.unwrap_or_default().into_iter(),
            current: None,
        }
    }

    fn next_pair(&mut self) -> Option<&'tree [NodeId]> {
        let errors = self.document.schema_errors.as_ref();
        self.pairs
            .find(|pair| errors.is_none_or(|errors| !errors.is_unknown(pair[0])))
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = TypeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, TypeError> {
        if let Some(pair) = self.next_pair() {
            self.current = Some(Current::Pair(pair[0], pair[1]));
            let key = NodeDeserializer {
                document: self.document,
                id: pair[0],
                key: None,
            };
            return key.place(seed.deserialize(key)).map(Some);
        }
        let Some((field, value)) = self.missing.next() else {
            return Ok(None);
        };
        self.current = Some(Current::Missing(value));
        seed.deserialize(field.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, TypeError> {
        match self.current {
            None => Err(TypeError::custom("a value without a key")),
            Some(Current::Pair(key, id)) => seed.deserialize(NodeDeserializer {
                document: self.document,
                id,
                key: Some(key),
            }),
            Some(Current::Missing(value)) => seed.deserialize(MissingField {
                document: self.document,
                value,
            }),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.pairs.len())
    }
}
