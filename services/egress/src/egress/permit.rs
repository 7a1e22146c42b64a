//! A breaker's leave to call, which comes back whatever happens to the caller.

use std::time::Duration;

use tokio::time::Instant;

use super::{Cluster, Egress};
use crate::breaker::{self, Verdict};
use crate::error::Cause;
use crate::quota::Priority;

/// Leave to call one endpoint. Dropped unfinished it says that nothing was learned.
pub(super) struct Permit<'a> {
    egress: &'a Egress,
    cluster: &'a Cluster,
    endpoint: &'static str,
    permit: Option<breaker::Permit>,
}

impl<'a> Permit<'a> {
    /// Returns whether the breaker would refuse now, before anybody waits for quota.
    pub(super) fn foresee(
        cluster: &Cluster,
        endpoint: &'static str,
        priority: Priority,
    ) -> Result<(), Cause> {
        let refusal = cluster
            .board()
            .endpoint(endpoint)
            .breaker
            .refusal(priority, Instant::now());
        refusal.map_or(Ok(()), |retry_in| Err(Cause::BreakerOpen { retry_in }))
    }

    pub(super) fn take(
        egress: &'a Egress,
        cluster: &'a Cluster,
        endpoint: &'static str,
        priority: Priority,
    ) -> Result<Self, Cause> {
        let admitted = cluster
            .board()
            .endpoint(endpoint)
            .breaker
            .admit(priority, Instant::now());
        let permit = Some(admitted.map_err(|retry_in| Cause::BreakerOpen { retry_in })?);
        Ok(Self {
            egress,
            cluster,
            endpoint,
            permit,
        })
    }

    /// Returns whether a timeout after `waited` may be held against the venue.
    pub(super) fn judges_timeout(&self, waited: Duration) -> bool {
        self.cluster
            .board()
            .endpoint(self.endpoint)
            .breaker
            .judges_timeout(waited)
    }

    /// Hands the leave back with what was learned.
    pub(super) fn finish(mut self, verdict: Verdict, latency: Duration) {
        if let Some(permit) = self.permit.take() {
            let mut board = self.cluster.board();
            let endpoint = board.endpoint(self.endpoint);
            endpoint.note(verdict, latency);
            endpoint.breaker.record(permit, verdict, Instant::now());
            drop(board);
            self.egress.refresh(self.cluster);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            let mut board = self.cluster.board();
            let breaker = &mut board.endpoint(self.endpoint).breaker;
            breaker.record(permit, Verdict::Nothing, Instant::now());
        }
    }
}
