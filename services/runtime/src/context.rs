//! What a call carries with it from hop to hop: its deadline and its trace.

use std::future::Future;

use crate::deadline::Deadline;
use crate::trace::TraceContext;

tokio::task_local! {
    static CURRENT: CallContext;
}

/// What the call that runs now carries: set by the server stack, read by every outgoing channel.
///
/// It belongs to the task. Work that is spawned starts without it, and so without the caller's
/// deadline; to carry it over on purpose, wrap the work in [`CallContext::scope`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallContext {
    /// When the caller stops waiting, if ever.
    pub deadline: Option<Deadline>,
    /// Which trace the call belongs to.
    pub trace: Option<TraceContext>,
}

impl CallContext {
    /// Returns the context of the running call; an empty one outside of any.
    pub fn current() -> Self {
        CURRENT.try_with(|context| *context).unwrap_or_default()
    }

    /// Runs `future` with this context.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }

    /// Runs `work` with this context.
    pub fn sync_scope<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }
}
