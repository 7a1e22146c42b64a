//! A call's answer while it is being sent: the deadline, the place, the trace and the measurement
//! of a call all last until its body ends, not merely until its handler returns.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tonic::body::Body;
use tonic::{Code, Status};

use super::call::Panicked;
use super::methods::Method;
use super::undetailed;
use crate::context::CallContext;
use crate::deadline::{DeadlineExceeded, Watch};
use crate::fault::into_status;

/// The body of an answer.
pub(super) struct Reply {
    /// Gone once the answer has ended: what the handler still held is dropped at that moment.
    inner: Option<Body>,
    deadline: Option<Watch>,
    context: CallContext,
    span: tracing::Span,
    /// The place that the call takes, and what is to be measured at its end.
    accounts: Option<(OwnedSemaphorePermit, Finish)>,
}

impl Reply {
    /// Returns `response` with its body under the call's deadline and accounts.
    pub(super) fn wrap(
        mut response: Response<Body>,
        context: CallContext,
        span: tracing::Span,
        place: OwnedSemaphorePermit,
        finish: Finish,
    ) -> Response<Body> {
        // An answer without a body carries its status in the headers and is over already.
        if http_body::Body::is_end_stream(response.body()) {
            undetailed::detail(response.headers_mut());
            finish.end(code_in(response.headers()));
            return response;
        }
        let deadline = context.deadline.map(Watch::new);
        response.map(|body| {
            let accounts = Some((place, finish));
            Body::new(Self {
                inner: Some(body),
                deadline,
                context,
                span,
                accounts,
            })
        })
    }

    /// Ends the answer: gives its place back and measures it.
    fn end(&mut self, code: Code) {
        self.inner = None;
        self.deadline = None;
        if let Some((place, finish)) = self.accounts.take() {
            drop(place);
            finish.end(code);
        }
    }

    /// Ends the answer with a status in its trailers.
    fn fail(&mut self, status: Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.end(status.code());
        let mut trailers = HeaderMap::new();
        match status.add_header(&mut trailers) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Err(unwritable) => Poll::Ready(Some(Err(unwritable))),
        }
    }
}

impl http_body::Body for Reply {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(inner) = this.inner.as_mut() else {
            return Poll::Ready(None);
        };
        // The deadline comes first: a stream that always has something to say must end as well.
        if this.deadline.as_ref().is_some_and(Watch::has_passed) {
            return this.fail(into_status(DeadlineExceeded));
        }
        let poll = || Pin::new(inner).poll_frame(task);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            this.span.in_scope(|| this.context.sync_scope(poll))
        }));
        match polled {
            Ok(Poll::Ready(Some(Ok(mut frame)))) => {
                if let Some(trailers) = frame.trailers_mut() {
                    undetailed::detail(trailers);
                    this.end(code_in(trailers));
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Ok(Poll::Ready(Some(Err(status)))) => this.fail(status),
            Ok(Poll::Ready(None)) => {
                this.end(Code::Unknown);
                Poll::Ready(None)
            }
            Ok(Poll::Pending) => {
                let passed = this
                    .deadline
                    .as_mut()
                    .map(|deadline| deadline.poll_passed(task));
                match passed {
                    Some(Poll::Ready(())) => this.fail(into_status(DeadlineExceeded)),
                    _ => Poll::Pending,
                }
            }
            Err(_) => this.fail(into_status(Panicked::count())),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .as_ref()
            .map_or(SizeHint::with_exact(0), |_| SizeHint::default())
    }
}

fn code_in(headers: &HeaderMap) -> Code {
    let code = headers
        .get("grpc-status")
        .map(|value| Code::from_bytes(value.as_bytes()));
    code.unwrap_or(Code::Unknown)
}

/// What is measured of a call: begun when it arrives, ended with its code. A call that nobody waits
/// for any more is counted as cancelled.
pub(super) struct Finish {
    method: Option<Arc<str>>,
    begun: Instant,
    ended: bool,
}

impl Finish {
    /// Begins to measure a call. Without a known method its label is `other`: names that callers
    /// choose never become labels (H64).
    pub(super) fn begin(method: Option<&Method>) -> Self {
        let method = method.map(|method| method.label.clone());
        let this = Self {
            method,
            begun: Instant::now(),
            ended: false,
        };
        metrics::gauge!("grpc_server_in_flight", "method" => this.shared_label()).increment(1);
        this
    }

    /// Ends the measurement.
    pub(super) fn end(mut self, code: Code) {
        self.record(code);
    }

    fn shared_label(&self) -> metrics::SharedString {
        match &self.method {
            Some(label) => metrics::SharedString::from_shared(label.clone()),
            None => metrics::SharedString::const_str("other"),
        }
    }

    fn record(&mut self, code: Code) {
        self.ended = true;
        let label = self.shared_label();
        let taken = self.begun.elapsed();
        metrics::gauge!("grpc_server_in_flight", "method" => label.clone()).decrement(1);
        metrics::histogram!("grpc_server_handling_seconds", "method" => label.clone())
            .record(taken);
        metrics::counter!("grpc_server_handled_total", "method" => label, "code" => name_of(code))
            .increment(1);
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        if !self.ended {
            self.record(Code::Cancelled);
        }
    }
}

/// Returns the name of a code as the specification writes it.
fn name_of(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
