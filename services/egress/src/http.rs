//! The HTTP wall: what egress asks of whatever carries a request, and what may come back.
//!
//! The trait is small on purpose: the real client stands behind it, and so can a simulated network.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;
use url::Url;

/// Carries one request to its end. Never retries, never follows a redirect.
pub trait HttpClient: Send + Sync {
    /// Sends `request` once and reads the whole body within `limits`.
    ///
    /// Not cancel-safe: a dropped future may have sent its bytes, which counts as [`Sent::Maybe`].
    fn send(
        &self,
        request: HttpRequest,
        limits: HttpLimits,
    ) -> BoxFuture<'_, Result<HttpResponse, HttpError>>;
}

/// A request ready for the wire. `Debug` shows neither query, path, header values nor body.
#[derive(Clone)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The absolute address; signatures and listen keys travel in it.
    pub url: Url,
    /// Header fields; API keys travel in them.
    pub headers: HeaderMap,
    /// The body, exactly as signed.
    pub body: Bytes,
}

impl HttpRequest {
    /// Returns a request with no headers and no body.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("origin", &origin(&self.url))
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A complete response. `Debug` shows neither header values nor body: balances and tokens pass
/// here.
#[derive(Clone)]
pub struct HttpResponse {
    /// The status line's code; never a redirect.
    pub status: StatusCode,
    /// Header fields, as received.
    pub headers: HeaderMap,
    /// The body after decompression, within the limit asked for.
    pub body: Bytes,
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What one request may cost in time and memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// The instant by which the last body byte must have been read; a slow drip does not extend it.
    pub deadline: Instant,
    /// The most bytes of body kept, counted after decompression.
    pub max_body_bytes: usize,
}

/// Whether bytes of a request may have left this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Certain: none left. An order did not happen.
    No,
    /// Some may have left. An order's outcome is unknown until the venue says.
    Maybe,
}

/// Why no connection came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFault {
    /// The name did not resolve.
    Resolve,
    /// The peer refused or could not be reached.
    Refused,
    /// The TLS handshake failed: wrong host, untrusted, expired or malformed certificate.
    Tls,
    /// No connection within the connect timeout.
    Timeout,
    /// Anything else before the first byte.
    Other,
}

impl ConnectFault {
    /// Returns the fault as a stable lower-case word, for labels and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Refused => "refused",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }
}

/// Why a request has no response. Holds no address, header or body, so it may be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The request could not be put on the wire as it stands.
    #[error("the request is malformed: {what}")]
    Malformed {
        /// Which part is wrong.
        what: &'static str,
    },
    /// The deadline had passed before anything was done.
    #[error("the deadline passed before the request was sent")]
    Expired,
    /// No connection.
    #[error("no connection: {}", fault.as_str())]
    Connect {
        /// Why.
        fault: ConnectFault,
    },
    /// A pooled connection died before it took the request.
    #[error("the connection closed before the request was written")]
    NotWritten,
    /// The deadline passed while waiting for the head or the body.
    #[error("no complete answer within {} ms", waited.as_millis())]
    Timeout {
        /// How long it was waited for.
        waited: Duration,
    },
    /// The connection broke, or the answer was not HTTP.
    #[error("the connection failed: {what}")]
    Transport {
        /// The class of failure.
        what: &'static str,
    },
    /// The peer answered with a redirect, which is never followed.
    #[error("redirect refused ({status})")]
    Redirect {
        /// The redirect's status.
        status: StatusCode,
    },
    /// The body went over the limit and was cut.
    #[error("body of a {status} answer exceeds {max_body_bytes} bytes")]
    BodyTooLarge {
        /// The answer's status.
        status: StatusCode,
        /// The limit it went over.
        max_body_bytes: usize,
    },
}

impl HttpError {
    /// Returns whether bytes of the request may have left.
    #[must_use]
    pub const fn sent(&self) -> Sent {
        match self {
            Self::Malformed { .. } | Self::Expired | Self::Connect { .. } | Self::NotWritten => {
                Sent::No
            }
            Self::Timeout { .. }
            | Self::Transport { .. }
            | Self::Redirect { .. }
            | Self::BodyTooLarge { .. } => Sent::Maybe,
        }
    }

    /// Returns the class of the error as a stable lower-case word, for labels and status.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::Expired => "expired",
            Self::Connect { .. } => "connect",
            Self::NotWritten => "not_written",
            Self::Timeout { .. } => "timeout",
            Self::Transport { .. } => "transport",
            Self::Redirect { .. } => "redirect",
            Self::BodyTooLarge { .. } => "body_too_large",
        }
    }
}

/// Returns scheme, host and port only: paths and queries carry listen keys and signatures.
#[must_use]
pub fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
