//! What this process is doing about one order. Not durable: a restart begins it anew.

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::cancel::CancelPlan;
use crate::error::OrderError;
use crate::service::{Cancelled, Placed};
use crate::unknown::QueryPlan;

/// Callers that may wait for one order's outcome; more are told that the service is overloaded.
pub(crate) const WAITERS_MAX: usize = 64;

/// A caller that waits.
pub(crate) type Waiter<T> = oneshot::Sender<Result<T, OrderError>>;

/// What this process is doing about one order.
#[derive(Debug)]
pub(crate) struct Follow {
    /// Callers of PlaceOrder, with whether they repeat.
    pub(crate) placing: Vec<(Waiter<Placed>, bool)>,
    /// Callers of CancelOrder, with when they are told that it is pending.
    pub(crate) cancelling: Vec<(Waiter<Cancelled>, Instant)>,
    /// When something was last heard of it.
    pub(crate) heard: Instant,
    /// Whether a submission of this process is on its way.
    pub(crate) submitting: bool,
    pub(crate) query: QueryPlan,
    pub(crate) cancel: CancelPlan,
    pub(crate) fills: FillsPlan,
}

/// Fetching fills that were stated and not itemised.
#[derive(Debug, Default)]
pub(crate) struct FillsPlan {
    pub(crate) due: Option<Instant>,
    pub(crate) in_flight: bool,
    pub(crate) attempts: u32,
}

impl Follow {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            placing: Vec::new(),
            cancelling: Vec::new(),
            heard: now,
            submitting: false,
            query: QueryPlan::default(),
            cancel: CancelPlan::default(),
            fills: FillsPlan::default(),
        }
    }
}
