//! Names of streams: which there are, which endpoint serves them, how often they speak.
//!
//! See the venue's page "Important WebSocket Change Notice" for what is served where.

use crate::exchange::{Exchange, InstrumentId};
use crate::intervals::Interval;

/// The endpoint that a connection came in by; each serves only its own streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// `/public`, and the root, which serves nothing else since the venue split its endpoints.
    Public,
    /// `/market`.
    Market,
    /// `/private`.
    Private,
    /// The root as it was before the split: everything.
    Everything,
}

/// What a stream tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// Changes of a book.
    Depth,
    /// The best levels of a book.
    Top(usize),
    /// The best bid and ask.
    BookTicker,
    /// Trades one by one.
    Trade,
    /// Trades put together.
    AggTrade,
    /// The mark price.
    MarkPrice,
    /// The running bar.
    Kline(Interval),
    /// The last day.
    Ticker,
    /// The last day in short.
    MiniTicker,
    /// Liquidations, of which there are none.
    Liquidation,
}

/// A stream, read from its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub topic: Topic,
    /// The instrument; none for all of them at once.
    pub instrument: Option<InstrumentId>,
    /// How often it speaks; zero is at every change.
    pub pace_ms: u64,
}

/// The usual pace of book changes.
const DEPTH_PACE_MS: u64 = 250;

impl Stream {
    /// Reads a name; nothing where the venue has no such stream.
    pub fn read(exchange: &Exchange, name: &str) -> Option<Self> {
        let mut parts = name.split('@');
        let symbol = parts.next()?;
        let word = parts.next();
        let pace = parts.next();
        if parts.next().is_some() {
            return None;
        }
        if let Some(all) = symbol.strip_prefix('!') {
            return Self::of_all(all, word, pace);
        }
        if symbol.chars().any(|letter| letter.is_ascii_uppercase()) {
            return None;
        }
        let instrument = exchange.find(&symbol.to_ascii_uppercase())?;
        let (topic, pace_ms) = topic(word?, pace)?;
        Some(Self {
            topic,
            instrument: Some(instrument),
            pace_ms,
        })
    }

    /// Whether an endpoint serves it.
    pub fn served_by(&self, endpoint: Endpoint) -> bool {
        let public = matches!(
            self.topic,
            Topic::Depth | Topic::Top(_) | Topic::BookTicker | Topic::Trade
        );
        match endpoint {
            Endpoint::Everything => true,
            Endpoint::Public => public,
            Endpoint::Market => !public,
            Endpoint::Private => false,
        }
    }

    fn of_all(name: &str, word: Option<&str>, pace: Option<&str>) -> Option<Self> {
        let (topic, pace_ms) = match (name, word, pace) {
            ("bookTicker", None, None) => (Topic::BookTicker, 0),
            ("ticker", Some("arr"), None) => (Topic::Ticker, 1000),
            ("miniTicker", Some("arr"), None) => (Topic::MiniTicker, 1000),
            ("markPrice", Some("arr"), None) => (Topic::MarkPrice, 3000),
            ("markPrice", Some("arr"), Some("1s")) => (Topic::MarkPrice, 1000),
            ("forceOrder", Some("arr"), None) => (Topic::Liquidation, 1000),
            _ => return None,
        };
        Some(Self {
            topic,
            instrument: None,
            pace_ms,
        })
    }
}

fn topic(word: &str, pace: Option<&str>) -> Option<(Topic, u64)> {
    if let Some(levels) = word.strip_prefix("depth") {
        let pace_ms = match pace {
            None => DEPTH_PACE_MS,
            Some("0ms") => 0,
            Some("100ms") => 100,
            Some("250ms") => 250,
            Some("500ms") => 500,
            Some(_) => return None,
        };
        let topic = match levels {
            "" => Topic::Depth,
            "5" => Topic::Top(5),
            "10" => Topic::Top(10),
            "20" => Topic::Top(20),
            _ => return None,
        };
        return Some((topic, pace_ms));
    }
    if let Some(interval) = word.strip_prefix("kline_") {
        let interval = Interval::read(interval)?;
        return pace.is_none().then_some((Topic::Kline(interval), 250));
    }
    match (word, pace) {
        ("bookTicker", None) => Some((Topic::BookTicker, 0)),
        ("trade", None) => Some((Topic::Trade, 0)),
        ("aggTrade", None) => Some((Topic::AggTrade, 0)),
        ("markPrice", None) => Some((Topic::MarkPrice, 3000)),
        ("markPrice", Some("1s")) => Some((Topic::MarkPrice, 1000)),
        ("ticker", None) => Some((Topic::Ticker, 2000)),
        ("miniTicker", None) => Some((Topic::MiniTicker, 2000)),
        ("forceOrder", None) => Some((Topic::Liquidation, 1000)),
        _ => None,
    }
}
