//! The tasks of one owner: named, tracked, cancelled together and waited for with a bound.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::context::CallContext;

#[cfg(test)]
mod tests;

/// Owns tasks. Clones share them; a [`child`](Tasks::child) is cancelled with its parent.
///
/// A task goes on with the trace of the call that spawns it but does not inherit its deadline: work
/// that must outlive its caller, such as an order on its way to a venue, is spawned here for just
/// that reason.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    token: CancellationToken,
}

impl Tasks {
    /// Returns an owner without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns an owner of its own, which is cancelled when this one is.
    pub fn child(&self) -> Self {
        Self {
            tracker: TaskTracker::new(),
            token: self.token.child_token(),
        }
    }

    /// Spawns `future` under `name`, which stands in its log records. A panic is counted with that
    /// name, ends this task alone, and stays visible to whoever joins the handle; the panic hook
    /// that [`telemetry::init`](crate::telemetry::init) installs logs it.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let span = tracing::info_span!("task", task = name);
        let guarded = async move {
            match AssertUnwindSafe(future).catch_unwind().await {
                Ok(output) => output,
                Err(panic) => {
                    metrics::counter!("task_panics_total", "task" => name).increment(1);
                    std::panic::resume_unwind(panic)
                }
            }
        };
        let context = CallContext {
            deadline: None,
            ..CallContext::current()
        };
        self.tracker.spawn(context.scope(guarded.instrument(span)))
    }

    /// Asks every task to end; those that never look at [`cancelled`](Tasks::cancelled) run on.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Returns whether the tasks have been asked to end.
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until the tasks are asked to end; for a `select!` within a task. Cancel-safe.
    pub fn cancelled(&self) -> WaitForCancellationFutureOwned {
        self.token.clone().cancelled_owned()
    }

    /// Returns how many tasks are running.
    pub fn running(&self) -> usize {
        self.tracker.len()
    }

    /// Waits until every task has ended, at most for `within`; returns how many were still running.
    ///
    /// Does not ask them to end: that is [`cancel`](Tasks::cancel). Cancel-safe.
    pub async fn wait(&self, within: Duration) -> usize {
        self.tracker.close();
        // An elapsed bound is no error here: the answer is the number that is left.
        let _ = tokio::time::timeout(within, self.tracker.wait()).await;
        self.tracker.len()
    }
}

/// Returns what a panic said, for a log.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
