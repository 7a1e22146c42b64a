//! What markets say: quotes, trades, bars and tickers.

use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::ids::{Symbol, TradeId, UnixNanos, Venue};
use crate::words::Side;

/// A price and how much stands at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceLevel {
    /// The price.
    pub price: Decimal,
    /// The quantity; above zero.
    pub quantity: Decimal,
}

/// The best bid and ask of an instrument. A missing side is no price, never zero (F75).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Where.
    pub venue: Venue,
    /// Of what.
    pub symbol: Symbol,
    /// The best bid.
    pub bid: Option<PriceLevel>,
    /// The best ask.
    pub ask: Option<PriceLevel>,
    /// The venue's update id, where it gives one; an older one never replaces a newer (F91).
    pub update_id: Option<u64>,
    /// The venue's time, where it gives one.
    pub venue_time: Option<UnixNanos>,
}

/// A public trade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Where.
    pub venue: Venue,
    /// Of what.
    pub symbol: Symbol,
    /// The venue's id.
    pub trade_id: TradeId,
    /// The price.
    pub price: Decimal,
    /// The quantity in base units.
    pub quantity: Decimal,
    /// The side that took.
    pub taker_side: Side,
    /// When it happened, by the venue.
    pub venue_time: UnixNanos,
}

/// What traded in an interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bar {
    /// Where.
    pub venue: Venue,
    /// Of what.
    pub symbol: Symbol,
    /// The length of the interval.
    pub interval: BarInterval,
    /// When the interval begins.
    pub open_time: UnixNanos,
    /// When the interval ends; the first instant that is not part of it.
    pub end_time: UnixNanos,
    /// The first price.
    pub open: Decimal,
    /// The highest price.
    pub high: Decimal,
    /// The lowest price.
    pub low: Decimal,
    /// The last price.
    pub close: Decimal,
    /// Base units traded.
    pub volume: Decimal,
    /// Quote units traded.
    pub quote_volume: Decimal,
    /// Number of trades.
    pub trades: u64,
    /// Whether the interval is over.
    pub closed: bool,
}

/// The lengths of bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum BarInterval {
    /// One minute.
    #[serde(rename = "1m")]
    OneMinute,
    /// Three minutes.
    #[serde(rename = "3m")]
    ThreeMinutes,
    /// Five minutes.
    #[serde(rename = "5m")]
    FiveMinutes,
    /// Fifteen minutes.
    #[serde(rename = "15m")]
    FifteenMinutes,
    /// Thirty minutes.
    #[serde(rename = "30m")]
    ThirtyMinutes,
    /// One hour.
    #[serde(rename = "1h")]
    OneHour,
    /// Two hours.
    #[serde(rename = "2h")]
    TwoHours,
    /// Four hours.
    #[serde(rename = "4h")]
    FourHours,
    /// Six hours.
    #[serde(rename = "6h")]
    SixHours,
    /// Twelve hours.
    #[serde(rename = "12h")]
    TwelveHours,
    /// One day.
    #[serde(rename = "1d")]
    OneDay,
}

impl BarInterval {
    /// Every interval, shortest first.
    pub const ALL: [Self; 11] = [
        Self::OneMinute,
        Self::ThreeMinutes,
        Self::FiveMinutes,
        Self::FifteenMinutes,
        Self::ThirtyMinutes,
        Self::OneHour,
        Self::TwoHours,
        Self::FourHours,
        Self::SixHours,
        Self::TwelveHours,
        Self::OneDay,
    ];

    /// Returns the length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        match self {
            Self::OneMinute => 60,
            Self::ThreeMinutes => 180,
            Self::FiveMinutes => 300,
            Self::FifteenMinutes => 900,
            Self::ThirtyMinutes => 1_800,
            Self::OneHour => 3_600,
            Self::TwoHours => 7_200,
            Self::FourHours => 14_400,
            Self::SixHours => 21_600,
            Self::TwelveHours => 43_200,
            Self::OneDay => 86_400,
        }
    }

    /// Returns the usual short text, e.g. `1m`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneMinute => "1m",
            Self::ThreeMinutes => "3m",
            Self::FiveMinutes => "5m",
            Self::FifteenMinutes => "15m",
            Self::ThirtyMinutes => "30m",
            Self::OneHour => "1h",
            Self::TwoHours => "2h",
            Self::FourHours => "4h",
            Self::SixHours => "6h",
            Self::TwelveHours => "12h",
            Self::OneDay => "1d",
        }
    }

    /// Returns the interval of a short text, if it is one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|interval| interval.as_str() == text)
    }

    /// Returns the beginning of the interval that `time` is in.
    #[must_use]
    pub const fn start_of(self, time: UnixNanos) -> UnixNanos {
        let length = self.seconds() * 1_000_000_000;
        UnixNanos::from_nanos(time.as_nanos() - time.as_nanos() % length)
    }
}

/// The last day of an instrument in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticker {
    /// Where.
    pub venue: Venue,
    /// Of what.
    pub symbol: Symbol,
    /// The last price; `None` where nothing traded.
    pub last: Option<Decimal>,
    /// The first price of the day.
    pub open: Option<Decimal>,
    /// The highest price of the day.
    pub high: Option<Decimal>,
    /// The lowest price of the day.
    pub low: Option<Decimal>,
    /// Base units traded.
    pub volume: Decimal,
    /// Quote units traded.
    pub quote_volume: Decimal,
    /// The best bid, where the venue says it here.
    pub bid: Option<PriceLevel>,
    /// The best ask, where the venue says it here.
    pub ask: Option<PriceLevel>,
    /// The mark price, where the venue says it here.
    pub mark_price: Option<Decimal>,
    /// The venue's time, where it gives one.
    pub venue_time: Option<UnixNanos>,
}
