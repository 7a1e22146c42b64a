//! Answers as a transport would hand them over.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::error::VenueError;
use crate::{Answer, Call};

pub(crate) fn answered<T>(
    call: &Call<T>,
    status: u16,
    body: impl AsRef<[u8]>,
) -> Result<T, VenueError> {
    answered_with(call, status, &[], body)
}

pub(crate) fn answered_with<T>(
    call: &Call<T>,
    status: u16,
    fields: &[(&'static str, &'static str)],
    body: impl AsRef<[u8]>,
) -> Result<T, VenueError> {
    call.read(&Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers(fields),
        body: body.as_ref(),
    })
}

pub(crate) fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    fields.iter().map(field).collect()
}
