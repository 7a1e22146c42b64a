//! The limits of a listener.

use std::time::Duration;

use serde::Deserialize;

use crate::config::deserialize_duration;

/// Which protocols a listener speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocols {
    /// HTTP/2 alone, as servers among each other do.
    #[default]
    Http2,
    /// HTTP/1.1 and HTTP/2, as an edge does. A connection's first bytes decide.
    #[serde(rename = "http1_and_http2")]
    Http1AndHttp2,
}

/// Settings of one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenOptions {
    /// Which protocols are spoken.
    pub protocols: Protocols,
    /// Most open connections; the next one is closed at once. 12,000: ten thousand readers that
    /// each bring their own, and room for everyone else.
    pub connections_max: usize,
    /// Most open connections of one address. 10,500: one proxy or load generator may hold nearly
    /// all, but never the last ones.
    pub connections_per_address_max: usize,
    /// Most open streams of one connection. 1,024: a reader of every instrument fits.
    pub streams_per_connection_max: u32,
    /// How long a new connection has to say which protocol it speaks, and how long an HTTP/1.1
    /// client has for each request's head. 5 s: two lost packets.
    #[serde(deserialize_with = "deserialize_duration")]
    pub first_bytes_within: Duration,
    /// Silence after which an HTTP/2 peer is asked for a sign of life. 15 s: clients ask every 10
    /// s, so that a healthy connection needs no second question.
    #[serde(deserialize_with = "deserialize_duration")]
    pub keepalive_interval: Duration,
    /// How long it has for that sign. 5 s.
    #[serde(deserialize_with = "deserialize_duration")]
    pub keepalive_timeout: Duration,
    /// Time between hearing of the drain and closing the door. None by default; behind a load
    /// balancer, what it takes to hear that this server is not ready.
    #[serde(deserialize_with = "deserialize_duration")]
    pub drain_lead: Duration,
    /// Longest that open connections may take to end once the door is closed; then they are cut. 10
    /// s: a third of what Kubernetes grants a pod.
    #[serde(deserialize_with = "deserialize_duration")]
    pub drain_within: Duration,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            protocols: Protocols::Http2,
            connections_max: 12_000,
            connections_per_address_max: 10_500,
            streams_per_connection_max: 1_024,
            first_bytes_within: Duration::from_secs(5),
            keepalive_interval: Duration::from_secs(15),
            keepalive_timeout: Duration::from_secs(5),
            drain_lead: Duration::ZERO,
            drain_within: Duration::from_secs(10),
        }
    }
}
