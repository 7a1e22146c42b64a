//! What every outgoing call carries, and the deadline it keeps on this side of the wire.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::Frame;
use tonic::Status;
use tonic::body::Body;

use crate::context::CallContext;
use crate::deadline::{
    Deadline, DeadlineExceeded, TIMEOUT_HEADER, Watch, format_timeout, parse_timeout,
};
use crate::fault::into_status;
use crate::trace::TRACEPARENT_HEADER;

/// Writes deadline and trace into an outgoing call and returns the deadline it has to keep.
///
/// The deadline is the earlier one of what this call asks for and what the running call has left,
/// so that a budget can only shrink from hop to hop. Fails when nothing is left: the call does not
/// go out.
pub(super) fn prepare(headers: &mut HeaderMap) -> Result<Option<Deadline>, DeadlineExceeded> {
    let context = CallContext::current();
    if let Some(trace) = context.trace {
        headers.insert(TRACEPARENT_HEADER, trace.header());
    }
    // An unreadable timeout is left as it is; the server refuses it by name.
    let asked = match headers.get(TIMEOUT_HEADER).map(parse_timeout) {
        Some(Ok(budget)) => Some(Deadline::after(budget)),
        Some(Err(_)) => return Ok(context.deadline),
        None => None,
    };
    let Some(deadline) = asked.into_iter().chain(context.deadline).min() else {
        return Ok(None);
    };
    let remaining = deadline.remaining();
    if remaining.is_zero() {
        return Err(DeadlineExceeded);
    }
    headers.insert(TIMEOUT_HEADER, format_timeout(remaining));
    Ok(Some(deadline))
}

/// Waits for an answer until the deadline, and keeps its body under the same deadline: a peer that
/// no longer answers cannot hold the caller longer than a live one.
pub(super) async fn keep(
    deadline: Option<Deadline>,
    answer: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    let Some(deadline) = deadline else {
        return answer.await;
    };
    match tokio::time::timeout_at(deadline.instant(), answer).await {
        Ok(answer) if http_body::Body::is_end_stream(answer.body()) => answer,
        Ok(answer) => answer.map(|body| {
            let deadline = Watch::new(deadline);
            Body::new(Kept {
                body: Some(body),
                deadline,
            })
        }),
        Err(_) => into_status(DeadlineExceeded).into_http(),
    }
}

/// An answer's body that ends at the deadline; the stream below it is reset at that moment.
struct Kept {
    body: Option<Body>,
    deadline: Watch,
}

impl http_body::Body for Kept {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(body) = this.body.as_mut() else {
            return Poll::Ready(None);
        };
        // The deadline comes first: a peer that always has something to say must end as well.
        if !this.deadline.has_passed() {
            let polled = Pin::new(body).poll_frame(task);
            if polled.is_ready() || this.deadline.poll_passed(task).is_pending() {
                return polled;
            }
        }
        this.body = None;
        Poll::Ready(Some(Err(into_status(DeadlineExceeded))))
    }

    fn is_end_stream(&self) -> bool {
        self.body
            .as_ref()
            .is_none_or(http_body::Body::is_end_stream)
    }
}
