//! Messages to JSON.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost_reflect::{DynamicMessage, MapKey, Value};
use prost_types::{Duration, Timestamp};
use serde::Serialize;

use super::{scaled, time};
use crate::rest::schema::{Field, Form, Schema, ShapeId, ValueKind};

/// A message that JSON cannot say: a service sent what its contract excludes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} cannot be written as JSON: {cause}")]
pub(crate) struct Unwritable {
    field: String,
    cause: &'static str,
}

/// Appends `message`, which is of the shape `id`.
pub(crate) fn message(
    schema: &Schema,
    id: ShapeId,
    message: &DynamicMessage,
    out: &mut Vec<u8>,
) -> Result<(), Unwritable> {
    let shape = schema.shape(id);
    if shape.form != Form::Object {
        let text = special(shape.form, message).ok_or_else(|| Unwritable {
            field: shape.descriptor.full_name().to_owned(),
            cause: "it is out of range",
        })?;
        plain(&text, out);
        return Ok(());
    }
    let mut separator = b'{';
    for field in &shape.fields {
        if field.presence && !message.has_field(&field.descriptor) {
            continue;
        }
        out.push(separator);
        separator = b',';
        plain(&field.json_name, out);
        out.push(b':');
        Writer {
            schema,
            field,
            scale: scale(field, message)?,
        }
        .value(&message.get_field(&field.descriptor), out)?;
    }
    if separator == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
    Ok(())
}

/// Returns the number of decimals of a scaled field.
fn scale(field: &Field, message: &DynamicMessage) -> Result<Option<u32>, Unwritable> {
    let Some(sibling) = &field.scale else {
        return Ok(None);
    };
    let scale = message.get_field(sibling).as_u32().unwrap_or_default();
    if scale > scaled::SCALE_MAX {
        let field = field.descriptor.full_name().to_owned();
        return Err(Unwritable {
            field,
            cause: "its scale is out of range",
        });
    }
    Ok(Some(scale))
}

fn special(form: Form, message: &DynamicMessage) -> Option<String> {
    let seconds = message.get_field_by_number(1)?.as_i64()?;
    let nanos = message.get_field_by_number(2)?.as_i32()?;
    match form {
        Form::Duration => time::write_duration(&Duration { seconds, nanos }),
        _ => time::write_timestamp(&Timestamp { seconds, nanos }),
    }
}

/// Writes the values of one field.
struct Writer<'a> {
    schema: &'a Schema,
    field: &'a Field,
    scale: Option<u32>,
}

impl Writer<'_> {
    fn value(&self, value: &Value, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        match value {
            Value::List(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    self.single(item, out)?;
                }
                out.push(b']');
                Ok(())
            }
            Value::Map(entries) => {
                // Ordered by key: the same message is the same text.
                let mut entries: Vec<(String, &Value)> = entries
                    .iter()
                    .map(|(key, value)| (key_text(key), value))
                    .collect();
                entries.sort_by(|left, right| left.0.cmp(&right.0));
                out.push(b'{');
                for (index, (key, value)) in entries.into_iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    plain(&key, out);
                    out.push(b':');
                    self.single(value, out)?;
                }
                out.push(b'}');
                Ok(())
            }
            single => self.single(single, out),
        }
    }

    fn single(&self, value: &Value, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        match (value, &self.field.kind) {
            (Value::Message(nested), ValueKind::Message(id)) => {
                return message(self.schema, *id, nested, out);
            }
            (Value::EnumNumber(number), ValueKind::Enum(words)) => match words.name(*number) {
                Some(name) => plain(&name, out),
                // A newer service may know more words; proto3 JSON writes their numbers.
                None => plain(number, out),
            },
            (Value::I64(scaled), _) if self.scale.is_some() => {
                let mut text = String::new();
                scaled::write(&mut text, *scaled, self.scale.unwrap_or_default());
                plain(&text, out);
            }
            (Value::Bool(value), _) => plain(value, out),
            (Value::I32(value), _) => plain(value, out),
            (Value::U32(value), _) => plain(value, out),
            (Value::I64(value), _) => plain(&value.to_string(), out),
            (Value::U64(value), _) => plain(&value.to_string(), out),
            (Value::F32(value), _) if value.is_finite() => plain(value, out),
            (Value::F64(value), _) if value.is_finite() => plain(value, out),
            (Value::String(value), _) => plain(value, out),
            (Value::Bytes(value), _) => plain(&BASE64_STANDARD.encode(value), out),
            _ => {
                let field = self.field.descriptor.full_name().to_owned();
                return Err(Unwritable {
                    field,
                    cause: "JSON has no such value",
                });
            }
        }
        Ok(())
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

/// Appends a value that JSON has a word for.
fn plain<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Neither a buffer nor text, a number or a boolean can fail to be written.
    let _ = serde_json::to_writer(out, value);
}
