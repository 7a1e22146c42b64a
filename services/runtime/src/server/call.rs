//! One call on its way through the server stack.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use http::{HeaderMap, Request, Response};
use tokio::time::timeout_at;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Instrument;

use super::methods::Method;
use super::reply::{Finish, Reply};
use super::{Service, UnknownMethod, frames};
use crate::context::CallContext;
use crate::deadline::{
    Deadline, DeadlineExceeded, MalformedTimeout, TIMEOUT_HEADER, parse_timeout,
};
use crate::fault::{Fault, into_status};
use crate::trace::{TRACEPARENT_HEADER, TraceContext, begin_call};

/// A handler panicked. What it said stays in the log: it may be anything.
#[derive(Debug, thiserror::Error)]
#[error("the call failed inside the service")]
pub(super) struct Panicked;

impl Fault for Panicked {
    fn code(&self) -> Code {
        Code::Internal
    }

    fn reason(&self) -> &'static str {
        "INTERNAL"
    }
}

impl Panicked {
    /// Counts a panic. The panic hook has logged it, within the call's span.
    pub(super) fn count() -> Self {
        metrics::counter!("grpc_server_panics_total").increment(1);
        Self
    }
}

/// Answers a call whose path names no method.
pub(super) fn refuse_unknown() -> Response<Body> {
    let finish = Finish::begin(None);
    let status = into_status(UnknownMethod);
    finish.end(status.code());
    status.into_http()
}

/// Answers a call: refuses it before the handler runs, or runs the handler under its deadline.
pub(super) async fn answer(
    service: &Service,
    method: &Method,
    request: Request<Body>,
) -> Response<Body> {
    let finish = Finish::begin(Some(method));
    let admitted = deadline_of(request.headers(), method, service.policy.unary_deadline_max)
        .and_then(|deadline| {
            let place = service.admission.admit(method).map_err(into_status)?;
            Ok((deadline, place))
        });
    let (deadline, place) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => {
            finish.end(refusal.code());
            return refusal.into_http();
        }
    };
    let (context, span) = enter(request.headers(), method, deadline);
    let compressed = request
        .headers()
        .get("grpc-encoding")
        .is_some_and(|it| it != "identity");
    let request = request.map(|body| frames::guard(body, method.client_streaming, compressed));
    let handler = AssertUnwindSafe((service.handler)(request)).catch_unwind();
    let handled = context.scope(handler).instrument(span.clone());
    let answered = match deadline {
        Some(deadline) => timeout_at(deadline.instant(), handled).await,
        None => Ok(handled.await),
    };
    let failure = match answered {
        Ok(Ok(response)) => {
            return Reply::wrap(response, context, span, place, finish);
        }
        Ok(Err(_)) => into_status(Panicked::count()),
        Err(_) => into_status(DeadlineExceeded),
    };
    finish.end(failure.code());
    failure.into_http()
}

/// Returns when the call's caller stops waiting: its own word, bounded by policy where the method
/// is unary. What has already passed is refused here, so that no handler ever sees it (H14).
fn deadline_of(
    headers: &HeaderMap,
    method: &Method,
    unary_max: Duration,
) -> Result<Option<Deadline>, Status> {
    let mut values = headers.get_all(TIMEOUT_HEADER).iter();
    let asked = values
        .next()
        .map(parse_timeout)
        .transpose()
        .map_err(into_status)?;
    if values.next().is_some() {
        return Err(into_status(MalformedTimeout));
    }
    if asked.is_some_and(|budget| budget.is_zero()) {
        return Err(into_status(DeadlineExceeded));
    }
    let budget = match method.is_streaming() {
        true => asked,
        false => Some(asked.unwrap_or(unary_max).min(unary_max)),
    };
    Ok(budget.map(Deadline::after))
}

/// Returns the context and the span in which the handler runs.
fn enter(
    headers: &HeaderMap,
    method: &Method,
    deadline: Option<Deadline>,
) -> (CallContext, tracing::Span) {
    let caller = headers
        .get(TRACEPARENT_HEADER)
        .and_then(TraceContext::parse);
    let (span, trace) = begin_call(&method.label, caller);
    (
        CallContext {
            deadline,
            trace: Some(trace),
        },
        span,
    )
}
