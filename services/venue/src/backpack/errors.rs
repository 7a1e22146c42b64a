//! What an answer that is no result means.

use http::StatusCode;
use serde::Deserialize;

use super::error_table;
use crate::answer::{Answer, Call};
use crate::error::{ErrorClass, VenueError};
use crate::faults::{self, foreign, is_command, retry_after, unlisted};
use crate::request::{Operation, VenueRequest};

/// `{"code":"INVALID_ORDER","message":"Invalid order"}`
#[derive(Deserialize)]
struct Failure<'a> {
    #[serde(borrow)]
    code: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    message: std::borrow::Cow<'a, str>,
}

/// Ties a request to the reader of its answer.
pub(super) fn call<T>(
    request: VenueRequest,
    read: impl Fn(&[u8]) -> Result<T, VenueError> + Send + Sync + 'static,
) -> Call<T> {
    faults::call(request, check, read)
}

/// Returns the meaning of an error code. Two codes stand for several refusals, which only their
/// words tell apart; words that are not known leave the code's own class.
fn of_code(operation: Operation, code: &str, message: &str) -> VenueError {
    let class = match error_table::find(code) {
        Some(_) if matches!(code, "INVALID_CLIENT_REQUEST" | "INVALID_ORDER") => {
            worded(operation, message)
        }
        _ => None,
    };
    let class = class.unwrap_or_else(|| match error_table::find(code) {
        Some(known) => known.class(operation),
        None => unlisted(operation),
    });
    VenueError::new(class, message).with_code(code)
}

fn worded(operation: Operation, message: &str) -> Option<ErrorClass> {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&["signature", "api key"]) {
        return Some(ErrorClass::AuthFailure);
    }
    if says(&["timestamp", "request has expired", "receive window"]) {
        return Some(ErrorClass::Timestamp);
    }
    if says(&["market symbol"]) {
        return Some(ErrorClass::InstrumentUnavailable);
    }
    if operation == Operation::Cancel && says(&["not found"]) {
        return Some(ErrorClass::AlreadyGone);
    }
    if operation != Operation::Place {
        return None;
    }
    if says(&["client id", "clientid", "client order id"]) && says(&["exist", "duplicate", "use"]) {
        return Some(ErrorClass::DuplicateClientId);
    }
    if says(&["decimal too long", "allowed value"]) {
        return Some(ErrorClass::FilterRefused);
    }
    if says(&["immediately match", "post only", "postonly", "post-only"]) {
        return Some(ErrorClass::PostOnlyRefused);
    }
    says(&["reduce only", "reduceonly", "reduce-only"]).then_some(ErrorClass::ReduceOnlyRefused)
}

fn check(operation: Operation, answer: &Answer<'_>) -> Result<(), VenueError> {
    let status = answer.status;
    let failure = serde_json::from_slice::<Failure<'_>>(answer.body).ok();
    let error = match (status, &failure) {
        // An error in a good answer is an error all the same (F12).
        (status, Some(failure)) if status.is_success() => {
            of_code(operation, &failure.code, &failure.message)
        }
        // Only "accepted, not yet executed" comes without a body.
        (status, None) if status.is_success() => {
            if answer.body.is_empty() && status != StatusCode::ACCEPTED {
                foreign(ErrorClass::Unreadable, answer)
            } else {
                return Ok(());
            }
        }
        (StatusCode::TOO_MANY_REQUESTS, Some(failure)) => {
            VenueError::new(ErrorClass::RateLimited, &failure.message).with_code(&failure.code)
        }
        // Not the venue's own words: whatever stands in between may have passed the request on.
        (StatusCode::TOO_MANY_REQUESTS, None) if is_command(operation) => {
            foreign(ErrorClass::Unknown, answer)
        }
        (StatusCode::TOO_MANY_REQUESTS, None) => foreign(ErrorClass::RateLimited, answer),
        // A server's fault proves nothing, whatever code comes with it (F02).
        (status, failure) if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            match failure {
                Some(failure) => {
                    VenueError::new(unlisted(operation), &failure.message).with_code(&failure.code)
                }
                None => foreign(unlisted(operation), answer),
            }
        }
        (_, Some(failure)) => of_code(operation, &failure.code, &failure.message),
        (StatusCode::BAD_REQUEST, None) => parse_error(answer),
        (_, None) => foreign(ErrorClass::Unreadable, answer),
    };
    Err(error.with_retry_after(retry_after(answer)))
}

/// A request that the venue could not parse is answered in plain text:
/// `parse request payload error: …`.
fn parse_error(answer: &Answer<'_>) -> VenueError {
    match std::str::from_utf8(answer.body) {
        Ok(text) if text.starts_with("parse request payload error") => {
            VenueError::new(ErrorClass::Refused, text)
        }
        _ => foreign(ErrorClass::Unreadable, answer),
    }
}
