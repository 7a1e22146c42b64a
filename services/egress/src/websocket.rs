//! The WebSocket wall: what a session asks for, what it gets, and how a connection ends.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use url::Url;

use crate::http::{ConnectFault, origin};

mod pacer;
mod socket;
#[cfg(test)]
mod tests;
mod tungstenite_dialer;

pub use pacer::Pacing;
pub use socket::{ByteStream, WebSocket};
pub use tungstenite_dialer::TungsteniteDialer;

/// Opens WebSockets. The real one is [`TungsteniteDialer`]; a simulated network brings its own
/// streams to [`WebSocket::over`].
pub trait WebSocketDialer: Send + Sync {
    /// Connects and shakes hands, by `deadline` at the latest. Never retries, never follows a
    /// redirect.
    ///
    /// Cancel-safe: a dropped future closes what it opened.
    fn dial(
        &self,
        request: WebSocketRequest,
        options: WebSocketOptions,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<WebSocket, WebSocketError>>;
}

/// Where to connect. `Debug` shows neither path, query nor header values: listen keys travel there.
#[derive(Clone)]
pub struct WebSocketRequest {
    /// The absolute `ws` or `wss` address.
    pub url: Url,
    /// Header fields of the handshake.
    pub headers: HeaderMap,
}

impl WebSocketRequest {
    /// Returns a request without headers of its own.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            headers: HeaderMap::new(),
        }
    }
}

impl fmt::Debug for WebSocketRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WebSocketRequest")
            .field("origin", &origin(&self.url))
            .field("headers", &self.headers.len())
            .finish_non_exhaustive()
    }
}

/// The bounds of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebSocketOptions {
    /// The most bytes of one message, however many frames it comes in (F108, H56).
    pub max_message_bytes: usize,
    /// How long a write may hang, pongs included; then the connection is dead (F105, F106).
    pub write_timeout: Duration,
    /// How long there may be no data before the session is told; pings are no data (F87).
    pub liveness: Option<Duration>,
    /// How often the venue lets us send.
    pub pacing: Option<Pacing>,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self {
            // All of a venue's tickers in one message are about 1 MiB; eight times that is no
            // ticker.
            max_message_bytes: 8 * 1024 * 1024,
            // A healthy peer drains a socket buffer in milliseconds; two retransmissions fit.
            write_timeout: Duration::from_secs(5),
            liveness: None,
            pacing: None,
        }
    }
}

/// A message from the venue.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Text or binary.
    pub kind: FrameKind,
    /// The payload; valid UTF-8 when the kind is text.
    pub payload: Bytes,
    /// When it was read from the socket, by our clock.
    pub received_time: SystemTime,
}

impl fmt::Debug for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Frame")
            .field("kind", &self.kind)
            .field("bytes", &self.payload.len())
            .field("received_time", &self.received_time)
            .finish()
    }
}

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

/// What [`WebSocket::next`] returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A message.
    Frame(Frame),
    /// No data for the liveness span. The session decides: probe and [`WebSocket::vouch`] when the
    /// venue has merely nothing to say (F88), or drop the connection (F87). Repeated every further
    /// span.
    Silent {
        /// How long there has been no data.
        silence: Duration,
    },
}

/// A message to the venue. `Debug` shows sizes only: logins travel here.
#[derive(Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
    /// A protocol ping, at most 125 bytes.
    Ping(Bytes),
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, bytes) = match self {
            Self::Text(text) => ("Text", text.len()),
            Self::Binary(payload) => ("Binary", payload.len()),
            Self::Ping(payload) => ("Ping", payload.len()),
        };
        write!(formatter, "{kind}({bytes} bytes)")
    }
}

/// Why there is no connection, or no longer. Holds no address and nothing that was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebSocketError {
    /// The request could not be put on the wire as it stands.
    #[error("the request is malformed: {what}")]
    Malformed {
        /// Which part is wrong.
        what: &'static str,
    },
    /// No connection.
    #[error("no connection: {}", fault.as_str())]
    Connect {
        /// Why.
        fault: ConnectFault,
    },
    /// No handshake by the deadline.
    #[error("no handshake in time")]
    Timeout,
    /// The venue answered the handshake with something else than an upgrade.
    #[error("the handshake was refused ({status})")]
    Refused {
        /// The answer's status; 429 and 418 are the venue's limits.
        status: StatusCode,
        /// How long the venue asks to wait.
        retry_after: Option<Duration>,
    },
    /// The peer broke the protocol.
    #[error("protocol violated: {what}")]
    Protocol {
        /// How.
        what: &'static str,
    },
    /// A text message is not UTF-8 (F107).
    #[error("a text message is not utf-8")]
    NotUtf8,
    /// A message went over the limit and was cut (F108).
    #[error("a message exceeds {max_message_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_message_bytes: usize,
    },
    /// The peer closed in order.
    #[error("closed by the peer ({code})")]
    Closed {
        /// The close code; 1005 when the peer gave none.
        code: u16,
        /// The peer's words, control characters escaped.
        reason: String,
    },
    /// The connection broke without a close frame (1006).
    #[error("the connection failed: {what}")]
    Transport {
        /// The class of failure.
        what: &'static str,
    },
    /// The peer took no bytes within the write timeout.
    #[error("the peer takes no data")]
    WriteTimeout,
    /// Too many messages wait for their turn to be sent; the connection stands.
    #[error("{waiting} messages wait to be sent already")]
    OutboxFull {
        /// How many wait.
        waiting: usize,
    },
}

impl WebSocketError {
    /// Returns the class of the error as a stable lower-case word, for labels and status.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::Connect { .. } => "connect",
            Self::Timeout => "timeout",
            Self::Refused { .. } => "refused",
            Self::Protocol { .. } => "protocol",
            Self::NotUtf8 => "not_utf8",
            Self::TooLarge { .. } => "too_large",
            Self::Closed { .. } => "closed",
            Self::Transport { .. } => "transport",
            Self::WriteTimeout => "write_timeout",
            Self::OutboxFull { .. } => "outbox_full",
        }
    }
}
