//! The last check before the wire: which submissions the kill switch has withdrawn (F60).

use tokio::sync::watch;

use crate::command::{Submit, Withdraw};

#[cfg(test)]
mod tests;

/// The bounds below which submissions are withdrawn; they only rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Bounds {
    all: u64,
    raising: u64,
}

/// Shared by everything that submits in this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latch(watch::Sender<Bounds>);

/// One submission's view of the latch.
#[derive(Debug, Clone)]
pub(crate) struct Permit {
    bounds: watch::Receiver<Bounds>,
    seq: u64,
    lowers_exposure: bool,
}

impl Latch {
    /// Withdraws submissions for good. In force before it returns.
    pub(crate) fn withdraw(&self, withdraw: Withdraw) {
        self.0.send_modify(|bounds| {
            bounds.raising = bounds.raising.max(withdraw.before_seq);
            if !withdraw.spare_lowering {
                bounds.all = bounds.all.max(withdraw.before_seq);
            }
        });
    }

    /// Returns the permit of a submission, to be looked at when it is about to leave.
    pub(crate) fn permit(&self, order: &Submit) -> Permit {
        Permit {
            bounds: self.0.subscribe(),
            seq: order.seq,
            lowers_exposure: order.lowers_exposure,
        }
    }
}

impl Permit {
    /// Returns whether the submission may still leave.
    pub(crate) fn holds(&self) -> bool {
        let bounds = *self.bounds.borrow();
        let bound = if self.lowers_exposure {
            bounds.all
        } else {
            bounds.raising
        };
        self.seq >= bound
    }

    /// Ends when the submission may no longer leave. Cancel-safe.
    pub(crate) async fn withdrawn(&self) {
        let mut bounds = self.bounds.clone();
        // With the latch gone nobody withdraws any more.
        while self.holds() {
            if bounds.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
