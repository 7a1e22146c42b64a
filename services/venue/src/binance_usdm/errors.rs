//! What an answer that is no result means.

use std::time::Duration;

use http::{StatusCode, header};
use serde::Deserialize;

use super::error_table;
use crate::answer::{Answer, Call};
use crate::error::{ErrorClass, VenueError};
use crate::request::{Operation, VenueRequest};

/// Longest wait that is believed: the venue bans for up to three days.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3 * 24 * 3_600);

/// `{"code":-1121,"msg":"Invalid symbol."}`
#[derive(Deserialize)]
struct Failure<'a> {
    code: i64,
    #[serde(borrow, default)]
    msg: std::borrow::Cow<'a, str>,
}

/// Ties a request to the reader of its answer: faults first, then the result. What cannot be read
/// proves nothing, and on a placement or a cancel that is doubt.
pub(super) fn call<T>(
    request: VenueRequest,
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

/// Returns the meaning of a frame's or answer's error code.
pub(super) fn of_code(operation: Operation, code: i64, message: &str) -> VenueError {
    let class = match error_table::find(code) {
        // One code for several refusals; only this text proves that the first order lives (F03).
        Some(known) if known.code == -2010 && message.contains("Duplicate order") => {
            ErrorClass::DuplicateClientId
        }
        Some(known) => known.class(operation),
        None => unlisted(operation),
    };
    VenueError::new(class, message).with_code(code.to_string())
}

fn check(operation: Operation, answer: &Answer<'_>) -> Result<(), VenueError> {
    let failure = serde_json::from_slice::<Failure<'_>>(answer.body).ok();
    let retry_after = retry_after(answer);
    let status = answer.status;
    let error = match (status, &failure) {
        // An error code in a good answer is an error all the same (F12).
        (status, Some(failure)) if status.is_success() && failure.code < 0 => {
            of_code(operation, failure.code, &failure.msg)
        }
        (status, _) if status.is_success() => return Ok(()),
        (StatusCode::IM_A_TEAPOT, _) => with(ErrorClass::Banned, "banned", failure.as_ref()),
        (StatusCode::TOO_MANY_REQUESTS, Some(failure)) => {
            with(ErrorClass::RateLimited, "too many requests", Some(failure))
        }
        // Not the venue's own words: whatever stands in between may have passed the request on.
        (StatusCode::TOO_MANY_REQUESTS, None) if is_command(operation) => {
            foreign(ErrorClass::Unknown, answer)
        }
        (StatusCode::TOO_MANY_REQUESTS, None) => foreign(ErrorClass::RateLimited, answer),
        // A server's fault proves nothing, whatever code comes with it (F02).
        (status, failure) if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            match failure {
                Some(failure) => with(unlisted(operation), status.as_str(), Some(failure)),
                None => foreign(unlisted(operation), answer),
            }
        }
        (_, Some(failure)) => of_code(operation, failure.code, &failure.msg),
        (_, None) => foreign(ErrorClass::Unreadable, answer),
    };
    Err(error.with_retry_after(retry_after))
}

const fn is_command(operation: Operation) -> bool {
    matches!(operation, Operation::Place | Operation::Cancel)
}

/// What is not known proves nothing about an order, and a query may be repeated.
const fn unlisted(operation: Operation) -> ErrorClass {
    match operation {
        Operation::Place | Operation::Cancel => ErrorClass::Unknown,
        Operation::Query | Operation::Session => ErrorClass::RetryLater,
    }
}

fn with(class: ErrorClass, fallback: &str, failure: Option<&Failure<'_>>) -> VenueError {
    match failure {
        Some(failure) => VenueError::new(class, &failure.msg).with_code(failure.code.to_string()),
        None => VenueError::new(class, fallback),
    }
}

/// An answer that is not the venue's JSON: says what it is, never what it holds (F110).
fn foreign(class: ErrorClass, answer: &Answer<'_>) -> VenueError {
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

/// Reads `Retry-After` in seconds; the venue sends no dates.
fn retry_after(answer: &Answer<'_>) -> Option<Duration> {
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
