//! One WebSocket connection: the venue's limit on connections, breaker, dial, verdict.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument, field, info_span};

use super::call::{QUOTA_WAIT_MAX, judge_status};
use super::permit::Permit;
use super::{Cluster, Egress};
use crate::breaker::Verdict;
use crate::error::{CallError, Cause};
use crate::http::ConnectFault;
use crate::quota::Priority;
use crate::rate_limit::rate_limit;
use crate::websocket::{WebSocket, WebSocketError, WebSocketOptions, WebSocketRequest};

/// What to connect to, and within what.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The endpoint, e.g. `stream.private`: a literal, so that labels stay few.
    pub endpoint: &'static str,
    /// What an attempt costs, by scope: venues limit connections (F102).
    pub charges: &'a [(&'a str, u64)],
    /// When the handshake must be done, quota wait included.
    pub deadline: Instant,
    /// The bounds of the connection.
    pub options: WebSocketOptions,
}

impl Egress {
    /// Opens a WebSocket. `build` makes the address at the moment of dialling, from our clock's
    /// milliseconds. One attempt: backing off between attempts is the session's business.
    ///
    /// # Errors
    ///
    /// When nothing may be dialled, or no handshake came about.
    pub async fn connect(
        &self,
        connect: Connect<'_>,
        build: impl FnOnce(i64) -> WebSocketRequest + Send,
    ) -> Result<WebSocket, CallError> {
        let cluster = self.cluster(connect.cluster, connect.endpoint)?;
        let span = info_span!(
            "egress.connect",
            otel.kind = "client",
            cluster = connect.cluster,
            endpoint = connect.endpoint,
            outcome = field::Empty,
        );
        let opened = self
            .dial(cluster, &connect, build)
            .instrument(span.clone())
            .await;
        let outcome = opened.as_ref().err().map_or("connected", Cause::class);
        span.record("outcome", outcome);
        metrics::counter!(
            "egress_connects_total",
            "cluster" => cluster.label.clone(),
            "endpoint" => connect.endpoint,
            "outcome" => outcome,
        )
        .increment(1);
        opened.map_err(|cause| CallError {
            cluster: connect.cluster.to_owned(),
            endpoint: connect.endpoint,
            cause,
        })
    }

    async fn dial(
        &self,
        cluster: &Cluster,
        connect: &Connect<'_>,
        build: impl FnOnce(i64) -> WebSocketRequest + Send,
    ) -> Result<WebSocket, Cause> {
        Permit::foresee(cluster, connect.endpoint, Priority::Normal)?;
        let patience = connect.deadline.min(Instant::now() + QUOTA_WAIT_MAX);
        let mut charge = cluster
            .quota
            .charge(connect.charges, Priority::Normal, patience)
            .await?;
        if Instant::now() >= connect.deadline {
            return Err(Cause::Expired);
        }
        let permit = Permit::take(self, cluster, connect.endpoint, Priority::Normal)?;
        let request = build(self.inner.clock.now_millis());
        if !cluster.policy.covers(&request.url) {
            return Err(Cause::ForeignOrigin);
        }
        charge.left();
        let began = Instant::now();
        let opened = self
            .inner
            .dialer
            .dial(request, connect.options, connect.deadline)
            .await;
        let latency = began.elapsed();
        match &opened {
            Ok(_) | Err(WebSocketError::Refused { .. }) => charge.answered(),
            // Even a refused TCP connection counts at some venues: the charge stands.
            Err(_) => drop(charge),
        }
        if let Err(WebSocketError::Refused {
            status,
            retry_after,
        }) = &opened
            && let Some(limit) = rate_limit(*status, *retry_after)
        {
            self.obey(cluster, connect.charges, limit);
        }
        let verdict = judge(&opened, &permit, latency);
        permit.finish(verdict, latency);
        Ok(opened?)
    }
}

/// Says whose fault it was.
fn judge(
    opened: &Result<WebSocket, WebSocketError>,
    permit: &Permit<'_>,
    latency: Duration,
) -> Verdict {
    match opened {
        Ok(_) => Verdict::Answered,
        Err(WebSocketError::Refused { status, .. }) => judge_status(*status),
        Err(WebSocketError::Malformed { .. }) => Verdict::Nothing,
        Err(
            WebSocketError::Timeout
            | WebSocketError::Connect {
                fault: ConnectFault::Timeout,
            },
        ) if !permit.judges_timeout(latency) => Verdict::Nothing,
        Err(error) => Verdict::Fault(error.class()),
    }
}
