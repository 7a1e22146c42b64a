//! `${VARIABLE}` in values, from the environment.

use super::yaml::{Node, Value};
use super::{ConfigError, Place, Problem};

/// Longest value after expansion, in bytes: room for a certificate chain, not for a file system.
const VALUE_BYTES_MAX: usize = 64 * 1_024;

/// Fills in the variables of every value below `node`. Keys are left alone.
pub(super) fn expand(
    node: &mut Node,
    environment: &impl Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    let line = node.line;
    match &mut node.value {
        Value::Scalar { text, plain } if text.contains("${") => {
            // A variable that holds nothing is an empty text, not an absent value.
            *plain = false;
            let filled = fill(text, environment);
            *text = filled.map_err(|problem| ConfigError {
                place: Place {
                    line,
                    ..Place::default()
                },
                problem,
            })?;
            Ok(())
        }
        Value::Scalar { .. } => Ok(()),
        Value::Sequence(items) => items
            .iter_mut()
            .try_for_each(|item| expand(item, environment)),
        Value::Mapping(entries) => entries.iter_mut().try_for_each(|(key, value)| {
            expand(value, environment).map_err(|error| error.within(&key.text))
        }),
    }
}

fn fill(text: &str, environment: &impl Fn(&str) -> Option<String>) -> Result<String, Problem> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = after;
            continue;
        }
        let (name, after) = after.split_once('}').ok_or(Problem::MalformedVariable)?;
        if !is_name(name) {
            return Err(Problem::MalformedVariable);
        }
        let value = environment(name);
        let value = value.ok_or_else(|| Problem::MissingVariable {
            name: name.to_owned(),
        })?;
        filled.push_str(before);
        filled.push_str(&value);
        rest = after;
    }
    filled.push_str(rest);
    if filled.len() > VALUE_BYTES_MAX {
        return Err(Problem::Invalid(format!(
            "is longer than {VALUE_BYTES_MAX} bytes"
        )));
    }
    Ok(filled)
}

fn is_name(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(valid)
}
