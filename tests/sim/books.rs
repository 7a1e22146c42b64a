//! Books as published, held against books as they were (I7).

use std::collections::BTreeMap;
use std::time::Duration;

use chimera_contracts::market_data::v1::{Freshness, OrderBook};
use serde_json::Value;

/// A price and how much is there, as exact text without trailing zeros.
type Level = (String, String);

/// The best bid and the best ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Best {
    /// The best bid.
    pub bid: Level,
    /// The best ask.
    pub ask: Level,
}

/// True books by the venue's sequence, and published ones.
#[derive(Clone, Debug, Default)]
pub struct Books {
    truth: BTreeMap<u64, Best>,
    /// The true best levels by the time at which they were read.
    history: Vec<(Duration, Best)>,
    /// Live books that clients were given, by the update that each is said to hold.
    pub published: Vec<(u64, Best)>,
    /// Books published as stale: nothing is promised of them.
    pub stale: u64,
}

impl Books {
    /// Notes what the venue's control interface says of an instrument.
    pub fn note_truth(&mut self, at: Duration, instrument: &Value) {
        let book = &instrument["book"];
        let side = |name: &str| {
            let (price, size) = (book[name][0].as_str()?, book[name][1].as_str()?);
            Some((plain(price), plain(size)))
        };
        if let (Some(sequence), Some(bid), Some(ask)) =
            (book["sequence"].as_u64(), side("bid"), side("ask"))
        {
            let best = Best { bid, ask };
            if self.history.last().is_none_or(|(_, last)| *last != best) {
                self.history.push((at, best.clone()));
            }
            self.truth.insert(sequence, best);
        }
    }

    /// Returns the newest true best levels: what a trader sees on the venue's own screen.
    pub fn newest(&self) -> Option<&Best> {
        self.truth.last_key_value().map(|(_, best)| best)
    }

    /// Returns the true best levels of a time, and those that it began with.
    pub fn between(&self, from: Duration, to: Duration) -> impl Iterator<Item = &Best> {
        let before = self.history.partition_point(|(at, _)| *at < from);
        let rest = self.history.iter().skip(before.saturating_sub(1));
        rest.take_while(move |(at, _)| *at <= to)
            .map(|(_, best)| best)
    }

    /// Notes a book that a client was given.
    pub fn note_published(&mut self, book: &OrderBook) {
        if book.freshness() != Freshness::Live {
            self.stale += 1;
            return;
        }
        let level = |prices: &[i64], sizes: &[i64]| {
            let price = scaled(*prices.first()?, book.price_scale);
            Some((price, scaled(*sizes.first()?, book.quantity_scale)))
        };
        let bid = level(&book.bid_prices, &book.bid_quantities);
        let ask = level(&book.ask_prices, &book.ask_quantities);
        if let (Ok(update), (Some(bid), Some(ask))) = (book.venue_update_id.parse(), (bid, ask)) {
            self.published.push((update, Best { bid, ask }));
        }
    }

    /// Returns how many live books have a known truth, and what is wrong with those that never were.
    pub fn judge(&self) -> (usize, Vec<String>) {
        let mut wrong = Vec::new();
        let known = self.published.iter().filter_map(|(update, best)| {
            let truth = self.truth.get(update)?;
            Some((update, best, truth))
        });
        let mut compared = 0;
        for (update, best, truth) in known {
            compared += 1;
            if truth != best {
                wrong.push(format!("book {update} published {best:?}, was {truth:?}"));
            }
        }
        (compared, wrong)
    }

    /// Returns everything that was published, for the trace.
    pub fn text(&self) -> String {
        format!("{:?} {}", self.published, self.stale)
    }
}

fn plain(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}

fn scaled(value: i64, scale: u32) -> String {
    let digits = usize::try_from(scale).unwrap_or(0);
    let text = format!("{:0width$}", value.abs(), width = digits + 1);
    let (whole, fraction) = text.split_at(text.len() - digits);
    let sign = if value < 0 { "-" } else { "" };
    match digits {
        0 => format!("{sign}{whole}"),
        _ => plain(&format!("{sign}{whole}.{fraction}")),
    }
}
