//! JSON to messages. Strict where proto3 JSON is loose: an unknown field is refused by name with
//! the nearest known, nothing stands twice, no value is rounded or converted to another kind (H13,
//! H33).

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use chimera_runtime::fault::FieldError;
use prost_reflect::{DynamicMessage, MapKey, Value};
use prost_types::{Duration, Timestamp};

use super::{Json, scaled, time};
use crate::refusal::Refusal;
use crate::rest::schema::{Field, Form, Repetition, Schema, Shape, ShapeId, ValueKind};

/// The two alphabets of proto3 JSON, padded or not.
const BASE64: [GeneralPurpose; 2] = {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [
        GeneralPurpose::new(&base64::alphabet::STANDARD, config),
        GeneralPurpose::new(&base64::alphabet::URL_SAFE, config),
    ]
};

/// Reads a message of the shape `id`. A `null` stands for a field that was not given.
pub(crate) fn message(schema: &Schema, id: ShapeId, json: Json) -> Result<DynamicMessage, Refusal> {
    let shape = schema.shape(id);
    match (shape.form, json) {
        (Form::Object, Json::Object(entries)) => object(schema, shape, entries),
        (Form::Object, other) => Err(invalid(format!(
            "must be an object, not {}",
            other.describe()
        ))),
        (Form::Timestamp | Form::Duration, Json::Text(text)) => special(shape, &text),
        (Form::Timestamp, _) => Err(invalid(time::TIMESTAMP_VALID)),
        (Form::Duration, _) => Err(invalid(time::DURATION_VALID)),
    }
}

/// Reads the text of a value from a path or a query.
pub(crate) fn text(schema: &Schema, kind: &ValueKind, text: &str) -> Result<Value, Refusal> {
    match kind {
        ValueKind::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(invalid("must be true or false")),
        },
        ValueKind::F32 | ValueKind::F64 => match text.parse::<serde_json::Number>() {
            Ok(number) => single(schema, kind, Json::Number(number)),
            Err(_) => Err(invalid("must be a number")),
        },
        ValueKind::Enum(words) => {
            let number = text
                .parse::<i64>()
                .ok()
                .and_then(|number| words.known(number));
            let number = number.or_else(|| words.number(text));
            number
                .map(Value::EnumNumber)
                .ok_or_else(|| invalid(words.valid()))
        }
        _ => single(schema, kind, Json::Text(text.to_owned())),
    }
}

fn object(
    schema: &Schema,
    shape: &Shape,
    entries: Vec<(String, Json)>,
) -> Result<DynamicMessage, Refusal> {
    let mut message = DynamicMessage::new(shape.descriptor.clone());
    // Scaled numbers wait until their scale has been read, wherever it stands.
    let mut waiting = Vec::new();
    let mut seen = Vec::with_capacity(entries.len());
    for (key, json) in entries {
        let field = shape.field(&key).ok_or_else(|| unknown(shape, &key))?;
        if seen.contains(&field.descriptor.number()) {
            return Err(Refusal::misplaced(
                key,
                "stands twice, under both of its names",
            ));
        }
        seen.push(field.descriptor.number());
        if json == Json::Null {
            continue;
        }
        if let Some(rival) = field.rivals.iter().find(|rival| message.has_field(rival)) {
            let cause = format!(
                "cannot stand beside `{}`: they exclude each other",
                rival.json_name()
            );
            return Err(Refusal::misplaced(key, cause));
        }
        if field.scale.is_some() {
            waiting.push((field, key, json));
            continue;
        }
        let value = value(schema, field, json).map_err(|refusal| refusal.within(&key))?;
        message.set_field(&field.descriptor, value);
    }
    for (field, key, json) in waiting {
        let value = scaled_value(&message, field, json).map_err(|refusal| refusal.within(&key))?;
        message.set_field(&field.descriptor, value);
    }
    Ok(message)
}

/// Returns the refusal of a key that `shape` does not have.
pub(crate) fn unknown(shape: &Shape, key: &str) -> Refusal {
    Refusal::UnknownField {
        field: key.to_owned(),
        cause: format!("{} has no such field", shape.descriptor.name()),
        nearest: shape.nearest(key).map(str::to_owned),
    }
}

fn value(schema: &Schema, field: &Field, json: Json) -> Result<Value, Refusal> {
    match (&field.repetition, json) {
        (Repetition::Single, json) => single(schema, &field.kind, json),
        (Repetition::List, Json::List(items)) => {
            let item = |(index, json): (usize, Json)| {
                single(schema, &field.kind, json)
                    .map_err(|refusal| refusal.within(&index.to_string()))
            };
            items
                .into_iter()
                .enumerate()
                .map(item)
                .collect::<Result<_, _>>()
                .map(Value::List)
        }
        (Repetition::List, _) => Err(invalid("must be a list")),
        (Repetition::Map(key), Json::Object(entries)) => {
            let entry = |(name, json): (String, Json)| {
                let value = single(schema, &field.kind, json);
                let key = text(schema, key, &name).map(Value::into_map_key);
                match (key, value) {
                    (Ok(Some(key)), Ok(value)) => Ok((key, value)),
                    (Ok(None), _) => Err(invalid("cannot be a key").within(&name)),
                    (Err(refusal), _) | (_, Err(refusal)) => Err(refusal.within(&name)),
                }
            };
            let entries: Result<std::collections::HashMap<MapKey, Value>, _> =
                entries.into_iter().map(entry).collect();
            entries.map(Value::Map)
        }
        (Repetition::Map(_), _) => Err(invalid("must be an object")),
    }
}

fn single(schema: &Schema, kind: &ValueKind, json: Json) -> Result<Value, Refusal> {
    match (kind, json) {
        (ValueKind::Message(id), json) => message(schema, *id, json).map(Value::Message),
        (ValueKind::Bool, Json::Bool(value)) => Ok(Value::Bool(value)),
        (ValueKind::Bool, _) => Err(invalid("must be true or false")),
        (ValueKind::Text, Json::Text(value)) => Ok(Value::String(value)),
        (ValueKind::Text, Json::Number(number)) => Err(invalid(format!(
            "must be text: write it in quotes, \"{number}\""
        ))),
        (ValueKind::Text, _) => Err(invalid("must be text")),
        (ValueKind::Bytes, Json::Text(text)) => {
            let decoded = BASE64
                .iter()
                .find_map(|alphabet| alphabet.decode(&text).ok());
            decoded
                .map(|bytes| Value::Bytes(bytes.into()))
                .ok_or_else(|| invalid("must be base64"))
        }
        (ValueKind::Bytes, _) => Err(invalid("must be base64")),
        (ValueKind::Enum(words), Json::Text(name)) => words
            .number(&name)
            .map(Value::EnumNumber)
            .ok_or_else(|| invalid(words.valid())),
        (ValueKind::Enum(words), Json::Number(number)) => {
            let known = number.as_i64().and_then(|number| words.known(number));
            known
                .map(Value::EnumNumber)
                .ok_or_else(|| invalid(words.valid()))
        }
        (ValueKind::Enum(words), _) => Err(invalid(words.valid())),
        (ValueKind::I32, json) => {
            integer(json, "between -2147483648 and 2147483647").map(Value::I32)
        }
        (ValueKind::I64, json) => {
            integer(json, "between -9223372036854775808 and 9223372036854775807").map(Value::I64)
        }
        (ValueKind::U32, json) => integer(json, "between 0 and 4294967295").map(Value::U32),
        (ValueKind::U64, json) => {
            integer(json, "between 0 and 18446744073709551615").map(Value::U64)
        }
        (ValueKind::F64, Json::Number(number)) => number
            .as_f64()
            .map(Value::F64)
            .ok_or_else(|| invalid("must be a number")),
        (ValueKind::F32, Json::Number(number)) => {
            let narrowed = number.as_f64().map(|number| number as f32);
            let finite = narrowed.filter(|number| number.is_finite());
            finite
                .map(Value::F32)
                .ok_or_else(|| invalid("must be a number of single precision"))
        }
        (ValueKind::F32 | ValueKind::F64, _) => Err(invalid("must be a number")),
    }
}

/// Reads an integer given as one or as its text; never from a fraction or an exponent.
fn integer<T: TryFrom<i128>>(json: Json, range: &str) -> Result<T, Refusal> {
    let read = match json {
        Json::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from)),
        Json::Text(text) => plain_integer(&text),
        _ => None,
    };
    let fitting = read.and_then(|number| T::try_from(number).ok());
    fitting.ok_or_else(|| invalid(format!("must be an integer {range}")))
}

/// Reads digits with a minus at most: `parse` alone would also take `+7` and `007`.
fn plain_integer(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits == "0" || (!digits.starts_with('0') && text != "-");
    let short = digits.len() <= 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    (plain && short).then(|| text.parse().ok()).flatten()
}

fn scaled_value(message: &DynamicMessage, field: &Field, json: Json) -> Result<Value, Refusal> {
    let scale = field
        .scale
        .as_ref()
        .and_then(|scale| message.get_field(scale).as_u32());
    let scale = scale.unwrap_or_default();
    if scale > scaled::SCALE_MAX {
        return Err(invalid(format!(
            "its scale must be at most {}",
            scaled::SCALE_MAX
        )));
    }
    let number = |json: Json| {
        let read = match &json {
            Json::Text(text) => scaled::read(text, scale),
            _ => None,
        };
        let valid = format!("must be decimal text of at most {scale} decimals, such as \"1.5\"");
        read.map(Value::I64).ok_or_else(|| invalid(valid))
    };
    match (&field.repetition, json) {
        (Repetition::List, Json::List(items)) => {
            let item = |(index, json): (usize, Json)| {
                number(json).map_err(|refusal| refusal.within(&index.to_string()))
            };
            items
                .into_iter()
                .enumerate()
                .map(item)
                .collect::<Result<_, _>>()
                .map(Value::List)
        }
        (Repetition::List, _) => Err(invalid("must be a list")),
        (_, json) => number(json),
    }
}

/// Reads the text of a `Timestamp` or `Duration`.
fn special(shape: &Shape, text: &str) -> Result<DynamicMessage, Refusal> {
    let (seconds, nanos) = match shape.form {
        Form::Duration => {
            let read = time::read_duration(text);
            let Duration { seconds, nanos } = read.ok_or_else(|| invalid(time::DURATION_VALID))?;
            (seconds, nanos)
        }
        _ => {
            let read = time::read_timestamp(text);
            let Timestamp { seconds, nanos } =
                read.ok_or_else(|| invalid(time::TIMESTAMP_VALID))?;
            (seconds, nanos)
        }
    };
    let mut message = DynamicMessage::new(shape.descriptor.clone());
    message.set_field_by_number(1, Value::I64(seconds));
    message.set_field_by_number(2, Value::I32(nanos));
    Ok(message)
}

/// Returns the refusal of the value at hand; its path is added on the way out.
fn invalid(expected: impl Into<String>) -> Refusal {
    Refusal::Field(FieldError::new("", expected))
}
