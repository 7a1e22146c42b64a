//! Errors as every HTTP client reads them: AIP-193 JSON made from the gRPC status and its details,
//! by one table for every door.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chimera_runtime::fault::{fields_of, into_status, quota_of, retry_after_of};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::json::duration_text;
use crate::refusal::Refusal;

/// Returns the HTTP status and the name of a gRPC code: the one table.
pub(crate) fn table(code: Code) -> (StatusCode, &'static str) {
    match code {
        Code::Ok => (StatusCode::OK, "OK"),
        // Nginx's word for a client that went away; nobody is left to read it.
        Code::Cancelled => (client_closed_request(), "CANCELLED"),
        Code::Unknown => (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        Code::InvalidArgument => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
        Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED"),
        Code::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        Code::AlreadyExists => (StatusCode::CONFLICT, "ALREADY_EXISTS"),
        Code::PermissionDenied => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
        Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
        Code::FailedPrecondition => (StatusCode::BAD_REQUEST, "FAILED_PRECONDITION"),
        Code::Aborted => (StatusCode::CONFLICT, "ABORTED"),
        Code::OutOfRange => (StatusCode::BAD_REQUEST, "OUT_OF_RANGE"),
        Code::Unimplemented => (StatusCode::NOT_IMPLEMENTED, "UNIMPLEMENTED"),
        Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
        Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        Code::DataLoss => (StatusCode::INTERNAL_SERVER_ERROR, "DATA_LOSS"),
        Code::Unauthenticated => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
    }
}

fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}

/// Returns the answer that tells an HTTP client about `status`.
pub(crate) fn answer(status: &Status) -> Response<Body> {
    answer_as(status, table(status.code()).0)
}

/// Returns the answer that tells an HTTP client what the edge refused.
pub(crate) fn refuse(refusal: Refusal) -> Response<Body> {
    let http = refusal.http_status();
    let closes = refusal.closes_connection();
    let allow = match &refusal {
        Refusal::WrongVerb { allow } => HeaderValue::try_from(allow.as_str()).ok(),
        _ => None,
    };
    let status = into_status(refusal);
    let mut answer = answer_as(&status, http.unwrap_or(table(status.code()).0));
    if let Some(allow) = allow {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    if closes {
        answer
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

fn answer_as(status: &Status, http: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::new(Full::new(Bytes::from(text(status, http)))));
    *answer.status_mut() = http;
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(delay) = retry_after_of(status) {
        // Whole seconds, rounded up: coming back too early is refused again.
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// Returns the last line of a stream that failed after it began.
pub(crate) fn line(status: &Status) -> Vec<u8> {
    let mut line = text(status, table(status.code()).0);
    line.push(b'\n');
    line
}

/// The body of every error.
#[derive(Serialize)]
struct Envelope<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: u16,
    status: &'static str,
    message: &'a str,
    details: Vec<Detail>,
}

#[derive(Serialize)]
#[serde(tag = "@type")]
enum Detail {
    #[serde(rename = "type.googleapis.com/google.rpc.ErrorInfo")]
    ErrorInfo {
        reason: String,
        domain: String,
        metadata: BTreeMap<String, String>,
    },
    #[serde(
        rename = "type.googleapis.com/google.rpc.BadRequest",
        rename_all = "camelCase"
    )]
    BadRequest {
        field_violations: Vec<FieldViolation>,
    },
    #[serde(
        rename = "type.googleapis.com/google.rpc.RetryInfo",
        rename_all = "camelCase"
    )]
    RetryInfo { retry_delay: String },
    #[serde(rename = "type.googleapis.com/google.rpc.QuotaFailure")]
    QuotaFailure { violations: Vec<QuotaViolation> },
}

#[derive(Serialize)]
struct FieldViolation {
    field: String,
    description: String,
}

#[derive(Serialize)]
struct QuotaViolation {
    subject: String,
    description: String,
}

fn text(status: &Status, http: StatusCode) -> Vec<u8> {
    let envelope = Envelope {
        error: Error {
            code: http.as_u16(),
            status: table(status.code()).1,
            message: status.message(),
            details: details(status),
        },
    };
    // Text and numbers cannot fail to be written.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

/// Returns the details that this mesh makes, in the order of its contract.
fn details(status: &Status) -> Vec<Detail> {
    let mut details = Vec::new();
    if let Some(info) = status.get_details_error_info() {
        let metadata = info.metadata.into_iter().collect();
        details.push(Detail::ErrorInfo {
            reason: info.reason,
            domain: info.domain,
            metadata,
        });
    }
    let fields = fields_of(status);
    if !fields.is_empty() {
        let field_violations = fields
            .into_iter()
            .map(|field| FieldViolation {
                field: field.field,
                description: field.description,
            })
            .collect();
        details.push(Detail::BadRequest { field_violations });
    }
    if let Some(delay) = retry_after_of(status) {
        details.push(Detail::RetryInfo {
            retry_delay: delay_text(delay),
        });
    }
    let quotas = quota_of(status);
    if !quotas.is_empty() {
        let violations = quotas
            .into_iter()
            .map(|quota| QuotaViolation {
                subject: quota.subject,
                description: quota.description,
            })
            .collect();
        details.push(Detail::QuotaFailure { violations });
    }
    details
}

fn delay_text(delay: Duration) -> String {
    let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX);
    // A `RetryInfo` was made from a `Duration`, so it is in range; if not, the seconds alone are.
    duration_text(seconds, delay.subsec_nanos().cast_signed())
        .unwrap_or_else(|| format!("{seconds}s"))
}
