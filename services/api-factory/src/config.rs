//! What an operator sets of the control plane and the heartbeat.

use std::time::Duration;

use chimera_egress::ClusterPolicy;
use chimera_runtime::config::Secret;
use serde::Deserialize;
use url::Url;

/// The cluster that heartbeats go to.
pub(crate) const CLUSTER: &str = "heartbeat";

/// What an operator sets. Every field has a default; unknown ones are errors.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The heartbeat; off when absent.
    pub heartbeat: Option<HeartbeatConfig>,
}

/// Where and how heartbeats are sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeartbeatConfig {
    /// Where to POST them, e.g. `https://monitor.example/heartbeat`. Plain `http` is for receivers on
    /// loopback only.
    pub url: String,
    /// How often, e.g. `10s`.
    #[serde(deserialize_with = "chimera_runtime::config::deserialize_duration")]
    pub interval: Duration,
    /// How long one heartbeat may take, retries included. Shorter than the interval: a beat that is
    /// late is dropped for the next one.
    #[serde(deserialize_with = "chimera_runtime::config::deserialize_duration")]
    pub timeout: Duration,
    /// What the heartbeat says it is from.
    pub strategy: String,
    /// Sent as `Authorization: Bearer …` when given.
    pub token: Option<Secret>,
    /// Signs each heartbeat when given: see the heartbeat guide.
    pub hmac_secret: Option<Secret>,
}

impl Default for HeartbeatConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            strategy: "chimera".to_owned(),
            token: None,
            hmac_secret: None,
        }
    }
}

/// A heartbeat that cannot be sent as configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("heartbeat.{field}: {expected}")]
pub struct HeartbeatConfigError {
    /// The field.
    pub field: &'static str,
    /// What would be valid.
    pub expected: &'static str,
}

impl HeartbeatConfig {
    /// Returns what egress may do for the heartbeat: this one address.
    ///
    /// # Errors
    /// Names the setting that cannot be obeyed.
    pub fn cluster_policy(&self) -> Result<ClusterPolicy, HeartbeatConfigError> {
        let url = self.address()?;
        let plain = url.scheme() == "http";
        let mut policy = ClusterPolicy::new(CLUSTER, url);
        policy.allow_plain_http = plain;
        // A receiver's answer is not read; this is room for an error page.
        policy.max_body_bytes = 64 * 1_024;
        Ok(policy)
    }

    /// Returns the address, checked.
    pub(crate) fn address(&self) -> Result<Url, HeartbeatConfigError> {
        let refuse = |field, expected| HeartbeatConfigError { field, expected };
        let url = Url::parse(&self.url).map_err(|_| {
            refuse(
                "url",
                "an address such as https://monitor.example/heartbeat",
            )
        })?;
        let loopback = match url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            Some(url::Host::Domain(name)) => name == "localhost",
            None => return Err(refuse("url", "an address with a host")),
        };
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err(refuse("url", "https, or http on loopback")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse(
                "url",
                "without user and password; use token or hmac_secret",
            ));
        }
        if self.interval.is_zero() || self.timeout.is_zero() || self.timeout > self.interval * 10 {
            return Err(refuse("interval", "above zero, as the timeout"));
        }
        Ok(url)
    }
}
