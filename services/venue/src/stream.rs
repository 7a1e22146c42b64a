//! Streams: where to connect, what to say, and by which rules.

use std::fmt;
use std::time::Duration;

use chimera_model::market::BarInterval;
use chimera_model::{UnixNanos, VenueSymbol};

use crate::credentials::{Credentials, SessionKey};

/// What of an instrument to stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Changes of the book.
    Depth,
    /// The best bid and ask.
    Quote,
    /// Trades, one by one.
    Trades,
    /// Trades of one taker at one price as one.
    AggregateTrades,
    /// Bars of an interval.
    Bars(BarInterval),
    /// The last day in short.
    Ticker,
    /// Mark price and funding.
    MarkPrice,
}

/// Something to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    /// Of which instrument.
    pub symbol: VenueSymbol,
    /// What of it.
    pub channel: Channel,
}

/// The address of a stream. `Debug` shows no path and no query: session keys travel in them.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamUrl(pub(crate) url::Url);

impl StreamUrl {
    /// Returns the address: for dialling only.
    #[must_use]
    pub fn expose(&self) -> &url::Url {
        &self.0
    }
}

impl fmt::Debug for StreamUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "StreamUrl({})",
            self.0.origin().ascii_serialization()
        )
    }
}

/// What opens a private stream: a session's key where the venue gives one, and who signs, when.
#[derive(Debug, Clone, Copy)]
pub struct PrivateAccess<'a> {
    /// The key of the session, where there is one.
    pub session: Option<&'a SessionKey>,
    /// Who asks.
    pub credentials: &'a Credentials,
    /// The venue's time now.
    pub venue_now: UnixNanos,
}

/// A frame to send, and what it asks for. `Debug` does not show the text: it may be signed.
#[derive(Clone, PartialEq, Eq)]
pub struct SubscribeFrame {
    /// The id that the venue's confirmation will bear, where it confirms.
    pub id: u64,
    /// The text frame.
    pub text: String,
    /// What it asks for. Only what was confirmed is subscribed (F93, F97).
    pub topics: Vec<Topic>,
}

impl fmt::Debug for SubscribeFrame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SubscribeFrame")
            .field("id", &self.id)
            .field("topics", &self.topics)
            .finish_non_exhaustive()
    }
}

/// One connection: where, and what to send once it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPlan {
    /// Where.
    pub url: StreamUrl,
    /// What to send, in this order, no faster than [`StreamRules`] allows.
    pub frames: Vec<SubscribeFrame>,
}

/// The rules of a venue's connections, as plain data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamRules {
    /// Most subscriptions of one connection (F93).
    pub topics_max: usize,
    /// Most topics that one frame may ask for; more take several frames.
    pub topics_per_frame_max: usize,
    /// Most frames one may send in a second, control frames included (F102).
    pub frames_per_second_max: u32,
    /// Most connections one may open in five minutes from one address (F102).
    pub connections_per_five_minutes_max: u32,
    /// How often the venue pings; silence of all kinds beyond this is suspect.
    pub server_ping_interval: Duration,
    /// How old a connection gets before the venue ends it (F101).
    pub connection_age_max: Duration,
    /// Whether the venue confirms what it was asked for (F93). One that does not says only no.
    pub confirms: bool,
}

/// The rules of a venue's private sessions, as plain data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRules {
    /// How long a session's key lives without being extended.
    pub lifetime: Duration,
    /// How often to extend it: twice in a lifetime leaves one failure to be made good (F100).
    pub extend_interval: Duration,
}
