//! Statuses that the library below makes by itself: they get what every status of this project has,
//! a reason; and bytes that are no message become the caller's fault instead of ours.

use http::HeaderMap;
use tonic::{Code, Status};

use crate::fault::{Fault, FieldViolation, into_status};

/// How the decoder's own text begins. A test holds it: `h13_…` in `tests/hostile.rs`.
const DECODE_FAILURE: &str = "failed to decode Protobuf message: ";

/// The request's bytes are not the message expected.
#[derive(Debug, thiserror::Error)]
#[error("the request is not the message expected: {text}")]
struct MalformedRequest {
    text: String,
}

impl Fault for MalformedRequest {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }

    fn reason(&self) -> &'static str {
        "MALFORMED_REQUEST"
    }

    /// The decoder writes `Message.field: Message.field: what is wrong`, innermost first.
    fn fields(&self) -> Vec<FieldViolation> {
        let mut rest = self.text.as_str();
        let mut path = Vec::new();
        while let Some((place, inner)) = rest.split_once(": ") {
            let Some((message, field)) = place.split_once('.') else {
                break;
            };
            if message.contains(' ') {
                break;
            }
            path.push(field);
            rest = inner;
        }
        path.reverse();
        match path.is_empty() {
            true => Vec::new(),
            false => vec![FieldViolation::new(path.join("."), rest)],
        }
    }
}

/// A status without a reason: a defect, or the library's word.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Undetailed {
    code: Code,
    text: String,
}

impl Fault for Undetailed {
    fn code(&self) -> Code {
        self.code
    }

    fn reason(&self) -> &'static str {
        "INTERNAL"
    }
}

/// Gives a status of INTERNAL or UNKNOWN that has no details the reason it lacks. Any other code
/// was chosen by a service and stays as it is.
pub(super) fn detail(headers: &mut HeaderMap) {
    let Some(status) = Status::from_header_map(headers) else {
        return;
    };
    if !matches!(status.code(), Code::Internal | Code::Unknown) || !status.details().is_empty() {
        return;
    }
    let text = status.message();
    let detailed = match text.strip_prefix(DECODE_FAILURE) {
        Some(text) => into_status(MalformedRequest {
            text: text.to_owned(),
        }),
        None => into_status(Undetailed {
            code: status.code(),
            text: text.to_owned(),
        }),
    };
    // Failing to write leaves the status as the library made it.
    let _ = detailed.add_header(headers);
}
