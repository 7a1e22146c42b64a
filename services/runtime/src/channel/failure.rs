//! What a caller is told when the way to a peer fails. Two cases that a caller must tell apart: the
//! call never left, and nobody knows what became of it.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use hyper::body::Incoming;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::fault::Outcome::{NotBegun, Unknown};
use crate::fault::{Fault, into_status};

/// Reason of every failure of the way; the fact `outcome` says which kind it is.
const PEER_UNAVAILABLE: &str = "PEER_UNAVAILABLE";

/// The peer was not reached; no byte of the call left, and to repeat it is safe.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{peer} cannot be reached; the call was not sent: {cause}")]
pub(crate) struct Unreachable {
    peer: String,
    cause: String,
}

impl Unreachable {
    pub(crate) fn new(peer: impl Into<String>, cause: impl Into<String>) -> Self {
        Self {
            peer: peer.into(),
            cause: cause.into(),
        }
    }
}

impl Fault for Unreachable {
    fn code(&self) -> Code {
        Code::Unavailable
    }

    fn reason(&self) -> &'static str {
        PEER_UNAVAILABLE
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            NotBegun.fact(),
            ("peer", self.peer.clone()),
            ("cause", self.cause.clone()),
        ]
    }
}

/// The connection was lost under a call that had left: it may have been carried out.
#[derive(Debug, thiserror::Error)]
#[error("the connection was lost under the call; its outcome is not known: {cause}")]
struct ConnectionLost {
    cause: String,
}

impl Fault for ConnectionLost {
    fn code(&self) -> Code {
        Code::Unavailable
    }

    fn reason(&self) -> &'static str {
        PEER_UNAVAILABLE
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![Unknown.fact(), ("cause", self.cause.clone())]
    }
}

/// The peer's server did not begin the call: it says so by this HTTP/2 code.
#[derive(Debug, thiserror::Error)]
#[error("the peer refused the stream before it began the call")]
struct Refused;

impl Fault for Refused {
    fn code(&self) -> Code {
        Code::Unavailable
    }

    fn reason(&self) -> &'static str {
        PEER_UNAVAILABLE
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![NotBegun.fact()]
    }
}

/// Returns what a caller is told about an error under a call that had left.
pub(super) fn of_call(error: hyper::Error) -> Status {
    let reset = h2_error(&error)
        .filter(|found| found.is_reset())
        .and_then(h2::Error::reason);
    match reset {
        Some(h2::Reason::REFUSED_STREAM) => into_status(Refused),
        // The peer ended this one call and told why: tonic knows what gRPC makes of each code.
        Some(_) => Status::from_error(Box::new(error)),
        None => into_status(ConnectionLost {
            cause: error.to_string(),
        }),
    }
}

fn h2_error(error: &hyper::Error) -> Option<&h2::Error> {
    let mut source = error.source();
    while let Some(current) = source {
        if let Some(found) = current.downcast_ref::<h2::Error>() {
            return Some(found);
        }
        source = current.source();
    }
    None
}

/// Returns an answer's body whose errors are statuses a caller can act on.
pub(super) fn body(incoming: Incoming) -> Body {
    Body::new(Answer(incoming))
}

struct Answer(Incoming);

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.0).poll_frame(task).map_err(of_call)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}
