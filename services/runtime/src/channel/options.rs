//! How a remote channel connects and how it watches over its connection.

use std::time::Duration;

use serde::Deserialize;

use crate::config::deserialize_duration;

/// Settings of one remote channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RemoteOptions {
    /// Longest that resolving, connecting and the HTTP/2 handshake may take together. 3 s: two lost
    /// SYN packets, not the kernel's two minutes.
    #[serde(deserialize_with = "deserialize_duration")]
    pub connect_timeout: Duration,
    /// Silence after which the peer is asked for a sign of life. 10 s.
    #[serde(deserialize_with = "deserialize_duration")]
    pub keepalive_interval: Duration,
    /// How long it has for that sign before every call on the connection fails. 5 s.
    #[serde(deserialize_with = "deserialize_duration")]
    pub keepalive_timeout: Duration,
    /// Bytes a stream may receive unread; see [`crate::channel`] about small frames.
    pub stream_window_bytes: u32,
    /// Bytes all streams of the connection may receive unread.
    pub connection_window_bytes: u32,
    /// Most calls that wait for the head of their answer; the next one is refused at once. 4,096:
    /// four times what one service works on by default.
    pub calls_max: usize,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            keepalive_interval: Duration::from_secs(10),
            keepalive_timeout: Duration::from_secs(5),
            stream_window_bytes: crate::http2::STREAM_WINDOW_BYTES,
            connection_window_bytes: crate::http2::CONNECTION_WINDOW_BYTES,
            calls_max: 4_096,
        }
    }
}
