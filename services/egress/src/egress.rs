//! The handle through which everything leaves the house.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use chimera_runtime::clock::Clock;
use metrics::SharedString;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;
use url::Url;

use crate::breaker::BreakerStatus;
use crate::error::{CallError, Cause};
use crate::http::{HttpClient, origin};
use crate::policy::{ClusterPolicy, EgressPolicy, PolicyError};
use crate::quota::{Quota, QuotaError, QuotaStatus};
use crate::rate_limit::RateLimit;
use crate::reqwest_client::{BuildError, ReqwestClient};
use crate::retry::RetryBudget;
use crate::status::{Board, Changes, ClusterStatus, EndpointStatus, StatusWatch};
use crate::tls::{TlsError, client_config};
use crate::websocket::{TungsteniteDialer, WebSocketDialer};

mod call;
mod connect;
mod permit;
#[cfg(test)]
mod tests;

pub use call::{Answer, Call, CallRecord};
pub use connect::Connect;

/// The way out. Clones share quotas, breakers and connections: one for a process (F113).
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
}

struct Inner {
    clusters: BTreeMap<String, Cluster>,
    http: Arc<dyn HttpClient>,
    dialer: Arc<dyn WebSocketDialer>,
    clock: Clock,
    chance: Mutex<StdRng>,
    changes: Changes,
    /// When this run began, in nanoseconds.
    epoch: i64,
}

struct Cluster {
    policy: ClusterPolicy,
    label: SharedString,
    base_url: String,
    quota: Quota,
    board: Mutex<Board>,
    budget: Mutex<RetryBudget>,
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_list()
            .entries(self.inner.clusters.keys())
            .finish()
    }
}

/// Why egress could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The policy contradicts itself.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The roots are unusable.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP client could not be built.
    #[error(transparent)]
    Http(#[from] BuildError),
}

impl Egress {
    /// Returns a way out under `policy` that sends by `http`, connects by `dialer` and stamps by
    /// `clock`.
    ///
    /// # Errors
    ///
    /// When the policy contradicts itself.
    pub fn new(
        policy: EgressPolicy,
        http: Arc<dyn HttpClient>,
        dialer: Arc<dyn WebSocketDialer>,
        clock: Clock,
    ) -> Result<Self, PolicyError> {
        policy.check()?;
        let chance = policy.seed.unwrap_or_else(rand::random);
        let now = clock.system_time();
        let clusters = policy.clusters.into_iter().map(|policy| {
            let cluster = Cluster {
                label: SharedString::from_shared(policy.name.as_str().into()),
                base_url: origin(&policy.base_url),
                quota: Quota::new(clock.clone(), policy.scopes.clone()),
                board: Mutex::new(Board::new(policy.breaker, &policy.endpoints, now)),
                budget: Mutex::new(RetryBudget::new(policy.retry)),
                policy,
            };
            (cluster.policy.name.clone(), cluster)
        });
        let inner = Inner {
            clusters: clusters.collect(),
            http,
            dialer,
            epoch: clock.now_nanos(),
            clock,
            chance: Mutex::new(StdRng::seed_from_u64(chance)),
            changes: Changes::new(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Returns a way out over real sockets that trusts the machine's roots and `extra_roots_pem`.
    ///
    /// # Errors
    ///
    /// When the policy contradicts itself, or the roots are unusable.
    pub fn over_sockets(
        policy: EgressPolicy,
        extra_roots_pem: Option<&[u8]>,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let tls = client_config(extra_roots_pem)?;
        let http = Arc::new(ReqwestClient::new(&tls)?);
        let dialer = Arc::new(TungsteniteDialer::new(tls, clock.clone()));
        Ok(Self::new(policy, http, dialer, clock)?)
    }

    /// Returns the base address of a cluster, to build requests from.
    #[must_use]
    pub fn base_url(&self, cluster: &str) -> Option<Url> {
        self.inner
            .clusters
            .get(cluster)
            .map(|cluster| cluster.policy.base_url.clone())
    }

    /// Takes the venue's own count of `scope` out of an answer's headers (F116).
    ///
    /// # Errors
    ///
    /// When cluster or scope are not configured.
    pub fn observe(
        &self,
        record: &CallRecord,
        cluster: &str,
        scope: &str,
        used: u64,
    ) -> Result<(), CallError> {
        let found = self.cluster(cluster, "observe")?;
        let observed = found.quota.observe(&record.stamp, scope, used);
        observed.map_err(|error| self.quota_error(cluster, error))
    }

    /// Replaces a scope's limit by the one the venue states.
    ///
    /// # Errors
    ///
    /// When cluster or scope are not configured.
    pub fn set_limit(&self, cluster: &str, scope: &str, limit: u64) -> Result<(), CallError> {
        let found = self.cluster(cluster, "set_limit")?;
        found
            .quota
            .set_limit(scope, limit)
            .map_err(|error| self.quota_error(cluster, error))
    }

    /// Forbids everything charged to `scope` for `span`, for bans that only the body tells of
    /// (F112).
    ///
    /// # Errors
    ///
    /// When cluster or scope are not configured.
    pub fn ban(&self, cluster: &str, scope: &str, span: Duration) -> Result<(), CallError> {
        let found = self.cluster(cluster, "ban")?;
        found
            .quota
            .ban(scope, span)
            .map_err(|error| self.quota_error(cluster, error))?;
        self.refresh(found);
        Ok(())
    }

    /// Returns the names of all clusters, in order.
    #[must_use]
    pub fn cluster_names(&self) -> Vec<String> {
        self.inner.clusters.keys().cloned().collect()
    }

    /// Returns every cluster as it stands, ordered by name.
    #[must_use]
    pub fn clusters(&self) -> Vec<ClusterStatus> {
        self.inner
            .clusters
            .values()
            .map(|cluster| self.refresh(cluster))
            .collect()
    }

    /// Returns the endpoints of a cluster with their breakers, ordered by name.
    ///
    /// # Errors
    ///
    /// When the cluster is not configured.
    pub fn endpoints(
        &self,
        cluster: &str,
    ) -> Result<Vec<(EndpointStatus, BreakerStatus)>, CallError> {
        let found = self.cluster(cluster, "endpoints")?;
        Ok(found.board().endpoints(Instant::now()))
    }

    /// Returns the quotas of a cluster as they stand.
    ///
    /// # Errors
    ///
    /// When the cluster is not configured.
    pub fn quotas(&self, cluster: &str) -> Result<Vec<QuotaStatus>, CallError> {
        Ok(self.cluster(cluster, "quotas")?.quota.status())
    }

    /// Closes a breaker by hand and returns it; nothing when there is no such endpoint.
    ///
    /// # Errors
    ///
    /// When the cluster is not configured.
    pub fn reset_breaker(
        &self,
        cluster: &str,
        endpoint: &str,
    ) -> Result<Option<BreakerStatus>, CallError> {
        let found = self.cluster(cluster, "reset_breaker")?;
        let now = Instant::now();
        let status = found.board().known(endpoint).map(|endpoint| {
            endpoint.breaker.reset(now);
            endpoint.breaker.status(now)
        });
        self.refresh(found);
        Ok(status)
    }

    /// Returns a reader of every change from now on.
    #[must_use]
    pub fn watch(&self) -> StatusWatch {
        self.inner.changes.watch()
    }

    /// Returns the sequence of the newest change; zero before the first.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.inner.changes.sequence()
    }

    /// Returns what names this run's sequences: another run counts from one again.
    #[must_use]
    pub fn epoch(&self) -> String {
        format!("{:x}", self.inner.epoch)
    }

    /// Returns the clock that stamps calls.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    fn cluster(&self, name: &str, endpoint: &'static str) -> Result<&Cluster, CallError> {
        self.inner.clusters.get(name).ok_or_else(|| CallError {
            cluster: name.to_owned(),
            endpoint,
            cause: Cause::UnknownCluster,
        })
    }

    fn quota_error(&self, cluster: &str, error: QuotaError) -> CallError {
        CallError {
            cluster: cluster.to_owned(),
            endpoint: "quota",
            cause: error.into(),
        }
    }

    /// Judges the cluster anew; whoever changes what its health rests on ends here.
    fn refresh(&self, cluster: &Cluster) -> ClusterStatus {
        let now = self.inner.clock.system_time();
        let banned_until = cluster.banned_until(now);
        let (name, changes) = (&cluster.policy.name, &self.inner.changes);
        cluster
            .board()
            .refresh(name, &cluster.base_url, banned_until, now, changes)
    }

    /// Silences whoever the venue's answer silences: all that shares a scope which the call had a
    /// cost in.
    fn obey(&self, cluster: &Cluster, charges: &[(&str, u64)], limit: RateLimit) {
        let mut charged = charges.iter().filter(|(_, cost)| *cost > 0).peekable();
        match limit {
            RateLimit::Scopes(span) if charged.peek().is_some() => {
                for (scope, _) in charged {
                    // Charged a moment ago, so it is configured.
                    let _ = cluster.quota.ban(scope, span);
                }
            }
            RateLimit::Scopes(span) | RateLimit::Cluster(span) => cluster.quota.ban_all(span),
        }
    }
}

impl Cluster {
    /// Returns the board. Never held across an await.
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn budget(&self) -> MutexGuard<'_, RetryBudget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn banned_until(&self, now: SystemTime) -> Option<SystemTime> {
        let longest = self.quota.longest_ban()?;
        now.checked_add(longest)
    }
}
