//! How a venue's limits are named in egress: the one convention that whoever builds the egress
//! policy and whoever calls by it share.

use std::borrow::Cow;
use std::time::Duration;

use chimera_egress::{ClusterPolicy, QuotaScope};
use chimera_model::{Account, Venue};
use chimera_venue::{RateLimits, VenueAdapter, VenueRequest};

use crate::ask::Asker;

#[cfg(test)]
mod tests;

/// The scope that every connection is charged to (F102).
pub(crate) const CONNECTIONS: &str = "connections-5m";

const CONNECTIONS_WINDOW: Duration = Duration::from_secs(300);

/// Returns the egress policy of a venue and the accounts that trade there: its addresses and every
/// limit, those of an account once an account (F113).
///
/// `allow_plain_http` is for simulators on loopback or inside a cluster.
#[must_use]
pub fn cluster_policy(
    adapter: &dyn VenueAdapter,
    accounts: &[Account],
    allow_plain_http: bool,
) -> ClusterPolicy {
    let endpoints = adapter.endpoints();
    let mut policy = ClusterPolicy::new(cluster_name(adapter.venue()), endpoints.rest.clone());
    policy.websocket_urls = vec![endpoints.stream.clone()];
    policy.allow_plain_http = allow_plain_http;
    for limit in &adapter.rate_limits().limits {
        let scope = |name: String| QuotaScope::rolling(name, limit.window, limit.limit);
        if limit.per_account {
            let names = accounts
                .iter()
                .map(|account| of_account(limit.scope, *account));
            policy.scopes.extend(names.map(scope));
        } else {
            policy.scopes.push(scope(limit.scope.to_owned()));
        }
    }
    let connections = u64::from(adapter.stream_rules().connections_per_five_minutes_max);
    policy.scopes.push(QuotaScope::rolling(
        CONNECTIONS,
        CONNECTIONS_WINDOW,
        connections,
    ));
    policy
}

/// Returns the name of a venue's cluster.
pub(crate) fn cluster_name(venue: Venue) -> String {
    venue.to_string()
}

/// Returns what a request is charged to, by egress's names.
pub(crate) fn charges(
    limits: &RateLimits,
    request: &VenueRequest,
    asker: Option<Asker<'_>>,
) -> Vec<(Cow<'static, str>, u64)> {
    let named = |(scope, cost): &(&'static str, u64)| {
        scope_name(limits, scope, asker).map(|scope| (scope, *cost))
    };
    request.charges.iter().filter_map(named).collect()
}

/// Returns egress's name of a scope; nothing for a scope of accounts when nobody asks.
pub(crate) fn scope_name(
    limits: &RateLimits,
    scope: &'static str,
    asker: Option<Asker<'_>>,
) -> Option<Cow<'static, str>> {
    let per_account = limits
        .limits
        .iter()
        .find(|limit| limit.scope == scope)
        .is_some_and(|limit| limit.per_account);
    if per_account {
        return asker.map(|asker| Cow::Owned(of_account(scope, asker.account)));
    }
    Some(Cow::Borrowed(scope))
}

fn of_account(scope: &str, account: Account) -> String {
    format!("{scope}:{account}")
}

/// Returns whether egress's `name` is the venue's `scope`, of whatever account.
pub(crate) fn is_scope(name: &str, scope: &str) -> bool {
    name.split_once(':').map_or(name, |(scope, _)| scope) == scope
}
