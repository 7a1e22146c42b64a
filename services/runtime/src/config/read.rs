//! The tree as serde sees it: scalars are read as what the field wants, and errors know where they
//! are.

use std::fmt::Display;
use std::iter::Enumerate;
use std::str::FromStr;
use std::vec::IntoIter;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};

use super::yaml::{Key, Node, Value};
use super::{ConfigError, Place, Problem};

/// How unlike a known key may be and still be offered instead of a wrong one (0 is unlike, 1 the
/// same).
const LIKENESS_MIN: f64 = 0.7;

/// Reads one value.
pub(super) struct Reader(pub(super) Node);

/// What serde reports, before the place is known.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ReadError(ConfigError);

impl From<ReadError> for ConfigError {
    fn from(error: ReadError) -> Self {
        error.0
    }
}

impl ConfigError {
    /// Returns the same error seen from one level further out.
    pub(super) fn within(mut self, key: &str) -> Self {
        let path = &mut self.place.path;
        *path = match path.is_empty() || path.starts_with('[') {
            true => format!("{key}{path}"),
            false => format!("{key}.{path}"),
        };
        self
    }
}

impl ReadError {
    fn new(problem: Problem) -> Self {
        Self(ConfigError {
            place: Place::default(),
            problem,
        })
    }

    fn within(self, key: &str) -> Self {
        Self(self.0.within(key))
    }

    /// Places the error on `line`, unless it already is on one further in.
    fn on(mut self, line: usize) -> Self {
        if self.0.place.line == 0 {
            self.0.place.line = line;
        }
        self
    }
}

impl de::Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Problem::Invalid(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("must be {expected}, not {}", kind(&found)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("must be {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("must be one of {}", expected.join(", ")))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let like = |known: &str| strsim::jaro_winkler(field, known);
        let nearest = expected
            .iter()
            .copied()
            .max_by(|a, b| like(a).total_cmp(&like(b)));
        Self::new(Problem::UnknownKey {
            key: field.to_owned(),
            nearest: nearest.filter(|known| like(known) >= LIKENESS_MIN),
            known: expected,
        })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::MissingKey { key: field })
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Problem::DuplicateKey {
            key: field.to_owned(),
        })
    }
}

/// Returns what was found, without its content.
fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Map | Unexpected::StructVariant => "a mapping",
        Unexpected::Seq | Unexpected::TupleVariant => "a list",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Bool(_) => "a truth value",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        _ => "text",
    }
}

impl Reader {
    fn unexpected(&self) -> Unexpected<'static> {
        match &self.0.value {
            _ if self.0.is_null() => Unexpected::Unit,
            Value::Scalar { .. } => Unexpected::Other("text"),
            Value::Sequence(_) => Unexpected::Seq,
            Value::Mapping(_) => Unexpected::Map,
        }
    }

    fn refuse(&self, expected: &dyn Expected) -> ReadError {
        <ReadError as de::Error>::invalid_type(self.unexpected(), expected).on(self.0.line)
    }

    /// Returns the scalar read as `T`, if it is one.
    fn parsed<T: FromStr>(&self) -> Option<T> {
        match &self.0.value {
            Value::Scalar { text, .. } if !self.0.is_null() => text.parse().ok(),
            _ => None,
        }
    }
}

/// Implements the methods that read a scalar as one type, from the text as written.
macro_rules! scalars {
    ($($method:ident: $type:ty => $visit:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match self.parsed::<$type>() {
                Some(value) => {
                    visitor.$visit(value).map_err(|error: ReadError| error.on(self.0.line))
                }
                None => Err(self.refuse(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader {
    type Error = ReadError;

    scalars! {
        deserialize_bool: bool => visit_bool;
        deserialize_i8: i64 => visit_i64;
        deserialize_i16: i64 => visit_i64;
        deserialize_i32: i64 => visit_i64;
        deserialize_i64: i64 => visit_i64;
        deserialize_i128: i128 => visit_i128;
        deserialize_u8: u64 => visit_u64;
        deserialize_u16: u64 => visit_u64;
        deserialize_u32: u64 => visit_u64;
        deserialize_u64: u64 => visit_u64;
        deserialize_u128: u128 => visit_u128;
        deserialize_f32: f64 => visit_f64;
        deserialize_f64: f64 => visit_f64;
        deserialize_char: char => visit_char;
        deserialize_str: String => visit_string;
        deserialize_string: String => visit_string;
        deserialize_bytes: String => visit_string;
        deserialize_byte_buf: String => visit_string;
        deserialize_identifier: String => visit_string;
    }

    /// For fields that take anything: a plain scalar means what YAML's core schema says.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.0.value {
            _ if self.0.is_null() => self.deserialize_unit(visitor),
            Value::Sequence(_) => self.deserialize_seq(visitor),
            Value::Mapping(_) => self.deserialize_map(visitor),
            Value::Scalar { plain: false, .. } => self.deserialize_string(visitor),
            Value::Scalar { .. } if self.parsed::<bool>().is_some() => {
                self.deserialize_bool(visitor)
            }
            Value::Scalar { .. } if self.parsed::<u64>().is_some() => self.deserialize_u64(visitor),
            Value::Scalar { .. } if self.parsed::<i64>().is_some() => self.deserialize_i64(visitor),
            Value::Scalar { .. } => self.deserialize_string(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.0.is_null() {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.0.is_null() {
            visitor.visit_unit()
        } else {
            Err(self.refuse(&visitor))
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let line = self.0.line;
        match self.0.value {
            Value::Sequence(items) => {
                let items = Items {
                    items: items.into_iter().enumerate(),
                };
                visitor.visit_seq(items).map_err(|error| error.on(line))
            }
            _ => Err(self.refuse(&visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let line = self.0.line;
        let null = self.0.is_null();
        let entries = match self.0.value {
            Value::Mapping(entries) => entries,
            // A section without a line in it: everything has its default.
            _ if null => Vec::new(),
            _ => return Err(self.refuse(&visitor)),
        };
        let entries = Entries {
            entries: entries.into_iter(),
            value: None,
        };
        visitor.visit_map(entries).map_err(|error| error.on(line))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_map(visitor)
    }

    /// A variant is written as its name, or as a mapping of its name to what it holds.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let line = self.0.line;
        let named = match self.0.value {
            Value::Scalar { text, .. } => Variant {
                name: Key { line, text },
                value: None,
            },
            Value::Mapping(mut entries) if entries.len() == 1 => {
                let entry = entries.pop();
                let (name, value) = entry.expect("a mapping of one entry has a last entry");
                Variant {
                    name,
                    value: Some(value),
                }
            }
            _ => return Err(self.refuse(&visitor)),
        };
        visitor.visit_enum(named).map_err(|error| error.on(line))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }
}

struct Items {
    items: Enumerate<IntoIter<Node>>,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let Some((index, node)) = self.items.next() else {
            return Ok(None);
        };
        let read = seed.deserialize(Reader(node));
        read.map(Some)
            .map_err(|error| error.within(&format!("[{index}]")))
    }
}

struct Entries {
    entries: IntoIter<(Key, Node)>,
    value: Option<(String, Node)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let Some((key, node)) = self.entries.next() else {
            return Ok(None);
        };
        let text: StrDeserializer<'_, ReadError> = key.text.as_str().into_deserializer();
        let read = seed.deserialize(text).map_err(|error| error.on(key.line))?;
        self.value = Some((key.text, node));
        Ok(Some(read))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let (key, node) = self
            .value
            .take()
            .expect("serde asks for a value after its key");
        let line = node.line;
        seed.deserialize(Reader(node))
            .map_err(|error| error.on(line).within(&key))
    }
}

struct Variant {
    name: Key,
    value: Option<Node>,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = ReadError;
    type Variant = Content;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content), ReadError> {
        let name: StrDeserializer<'_, ReadError> = self.name.text.as_str().into_deserializer();
        let read = seed
            .deserialize(name)
            .map_err(|error| error.on(self.name.line))?;
        Ok((read, Content(self.value)))
    }
}

/// What a variant holds.
struct Content(Option<Node>);

impl Content {
    /// Returns the reader of what is held; nothing where a variant's name stands alone.
    fn reader(self) -> Reader {
        let nothing = Value::Scalar {
            text: String::new(),
            plain: true,
        };
        Reader(self.0.unwrap_or(Node {
            line: 0,
            value: nothing,
        }))
    }
}

impl<'de> VariantAccess<'de> for Content {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        serde::Deserialize::deserialize(self.reader())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        seed.deserialize(self.reader())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.reader().deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.reader().deserialize_map(visitor)
    }
}
