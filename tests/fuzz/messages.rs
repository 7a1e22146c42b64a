//! Messages drawn from the contract itself: every field of every request, with values at the ends of
//! what it may hold and beyond what it means.

use prost_reflect::{Cardinality, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// Messages within messages; the contract has no deeper ones.
const DEPTH_MAX: usize = 4;
/// Elements of a list, at most.
const ELEMENTS_MAX: usize = 3;

/// Texts that mean something in one field or another, and such as mean nothing anywhere.
const TEXTS: [&str; 24] = [
    "",
    "main",
    "binance-usdm",
    "SOL-USDT-PERP",
    "SOL",
    "0.01",
    "620",
    "1",
    "-1",
    "0",
    "0.001",
    "99999999999999999999999999999",
    "1e5",
    " ",
    "nobody",
    "\u{0}",
    "ünïcode",
    "../../etc/passwd",
    "' OR 1=1 --",
    "https",
    "AAAA",
    "order.place",
    "backpack",
    "1m",
];
const WHOLE: [i64; 10] = [
    0,
    1,
    -1,
    2,
    100,
    1_000,
    1 << 31,
    i64::MAX,
    i64::MIN,
    999_999_999,
];

/// Draws a message.
pub fn draw(shape: &MessageDescriptor, chance: &mut ChaCha8Rng) -> DynamicMessage {
    draw_within(shape, DEPTH_MAX, chance)
}

fn draw_within(shape: &MessageDescriptor, depth: usize, chance: &mut ChaCha8Rng) -> DynamicMessage {
    let mut message = DynamicMessage::new(shape.clone());
    for field in shape.fields() {
        if !chance.random_bool(0.6) {
            continue;
        }
        let value = if field.is_map() {
            continue;
        } else if field.cardinality() == Cardinality::Repeated {
            let count = chance.random_range(0..=ELEMENTS_MAX);
            let elements = (0..count).filter_map(|_| draw_value(&field, depth, chance));
            Some(Value::List(elements.collect()))
        } else {
            draw_value(&field, depth, chance)
        };
        if let Some(value) = value {
            message.set_field(&field, value);
        }
    }
    message
}

fn draw_value(field: &FieldDescriptor, depth: usize, chance: &mut ChaCha8Rng) -> Option<Value> {
    let text = TEXTS[chance.random_range(0..TEXTS.len())];
    let whole = WHOLE[chance.random_range(0..WHOLE.len())];
    Some(match field.kind() {
        Kind::Message(_) if depth == 0 => return None,
        Kind::Message(shape) => Value::Message(draw_within(&shape, depth - 1, chance)),
        Kind::String => Value::String(text.to_owned()),
        Kind::Bytes => Value::Bytes(text.as_bytes().to_vec().into()),
        Kind::Bool => Value::Bool(chance.random()),
        // Mostly a name that the contract gives, at times a number without one.
        Kind::Enum(names) => {
            let known = i32::try_from(names.values().len()).unwrap();
            Value::EnumNumber(chance.random_range(0..=known))
        }
        Kind::Double => {
            Value::F64([0.0, -1.0, f64::NAN, f64::INFINITY][whole.rem_euclid(4) as usize])
        }
        Kind::Float => {
            Value::F32([0.0, -1.0, f32::NAN, f32::INFINITY][whole.rem_euclid(4) as usize])
        }
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(whole as i32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(whole),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(whole as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(whole as u64),
    })
}
