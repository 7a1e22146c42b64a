//! Percent-encoding, read strictly: what cannot be decoded is refused, never passed on half-read
//! (H17, H45).

use std::borrow::Cow;

/// What a part of a URL may stand for beside `%XX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// One path segment: `%XX` alone.
    Segment,
    /// A segment of a value that spans several: `%2F` stays as it is, or it would look like a
    /// border.
    SpanningSegment,
    /// A query key or value: `+` is a space.
    Query,
}

/// Text that is not percent-encoded UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be UTF-8 text with each `%` followed by two hexadecimal digits")]
pub(crate) struct PercentError;

/// Returns what `text` stands for.
pub(crate) fn decode(text: &str, part: Part) -> Result<Cow<'_, str>, PercentError> {
    let plain = |byte: &u8| *byte != b'%' && (part != Part::Query || *byte != b'+');
    if text.as_bytes().iter().all(plain) {
        return Ok(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>().ok_or(PercentError)?;
                let value = hexadecimal(digits[0])? << 4 | hexadecimal(digits[1])?;
                if part == Part::SpanningSegment && value == b'/' {
                    decoded.push(b'%');
                } else {
                    decoded.push(value);
                    rest = after;
                }
            }
            b'+' if part == Part::Query => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_| PercentError)
}

fn hexadecimal(digit: u8) -> Result<u8, PercentError> {
    let value = char::from(digit).to_digit(16).ok_or(PercentError)?;
    u8::try_from(value).map_err(|_| PercentError)
}
