//! Admission: how many calls a service works on at once. What is too much is refused at once, never
//! queued, so that an answer is either quick or honest.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Code;

use super::methods::Method;
use super::policy::Policy;
use crate::fault::{Fault, Outcome, QuotaViolation};

/// Counts the calls of one service. Unary calls and streams are counted apart, so that ten thousand
/// readers cannot shut out one order.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    calls: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    retry_after: Duration,
}

impl Admission {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self {
            calls: Arc::new(Semaphore::new(policy.calls_max)),
            streams: Arc::new(Semaphore::new(policy.streams_max)),
            retry_after: policy.retry_after,
        }
    }

    /// Returns a place, held until the call's last byte, or refuses at once.
    pub(crate) fn admit(&self, method: &Method) -> Result<OwnedSemaphorePermit, Overloaded> {
        let (places, kind) = match method.is_streaming() {
            true => (&self.streams, "streams"),
            false => (&self.calls, "calls"),
        };
        let refusal = Overloaded {
            kind,
            retry_after: self.retry_after,
        };
        places.clone().try_acquire_owned().map_err(|_| refusal)
    }
}

/// As many calls are being worked on as can be.
#[derive(Debug, thiserror::Error)]
#[error("as many {kind} as can be are being worked on; this one was not begun")]
pub(crate) struct Overloaded {
    kind: &'static str,
    retry_after: Duration,
}

impl Overloaded {
    pub(crate) fn new(kind: &'static str, retry_after: Duration) -> Self {
        Self { kind, retry_after }
    }
}

impl Fault for Overloaded {
    fn code(&self) -> Code {
        Code::ResourceExhausted
    }

    fn reason(&self) -> &'static str {
        "OVERLOADED"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![Outcome::NotBegun.fact(), ("kind", self.kind.to_owned())]
    }

    fn retry_after(&self) -> Option<Duration> {
        Some(self.retry_after)
    }

    fn quota(&self) -> Vec<QuotaViolation> {
        vec![QuotaViolation::new(self.kind, "every place is taken")]
    }
}
