//! What an answer that is no result means, where venues agree.

use std::time::Duration;

use http::header;

use crate::answer::{Answer, Call};
use crate::error::{ErrorClass, VenueError};
use crate::request::{Operation, VenueRequest};

/// Longest wait that is believed: no venue is known to ban for longer than three days.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3 * 24 * 3_600);

/// A venue's own judgement of an answer: fine, or an error.
pub(crate) type Check = fn(Operation, &Answer<'_>) -> Result<(), VenueError>;

/// Ties a request to the reader of its answer: faults first, then the result. What cannot be read
/// proves nothing, and on a placement or a cancel that is doubt.
pub(crate) fn call<T>(
    request: VenueRequest,
    check: Check,
    read: impl Fn(&[u8]) -> Result<T, VenueError> + Send + Sync + 'static,
) -> Call<T> {
    let operation = request.operation;
    Call::new(request, move |answer| {
        let result = check(operation, answer).and_then(|()| read(answer.body));
        result.map_err(|mut error| {
            if error.class == ErrorClass::Unreadable && is_command(operation) {
                error.class = ErrorClass::Unknown;
            }
            error
        })
    })
}

/// Returns whether a request may change an order.
pub(crate) const fn is_command(operation: Operation) -> bool {
    matches!(operation, Operation::Place | Operation::Cancel)
}

/// What is not known proves nothing about an order, and a query may be repeated.
pub(crate) const fn unlisted(operation: Operation) -> ErrorClass {
    match operation {
        Operation::Place | Operation::Cancel => ErrorClass::Unknown,
        Operation::Query | Operation::Session => ErrorClass::RetryLater,
    }
}

/// An answer that is not the venue's JSON: says what it is, never what it holds (F110).
pub(crate) fn foreign(class: ErrorClass, answer: &Answer<'_>) -> VenueError {
    let body = answer.body.trim_ascii_start();
    let kind = match body.first() {
        None => "an empty body",
        Some(b'<') => "a page of markup",
        Some(_) if std::str::from_utf8(body).is_err() => "bytes that are no text",
        Some(_) => "text that is no error of the venue",
    };
    let detail = format!(
        "status {} with {kind} of {} bytes",
        answer.status.as_u16(),
        body.len()
    );
    VenueError::new(class, detail)
}

/// Reads `Retry-After` in seconds; the venues here send no dates.
pub(crate) fn retry_after(answer: &Answer<'_>) -> Option<Duration> {
    let seconds = answer
        .headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX))
}
