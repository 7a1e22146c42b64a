//! What egress may do, as ApiFactory decides it: which clusters, at which addresses, within what.

use std::collections::BTreeSet;

use url::Url;

use crate::breaker::BreakerPolicy;
use crate::quota::{QuotaScope, SCOPES_MAX};
use crate::retry::RetryPolicy;

/// The most bytes of one answer kept. The largest known, Binance spot's `exchangeInfo`, is about
/// 16 MiB inflated and growing.
pub const BODY_BYTES_MAX_DEFAULT: usize = 32 * 1024 * 1024;

/// Everything egress may call.
#[derive(Clone, Debug, Default)]
pub struct EgressPolicy {
    /// The clusters, each with a name of its own.
    pub clusters: Vec<ClusterPolicy>,
    /// Seeds the jitter of retries, for runs that must repeat; chance decides when absent.
    pub seed: Option<u64>,
}

/// One group of endpoints that share address, credential and quotas: a venue's API, a model
/// provider.
#[derive(Clone, Debug)]
pub struct ClusterPolicy {
    /// The name, e.g. `binance-usdm`.
    pub name: String,
    /// Where requests go; a request to any other origin is refused.
    pub base_url: Url,
    /// Where WebSockets may go.
    pub websocket_urls: Vec<Url>,
    /// Lets `http` and `ws` addresses pass: for simulators on loopback or inside the cluster.
    pub allow_plain_http: bool,
    /// Every limit of the venue that calls are charged to.
    pub scopes: Vec<QuotaScope>,
    /// Endpoints shown before they are first called.
    pub endpoints: Vec<&'static str>,
    /// The breaker of each endpoint.
    pub breaker: BreakerPolicy,
    /// Retries of repeatable calls.
    pub retry: RetryPolicy,
    /// The most bytes of one answer.
    pub max_body_bytes: usize,
}

impl ClusterPolicy {
    /// Returns a policy without scopes, with default bounds, and only encrypted addresses.
    #[must_use]
    pub fn new(name: impl Into<String>, base_url: Url) -> Self {
        Self {
            name: name.into(),
            base_url,
            websocket_urls: Vec::new(),
            allow_plain_http: false,
            scopes: Vec::new(),
            endpoints: Vec::new(),
            breaker: BreakerPolicy::default(),
            retry: RetryPolicy::default(),
            max_body_bytes: BODY_BYTES_MAX_DEFAULT,
        }
    }

    /// Returns whether `url` leads where this cluster lives. Scheme, host and port must agree.
    pub(crate) fn covers(&self, url: &Url) -> bool {
        let mut known = std::iter::once(&self.base_url).chain(&self.websocket_urls);
        known.any(|base| base.origin() == url.origin())
    }

    fn check(&self) -> Result<(), PolicyError> {
        let cluster = || self.name.clone();
        let plain = |url: &&Url| matches!(url.scheme(), "http" | "ws");
        let urls = || std::iter::once(&self.base_url).chain(&self.websocket_urls);
        if urls().any(|url| !matches!(url.scheme(), "http" | "https" | "ws" | "wss")) {
            return Err(PolicyError::Scheme { cluster: cluster() });
        }
        if !self.allow_plain_http && urls().any(|url| plain(&url)) {
            return Err(PolicyError::PlainHttp { cluster: cluster() });
        }
        if self.scopes.len() > SCOPES_MAX {
            return Err(PolicyError::TooManyScopes {
                cluster: cluster(),
                scopes_max: SCOPES_MAX,
            });
        }
        let mut names = BTreeSet::new();
        for scope in &self.scopes {
            if !names.insert(scope.name.as_str()) {
                return Err(PolicyError::TwiceScope {
                    cluster: cluster(),
                    scope: scope.name.clone(),
                });
            }
            if scope.limit == 0 || scope.window.is_zero() || scope.reserved_percent >= 100 {
                return Err(PolicyError::EmptyScope {
                    cluster: cluster(),
                    scope: scope.name.clone(),
                });
            }
        }
        Ok(())
    }
}

impl EgressPolicy {
    pub(crate) fn check(&self) -> Result<(), PolicyError> {
        let mut names = BTreeSet::new();
        for cluster in &self.clusters {
            if !names.insert(cluster.name.as_str()) {
                return Err(PolicyError::TwiceCluster {
                    cluster: cluster.name.clone(),
                });
            }
            cluster.check()?;
        }
        Ok(())
    }
}

/// Why a policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Two clusters of one name.
    #[error("cluster {cluster} is configured twice")]
    TwiceCluster {
        /// The name.
        cluster: String,
    },
    /// An address that is neither HTTP nor WebSocket.
    #[error("cluster {cluster} has an address that is not http, https, ws or wss")]
    Scheme {
        /// The cluster.
        cluster: String,
    },
    /// An unencrypted address without leave.
    #[error("cluster {cluster} has a plain address; only allow_plain_http lets it pass")]
    PlainHttp {
        /// The cluster.
        cluster: String,
    },
    /// Two scopes of one name.
    #[error("cluster {cluster} has two scopes named {scope}")]
    TwiceScope {
        /// The cluster.
        cluster: String,
        /// The scope.
        scope: String,
    },
    /// A scope through which nothing could pass.
    #[error("scope {scope} of cluster {cluster} lets nothing pass: limit, window or reserve")]
    EmptyScope {
        /// The cluster.
        cluster: String,
        /// The scope.
        scope: String,
    },
    /// More scopes than can be charged at once.
    #[error("cluster {cluster} has more than {scopes_max} scopes")]
    TooManyScopes {
        /// The cluster.
        cluster: String,
        /// The most there may be.
        scopes_max: usize,
    },
}
