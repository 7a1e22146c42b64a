//! What an operator sets of the edge.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use chimera_runtime::listen::{ListenOptions, Protocols};
use serde::Deserialize;
use url::Url;

use crate::error::ConfigError;

/// What an operator sets of the edge. Every field has a default; unknown ones are errors.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen. Loopback only: there is no authentication yet.
    pub listen: SocketAddr,
    /// Origins of web pages that may call, e.g. `https://desk.example`. Pages of this server and of
    /// loopback always may; no other page may, and `*` is refused.
    pub origins: Vec<String>,
    /// Names that this server is called by besides loopback, without a port, e.g.
    /// `chimera.internal`. A request for any other name is refused: a page whose name was pointed
    /// here cannot call.
    pub hosts: Vec<String>,
    /// Largest body of a REST request, in bytes. 1 MiB: a hundred times the largest request.
    pub body_bytes_max: usize,
    /// Longest that the body of a REST request may take to arrive, in milliseconds.
    pub body_within_ms: u64,
    /// Longest that a call which is not a stream may take, in milliseconds; a caller may ask for
    /// less.
    pub unary_deadline_ms: u64,
    /// Longest that a service may take to say whether it serves, in milliseconds.
    pub health_within_ms: u64,
    /// Most open connections; the next one is closed at once.
    pub connections_max: usize,
    /// Most open streams of one HTTP/2 connection.
    pub streams_per_connection_max: u32,
    /// Time between the begin of a drain, when nothing is ready any more, and the closing of the
    /// door, in milliseconds: what a load balancer takes to hear of it. None by default.
    pub drain_lead_ms: u64,
    /// Longest that open streams may take to end once the door is closed, in milliseconds.
    pub drain_within_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        let listen = ListenOptions::default();
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8_080),
            origins: Vec::new(),
            hosts: Vec::new(),
            body_bytes_max: 1_024 * 1_024,
            body_within_ms: 10_000,
            unary_deadline_ms: 30_000,
            health_within_ms: 1_000,
            connections_max: listen.connections_max,
            streams_per_connection_max: listen.streams_per_connection_max,
            drain_lead_ms: 0,
            drain_within_ms: 10_000,
        }
    }
}

impl Config {
    /// Checks every setting; before any port is opened.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_loopback(self.listen)?;
        let positive: [(&'static str, u64); 7] = [
            ("body_bytes_max", self.body_bytes_max as u64),
            ("body_within_ms", self.body_within_ms),
            ("unary_deadline_ms", self.unary_deadline_ms),
            ("health_within_ms", self.health_within_ms),
            ("connections_max", self.connections_max as u64),
            (
                "streams_per_connection_max",
                self.streams_per_connection_max.into(),
            ),
            ("drain_within_ms", self.drain_within_ms),
        ];
        if let Some((field, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Zero { field });
        }
        if let Some(origin) = self.origins.iter().find(|origin| !is_origin(origin)) {
            return Err(ConfigError::Origin {
                origin: origin.clone(),
            });
        }
        if let Some(host) = self
            .hosts
            .iter()
            .find(|host| url::Host::parse(host).is_err())
        {
            return Err(ConfigError::Host { host: host.clone() });
        }
        Ok(())
    }

    pub(crate) fn listen_options(&self) -> ListenOptions {
        ListenOptions {
            protocols: Protocols::Http1AndHttp2,
            connections_max: self.connections_max,
            streams_per_connection_max: self.streams_per_connection_max,
            drain_lead: Duration::from_millis(self.drain_lead_ms),
            drain_within: Duration::from_millis(self.drain_within_ms),
            ..ListenOptions::default()
        }
    }
}

/// Refuses an address that anyone but this machine reaches.
pub(crate) fn check_loopback(address: SocketAddr) -> Result<(), ConfigError> {
    match address.ip().to_canonical().is_loopback() {
        true => Ok(()),
        false => Err(ConfigError::NotLoopback { address }),
    }
}

/// Returns whether `text` is an origin exactly as a browser writes it: scheme, host, port unless it
/// is the default, nothing else.
fn is_origin(text: &str) -> bool {
    let parsed = Url::parse(text).ok();
    let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https"));
    parsed.is_some_and(|url| url.origin().ascii_serialization() == text)
}
