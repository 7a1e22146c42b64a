//! Public trades and the bars made of them.

use std::collections::VecDeque;

use rust_decimal::Decimal;

use super::PublicTrade;
use crate::engine::{Price, Quantity, notional};

/// One minute, the unit that every longer bar is made of.
pub const MINUTE_MS: u64 = 60_000;

/// Public trades kept for each instrument: the most that one request may ask for, ten times over.
const TRADES_KEPT: usize = 10_000;

/// Minutes kept for each instrument: a week, enough for the longest look-back a client starts with.
const MINUTES_KEPT: usize = 7 * 24 * 60;

/// A bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candle {
    /// When it begins.
    pub open_ms: u64,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Base volume.
    pub volume: Quantity,
    /// Quote volume.
    pub quote: Decimal,
    /// Base volume bought by takers.
    pub taker_volume: Quantity,
    /// Quote volume bought by takers.
    pub taker_quote: Decimal,
    /// Trades.
    pub trades: u64,
    /// Id of the first trade.
    pub first: u64,
    /// Id of the last trade.
    pub last: u64,
}

impl Candle {
    fn flat(open_ms: u64, price: Price, last: u64) -> Self {
        Self {
            open_ms,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Quantity::ZERO,
            quote: Decimal::ZERO,
            taker_volume: Quantity::ZERO,
            taker_quote: Decimal::ZERO,
            trades: 0,
            first: last + 1,
            last,
        }
    }

    fn add(&mut self, trade: &PublicTrade) {
        if self.trades == 0 {
            self.open = trade.price;
            self.high = trade.price;
            self.low = trade.price;
            self.first = trade.id;
        }
        let quote = notional(trade.price, trade.quantity);
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume += trade.quantity;
        self.quote += quote;
        if !trade.buyer_is_maker {
            self.taker_volume += trade.quantity;
            self.taker_quote += quote;
        }
        self.trades += 1;
        self.last = trade.id;
    }

    fn join(&mut self, later: &Self) {
        if self.trades == 0 {
            let open_ms = self.open_ms;
            *self = *later;
            self.open_ms = open_ms;
            return;
        }
        if later.trades > 0 {
            self.high = self.high.max(later.high);
            self.low = self.low.min(later.low);
        }
        self.close = later.close;
        self.volume += later.volume;
        self.quote += later.quote;
        self.taker_volume += later.taker_volume;
        self.taker_quote += later.taker_quote;
        self.trades += later.trades;
        self.last = later.last;
    }
}

/// The public tape of one instrument.
#[derive(Debug, Default)]
pub struct Tape {
    trades: VecDeque<PublicTrade>,
    minutes: VecDeque<Candle>,
    last_id: u64,
}

impl Tape {
    /// Returns the id for the next trade.
    pub fn next_id(&self) -> u64 {
        self.last_id + 1
    }

    /// Prints a trade.
    pub fn print(&mut self, trade: PublicTrade) {
        self.last_id = trade.id;
        let open_ms = trade.time_ms - trade.time_ms % MINUTE_MS;
        self.roll(open_ms, trade.price, trade.id - 1);
        if let Some(minute) = self.minutes.back_mut() {
            minute.add(&trade);
        }
        self.trades.push_back(trade);
        if self.trades.len() > TRADES_KEPT {
            self.trades.pop_front();
        }
    }

    /// Returns the last trades, oldest first.
    pub fn trades(&self) -> impl DoubleEndedIterator<Item = &PublicTrade> {
        self.trades.iter()
    }

    /// Returns the last trade.
    pub fn last(&self) -> Option<&PublicTrade> {
        self.trades.back()
    }

    /// Returns at most `count` bars, oldest first, up to the one that holds `now_ms`.
    ///
    /// `begin` says where the bar of a moment begins, since weeks and months do not begin at
    /// multiples of their length.
    pub fn candles(&self, now_ms: u64, count: usize, begin: impl Fn(u64) -> u64) -> Vec<Candle> {
        let mut newest_first: Vec<Vec<Candle>> = Vec::new();
        for minute in self.minutes_back(now_ms) {
            let open_ms = begin(minute.open_ms);
            let full = newest_first.len() == count;
            match newest_first.last_mut() {
                Some(parts) if begin(parts[0].open_ms) == open_ms => parts.push(minute),
                _ if full => break,
                _ => newest_first.push(vec![minute]),
            }
        }
        let join = |parts: Vec<Candle>| {
            let mut minutes = parts.into_iter().rev();
            let mut bar = minutes.next()?;
            bar.open_ms = begin(bar.open_ms);
            minutes.for_each(|minute| bar.join(&minute));
            Some(bar)
        };
        newest_first.into_iter().rev().filter_map(join).collect()
    }

    /// Returns the last day as one bar, and when its first minute began.
    pub fn day(&self, now_ms: u64) -> Option<Candle> {
        let since = now_ms.saturating_sub(24 * 60 * MINUTE_MS);
        let mut minutes = self.minutes.iter().filter(|minute| minute.open_ms >= since);
        let mut day = *minutes.next()?;
        minutes.for_each(|minute| day.join(minute));
        Some(day)
    }

    /// Returns minutes, newest first, flat ones since the last trade included.
    fn minutes_back(&self, now_ms: u64) -> impl Iterator<Item = Candle> {
        let last = self.minutes.back().copied();
        let missing = last.map_or(0, |last| now_ms.saturating_sub(last.open_ms) / MINUTE_MS);
        let missing = missing.min(MINUTES_KEPT as u64);
        let flat = (1..=missing).rev().filter_map(move |number| {
            let last = last?;
            Some(Candle::flat(
                last.open_ms + number * MINUTE_MS,
                last.close,
                last.last,
            ))
        });
        flat.chain(self.minutes.iter().rev().copied())
    }

    fn roll(&mut self, open_ms: u64, price: Price, last_id: u64) {
        let Some(last) = self.minutes.back().copied() else {
            self.minutes
                .push_back(Candle::flat(open_ms, price, last_id));
            return;
        };
        let mut next = last.open_ms + MINUTE_MS;
        // A clock that jumped by more than what is kept starts the history anew.
        if open_ms.saturating_sub(next) / MINUTE_MS > MINUTES_KEPT as u64 {
            self.minutes.clear();
            next = open_ms;
        }
        while next <= open_ms {
            self.minutes
                .push_back(Candle::flat(next, last.close, last_id));
            next += MINUTE_MS;
        }
        while self.minutes.len() > MINUTES_KEPT {
            self.minutes.pop_front();
        }
    }
}
