//! What an answer that is no result means.

use http::StatusCode;
use serde::Deserialize;

use super::error_table;
use crate::answer::{Answer, Call};
use crate::error::{ErrorClass, VenueError};
use crate::faults::{self, foreign, is_command, retry_after, unlisted};
use crate::request::{Operation, VenueRequest};

/// `{"code":-1121,"msg":"Invalid symbol."}`
#[derive(Deserialize)]
struct Failure<'a> {
    code: i64,
    #[serde(borrow, default)]
    msg: std::borrow::Cow<'a, str>,
}

/// Ties a request to the reader of its answer.
pub(super) fn call<T>(
    request: VenueRequest,
    read: impl Fn(&[u8]) -> Result<T, VenueError> + Send + Sync + 'static,
) -> Call<T> {
    faults::call(request, check, read)
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

fn with(class: ErrorClass, fallback: &str, failure: Option<&Failure<'_>>) -> VenueError {
    match failure {
        Some(failure) => VenueError::new(class, &failure.msg).with_code(failure.code.to_string()),
        None => VenueError::new(class, fallback),
    }
}
