//! W3C trace context: which trace a call belongs to, on every hop and in every log record.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderValue;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::context::CallContext;

#[cfg(test)]
mod tests;

/// The header that carries the trace from hop to hop.
pub(crate) const TRACEPARENT_HEADER: &str = "traceparent";

/// Length of a version 00 `traceparent`.
const TRACEPARENT_LENGTH: usize = 55;

/// One span's place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
}

impl TraceContext {
    /// Returns the root of a new trace.
    pub fn root() -> Self {
        // An id of zero is invalid on the wire; one in 2^64 draws is replaced.
        Self {
            trace_id: crate::chance::random::<u128>().max(1),
            span_id: crate::chance::random::<u64>().max(1),
            sampled: true,
        }
    }

    /// Returns the trace of the running call, if there is one.
    pub fn current() -> Option<Self> {
        CallContext::current().trace
    }

    /// Returns a new span of the same trace.
    pub fn child(self) -> Self {
        Self {
            span_id: crate::chance::random::<u64>().max(1),
            ..self
        }
    }

    /// Returns the trace with the given ids; nothing when one is zero.
    pub fn from_ids(trace_id: u128, span_id: u64, sampled: bool) -> Option<Self> {
        (trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            span_id,
            sampled,
        })
    }

    /// Returns the id of the trace: 32 lower-case hexadecimal digits when displayed with `{:032x}`.
    pub fn trace_id(self) -> u128 {
        self.trace_id
    }

    /// Returns the id of the span.
    pub fn span_id(self) -> u64 {
        self.span_id
    }

    /// Returns whether whoever began the trace wants it recorded.
    pub fn is_sampled(self) -> bool {
        self.sampled
    }

    /// Reads a `traceparent` as the W3C writes it. An unreadable one is as good as none: the
    /// specification asks to begin a new trace.
    pub fn parse(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let bytes = text.as_bytes();
        // A later version may append fields, but only behind another dash.
        let fits = bytes.len() == TRACEPARENT_LENGTH
            || (bytes.len() > TRACEPARENT_LENGTH
                && bytes[TRACEPARENT_LENGTH] == b'-'
                && &text[..2] != "00");
        if !fits || bytes[2] != b'-' || bytes[35] != b'-' || bytes[52] != b'-' {
            return None;
        }
        let version = hexadecimal(&text[..2])?;
        let trace_id = hexadecimal(&text[3..35])?;
        let span_id = u64::try_from(hexadecimal(&text[36..52])?).ok()?;
        let flags = hexadecimal(&text[53..55])?;
        if version == 0xff {
            return None;
        }
        Self::from_ids(trace_id, span_id, flags & 1 == 1)
    }

    /// Returns the `traceparent` that tells the next hop of this span.
    pub fn header(self) -> HeaderValue {
        HeaderValue::try_from(self.to_string())
            .expect("hexadecimal digits are a valid header value")
    }
}

/// Whether spans are exported, and so have ids of their own.
static EXPORTED: AtomicBool = AtomicBool::new(false);

/// From now on a call's ids are those of its exported span, so that logs and traces name the same.
pub(crate) fn follow_exported_spans() {
    EXPORTED.store(true, Ordering::Relaxed);
}

/// Begins the span in which a call is handled, as a child of its caller's.
pub(crate) fn begin_call(method: &str, caller: Option<TraceContext>) -> (Span, TraceContext) {
    let span = tracing::info_span!("call", method, trace_id = Empty);
    let exported = EXPORTED
        .load(Ordering::Relaxed)
        .then(|| exported_child(&span, caller))
        .flatten();
    let trace = exported
        .or_else(|| caller.map(TraceContext::child))
        .unwrap_or_else(TraceContext::root);
    span.record(
        "trace_id",
        tracing::field::display(format_args!("{:032x}", trace.trace_id)),
    );
    (span, trace)
}

/// Makes `span` an exported child of its caller's and returns its ids; nothing when the span is
/// filtered out or nobody exports it.
fn exported_child(span: &Span, caller: Option<TraceContext>) -> Option<TraceContext> {
    if let Some(caller) = caller {
        let parent = Context::new().with_remote_span_context(caller.to_remote());
        // It fails where the span is not exported; then there are no ids either.
        span.set_parent(parent).ok()?;
    }
    let context = span.context();
    let exported = context.span().span_context().clone();
    let trace_id = u128::from_be_bytes(exported.trace_id().to_bytes());
    let span_id = u64::from_be_bytes(exported.span_id().to_bytes());
    TraceContext::from_ids(trace_id, span_id, exported.is_sampled())
}

impl TraceContext {
    fn to_remote(self) -> SpanContext {
        SpanContext::new(
            TraceId::from_bytes(self.trace_id.to_be_bytes()),
            SpanId::from_bytes(self.span_id.to_be_bytes()),
            if self.sampled {
                TraceFlags::SAMPLED
            } else {
                TraceFlags::default()
            },
            true,
            TraceState::default(),
        )
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(
            formatter,
            "00-{:032x}-{:016x}-{flags:02x}",
            self.trace_id, self.span_id
        )
    }
}

/// Reads lower-case hexadecimal digits; upper case is invalid in a `traceparent`.
fn hexadecimal(text: &str) -> Option<u128> {
    let valid = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if valid {
        u128::from_str_radix(text, 16).ok()
    } else {
        None
    }
}
