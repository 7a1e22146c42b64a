//! Deadlines that travel: a point on the monotonic clock here, a `grpc-timeout` header between
//! hops.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Code;

use crate::context::CallContext;
use crate::fault::{Fault, FieldViolation, InvalidArgument};

#[cfg(test)]
mod tests;

/// The header that carries the remaining budget.
pub(crate) const TIMEOUT_HEADER: &str = "grpc-timeout";

/// Most digits that the gRPC specification allows in a timeout.
const DIGITS_MAX: usize = 8;

/// Furthest point in time that a deadline can name: beyond it a monotonic clock may overflow, and
/// no call lives that long.
const HORIZON: Duration = Duration::from_secs(366 * 24 * 3_600);

/// The point in time at which a caller stops waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// Returns the deadline that passes after `budget`, a year at the most.
    pub fn after(budget: Duration) -> Self {
        Self(Instant::now() + budget.min(HORIZON))
    }

    /// Returns the deadline that passes at `instant`.
    pub fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// Returns the deadline of the running call, if it has one.
    pub fn current() -> Option<Self> {
        CallContext::current().deadline
    }

    /// Returns when it passes.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// Returns what is left; zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Returns whether it has passed.
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// Runs `future` under this deadline: outgoing calls made within it carry what is left. The
    /// trace of the running call stays. Does not end the future by itself; that is
    /// [`Deadline::bound`].
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CallContext {
            deadline: Some(self),
            ..CallContext::current()
        }
        .scope(future)
    }

    /// Runs `future` under this deadline and drops it when the deadline passes.
    pub async fn bound<F: Future>(self, future: F) -> Result<F::Output, DeadlineExceeded> {
        tokio::time::timeout_at(self.0, self.scope(future))
            .await
            .map_err(|_| DeadlineExceeded)
    }
}

/// Watches a deadline from within a poll. Costs a look at the clock, and a timer only once there is
/// something to wait for.
#[derive(Debug)]
pub(crate) struct Watch {
    deadline: Deadline,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Watch {
    pub(crate) fn new(deadline: Deadline) -> Self {
        Self {
            deadline,
            timer: None,
        }
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.deadline.has_passed()
    }

    /// Is ready once the deadline has passed; wakes the task then.
    pub(crate) fn poll_passed(&mut self, task: &mut Context<'_>) -> Poll<()> {
        let instant = self.deadline.instant();
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(instant)));
        timer.as_mut().poll(task)
    }
}

/// The caller's deadline has passed. It never says that the work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed; the outcome of the call is not known")]
pub struct DeadlineExceeded;

impl Fault for DeadlineExceeded {
    fn code(&self) -> Code {
        Code::DeadlineExceeded
    }

    fn reason(&self) -> &'static str {
        "DEADLINE_EXCEEDED"
    }
}

/// A `grpc-timeout` header that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("grpc-timeout cannot be read; it is 1 to 8 digits and a unit of H, M, S, m, u or n")]
pub struct MalformedTimeout;

impl Fault for MalformedTimeout {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }

    fn reason(&self) -> &'static str {
        InvalidArgument::REASON
    }

    fn fields(&self) -> Vec<FieldViolation> {
        let valid = "1 to 8 digits and a unit of H, M, S, m, u or n, e.g. 500m";
        vec![FieldViolation::new(TIMEOUT_HEADER, valid)]
    }
}

/// Reads a `grpc-timeout` as the specification writes it, and nothing else.
pub(crate) fn parse_timeout(value: &HeaderValue) -> Result<Duration, MalformedTimeout> {
    let (unit, digits) = value.as_bytes().split_last().ok_or(MalformedTimeout)?;
    if !(1..=DIGITS_MAX).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(MalformedTimeout);
    }
    let amount = digits
        .iter()
        .fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    match unit {
        b'H' => Ok(Duration::from_secs(amount * 3_600)),
        b'M' => Ok(Duration::from_secs(amount * 60)),
        b'S' => Ok(Duration::from_secs(amount)),
        b'm' => Ok(Duration::from_millis(amount)),
        b'u' => Ok(Duration::from_micros(amount)),
        b'n' => Ok(Duration::from_nanos(amount)),
        _ => Err(MalformedTimeout),
    }
}

/// Writes a budget as a `grpc-timeout`, in the finest unit that fits, rounded down: a hop may lose
/// budget by rounding but never gain any.
pub(crate) fn format_timeout(budget: Duration) -> HeaderValue {
    let limit = 10_u128.pow(DIGITS_MAX as u32);
    let nanos = budget.as_nanos();
    let units = [
        (1, 'n'),
        (1_000, 'u'),
        (1_000_000, 'm'),
        (1_000_000_000, 'S'),
    ];
    let fitting = units.into_iter().find(|(size, _)| nanos / size < limit);
    let (size, unit) = fitting.unwrap_or((3_600_000_000_000, 'H'));
    let amount = (nanos / size).min(limit - 1);
    HeaderValue::try_from(format!("{amount}{unit}"))
        .expect("digits and a letter are a valid header value")
}
