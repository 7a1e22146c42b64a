//! Values of a JSON tree as plain text, without the readers under test.

use chimera_model::{Decimal, UnixNanos};
use serde_json::Value;

/// Returns the tree of a payload.
pub(crate) fn tree(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Returns a string or number as its text.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        other => panic!("neither text nor number: {other}"),
    }
}

/// Returns a decimal's text without padding: digits are only moved, nothing is computed.
pub(crate) fn number(value: &Value) -> String {
    let text = text(value);
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(
        whole
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit()),
        "{text}"
    );
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    match (whole, fraction) {
        ("", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        ("", fraction) => format!("{sign}0.{fraction}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    }
}

/// Returns a decimal's text, or nothing for zero.
pub(crate) fn nonzero(value: &Value) -> Option<String> {
    Some(number(value)).filter(|text| text != "0")
}

/// Returns a decimal's text where the field is there.
pub(crate) fn optional(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| number(value))
}

/// Returns a decimal's text where the field is there and not zero.
pub(crate) fn optional_nonzero(value: &Value) -> Option<String> {
    optional(value).filter(|text| text != "0")
}

/// Returns milliseconds.
pub(crate) fn millis(value: &Value) -> u64 {
    text(value).parse().unwrap()
}

/// Returns milliseconds, or nothing for zero or an absent field.
pub(crate) fn optional_millis(value: &Value) -> Option<u64> {
    (!value.is_null())
        .then(|| millis(value))
        .filter(|millis| *millis != 0)
}

/// Shows what was read in the same form.
pub(crate) fn shown(value: Option<Decimal>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// Shows a time that was read in the same form.
pub(crate) fn time(value: Option<UnixNanos>) -> Option<u64> {
    value.map(UnixNanos::as_millis)
}

/// Returns every symbol that a payload names.
pub(crate) fn symbols(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if matches!(name.as_str(), "s" | "symbol") => {
                        if !found.contains(text) {
                            found.push(text.clone());
                        }
                    }
                    value => symbols(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| symbols(item, found)),
        _ => {}
    }
}
