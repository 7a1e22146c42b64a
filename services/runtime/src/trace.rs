//! W3C trace context: which trace a call belongs to, on every hop and in every log record.

use std::fmt;

use http::HeaderValue;

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
            trace_id: rand::random::<u128>().max(1),
            span_id: rand::random::<u64>().max(1),
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
            span_id: rand::random::<u64>().max(1),
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
