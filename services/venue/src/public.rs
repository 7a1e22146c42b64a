//! What venues say to everybody.

use chimera_model::book::{Level, Snapshot};
use chimera_model::market::{BarInterval, PriceLevel};
use chimera_model::{Decimal, Side, UnixNanos};

use crate::error::VenueError;
use crate::levels::RawLevels;

/// A frame of a public stream. Texts borrow from the frame.
#[derive(Debug, Clone, PartialEq)]
pub enum PublicFrame<'a> {
    /// A change of a book.
    Depth(DepthFrame<'a>),
    /// The best bid and ask.
    Quote(QuoteFrame<'a>),
    /// A trade.
    Trade(TradeFrame<'a>),
    /// A bar, growing or closed.
    Bar(Box<BarFrame<'a>>),
    /// The last day in short.
    Ticker(Box<TickerFrame<'a>>),
    /// The mark price.
    MarkPrice(MarkPriceFrame<'a>),
    /// The venue took a request of ours, by the id it was given.
    Confirmed {
        /// The id of the request.
        id: u64,
    },
    /// The venue refused a request of ours.
    Refused {
        /// The id of the request, if it was named.
        id: Option<u64>,
        /// Why.
        error: VenueError,
    },
    /// The venue is about to close the connection (F101).
    Shutdown,
    /// A kind that is not needed or not known (F109).
    Ignored {
        /// The venue's name of it.
        kind: &'a str,
    },
}

/// A change of a book; quantities are absolute, zero removes.
#[derive(Debug, Clone, PartialEq)]
pub struct DepthFrame<'a> {
    /// The venue's symbol.
    pub symbol: &'a str,
    /// The first update id in it.
    pub first_update_id: u64,
    /// The last update id in it.
    pub last_update_id: u64,
    /// The last update id of the frame before, where the venue names it.
    pub previous_update_id: Option<u64>,
    /// Changed bids.
    pub bids: RawLevels<'a>,
    /// Changed asks.
    pub asks: RawLevels<'a>,
    /// The venue's time.
    pub venue_time: UnixNanos,
}

/// The best bid and ask; a side without quantity is `None` (F75).
#[derive(Debug, Clone, PartialEq)]
pub struct QuoteFrame<'a> {
    /// The venue's symbol.
    pub symbol: &'a str,
    /// The state of the book it shows, where the venue names it (F91).
    pub update_id: Option<u64>,
    /// The best bid.
    pub bid: Option<PriceLevel>,
    /// The best ask.
    pub ask: Option<PriceLevel>,
    /// The venue's time, where it gives one.
    pub venue_time: Option<UnixNanos>,
}

/// A trade, or several at one price that the venue reports as one.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeFrame<'a> {
    /// The venue's symbol.
    pub symbol: &'a str,
    /// The venue's id.
    pub trade_id: u64,
    /// The price.
    pub price: Decimal,
    /// The quantity in base units.
    pub quantity: Decimal,
    /// The side that took.
    pub taker_side: Side,
    /// When it happened.
    pub venue_time: UnixNanos,
    /// False for what met outside the book: an insurance fund, auto-deleveraging.
    pub on_book: bool,
    /// Whether the id is that of an aggregate: it must not be compared with those of trades.
    pub aggregate: bool,
}

/// A bar.
#[derive(Debug, Clone, PartialEq)]
pub struct BarFrame<'a> {
    /// The venue's symbol.
    pub symbol: &'a str,
    /// The length of the interval, if it is one of ours.
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
    /// Quote units traded, where the venue says it.
    pub quote_volume: Option<Decimal>,
    /// Number of trades.
    pub trades: u64,
    /// Whether the interval is over, by the venue's word.
    pub closed: bool,
    /// The venue's time of the frame.
    pub venue_time: UnixNanos,
}

/// The last day in short. A price of zero is no price (F75).
#[derive(Debug, Clone, PartialEq)]
pub struct TickerFrame<'a> {
    /// The venue's symbol.
    pub symbol: &'a str,
    /// The last price.
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
    /// The venue's time.
    pub venue_time: UnixNanos,
}

/// A mark price.
#[derive(Debug, Clone, PartialEq)]
pub struct MarkPriceFrame<'a> {
    /// The venue's symbol.
    pub symbol: &'a str,
    /// The mark price.
    pub mark_price: Decimal,
    /// The price of the underlying, where the venue says it.
    pub index_price: Option<Decimal>,
    /// The funding rate of the current interval.
    pub funding_rate: Option<Decimal>,
    /// When funding is next paid.
    pub next_funding_time: Option<UnixNanos>,
    /// The venue's time.
    pub venue_time: UnixNanos,
}

/// A whole book, scaled by the instrument it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepthSnapshot {
    /// The venue's id of this state.
    pub last_update_id: u64,
    /// Bids, best first as the venue sends them.
    pub bids: Vec<Level>,
    /// Asks, best first as the venue sends them.
    pub asks: Vec<Level>,
    /// How many levels a side were asked for (F86).
    pub depth_limit: usize,
    /// The venue's time, where it gives one.
    pub venue_time: Option<UnixNanos>,
}

impl DepthSnapshot {
    /// Returns it as a book takes it.
    #[must_use]
    pub fn as_snapshot(&self) -> Snapshot<'_> {
        Snapshot {
            last_update_id: self.last_update_id,
            bids: &self.bids,
            asks: &self.asks,
            depth_limit: self.depth_limit,
            venue_time: self.venue_time,
        }
    }
}

/// Which public trades are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeQuery {
    /// The newest.
    Newest,
    /// Those from this id on, oldest first; some venues ask for a key.
    From(u64),
    /// Aggregates from this id of an aggregate on, oldest first; the newest without one.
    Aggregates(Option<u64>),
}

/// Which bars are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarQuery {
    /// The length of the interval.
    pub interval: BarInterval,
    /// Bars that open at or after this.
    pub start: Option<UnixNanos>,
    /// Bars that open before this.
    pub end: Option<UnixNanos>,
    /// How many at most; cut to what the venue allows.
    pub limit: usize,
}
