//! What browsers need: answers to their question whether a page may call, and the headers that let
//! a page that may read the answer (H19).

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use tonic::body::Body;

/// What a page may send beside the headers that browsers always let pass.
const ALLOWED_HEADERS: &str = "content-type,grpc-timeout,traceparent,tracestate,x-grpc-web,\
                               x-user-agent";

/// What a page may read beside the headers that browsers always show.
const EXPOSED_HEADERS: &str =
    "grpc-message,grpc-status,grpc-status-details-bin,retry-after,x-trace-id";

/// What a page may ask for: every verb that a REST path has.
const ALLOWED_METHODS: &str = "DELETE,GET,PATCH,POST,PUT";

/// How long a browser may keep the answer, in seconds: long enough to spare most calls the
/// question, short enough that a changed setting is noticed.
const PREFLIGHT_SECONDS: &str = "600";

/// Returns whether the request is a browser's question instead of a call.
pub(crate) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Returns the answer to a question of a page that may call.
pub(crate) fn preflight() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let words = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
    ];
    insert(answer.headers_mut(), words);
    answer
}

/// Lets the page of `origin` read an answer. The origin itself is named, never `*`, and nothing is
/// said of credentials: the edge reads no cookie.
pub(crate) fn expose(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    insert(
        headers,
        [(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS)],
    );
}

/// Tells caches that an answer depends on who asks.
pub(crate) fn vary(headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}

fn insert<const N: usize>(headers: &mut HeaderMap, words: [(HeaderName, &'static str); N]) {
    for (name, value) in words {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
