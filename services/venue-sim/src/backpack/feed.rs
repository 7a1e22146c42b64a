//! Public streams: what is sent at once, and what is sent at a pace.

use std::collections::HashMap;

use serde_json::Value;

use super::frames;
use super::stream_name::{Stream, Topic, WINDOWS_MS, read};
use crate::chain::Chain;
use crate::engine::{LevelChange, Price, Quantity, Side};
use crate::exchange::{Exchange, InstrumentId, PublicTrade};
use crate::hub::Hub;
use crate::intervals::Interval;

/// Paces of the streams that speak by time.
const SECOND_MS: u64 = 1_000;
const OPEN_INTEREST_MS: u64 = 60_000;

/// Wraps a payload as the venue does. What stands before a slash keeps accounts apart inside the
/// hub and is not told.
pub(super) fn wrap(stream: &str, raw: &str) -> String {
    let name = stream.split_once('/').map_or(stream, |(_, name)| name);
    format!("{{\"data\":{raw},\"stream\":\"{name}\"}}")
}

type Best = (Option<(Price, Quantity)>, Option<(Price, Quantity)>);

/// What one instrument's streams remember.
#[derive(Debug)]
struct Board {
    symbol: String,
    chains: Vec<(String, Chain)>,
    best: Best,
}

/// A stream that speaks at a pace.
#[derive(Debug)]
struct Paced {
    stream: Stream,
    due_ms: u64,
    /// The beginning of the bar it told last, and how many trades that had.
    said: (u64, u64),
}

/// The public streams of the venue.
#[derive(Debug)]
pub(super) struct Feed {
    boards: Vec<Board>,
    paced: HashMap<String, Paced>,
}

impl Feed {
    /// Creates the streams of an exchange.
    pub fn new(exchange: &Exchange) -> Self {
        let board = |symbol: &String| {
            let chain = |window: u64| {
                let name = match window {
                    0 => format!("depth.{symbol}"),
                    _ => format!("depth.{window}ms.{symbol}"),
                };
                (name, Chain::new(window))
            };
            Board {
                symbol: symbol.clone(),
                chains: WINDOWS_MS.into_iter().map(chain).collect(),
                best: (None, None),
            }
        };
        let listed = exchange.instruments().iter();
        Self {
            boards: listed.map(|listing| board(&listing.symbol)).collect(),
            paced: HashMap::new(),
        }
    }

    /// A book changed.
    pub fn book(
        &mut self,
        exchange: &mut Exchange,
        hub: &mut Hub,
        id: InstrumentId,
        change: (u64, u64, &[LevelChange]),
        times: (u64, u64),
    ) {
        let (first, last, changes) = change;
        let board = &mut self.boards[id];
        for (name, chain) in &mut board.chains {
            if !hub.wants(name) {
                chain.skip(last);
                continue;
            }
            chain.add(first, last, changes, times.1);
            if chain.pace_ms == 0 {
                emit(exchange, hub, id, (name, chain), times.0);
            }
        }
        let book = exchange.book(id);
        let best = (book.best(Side::Buy), book.best(Side::Sell));
        let name = format!("bookTicker.{}", board.symbol);
        if std::mem::replace(&mut board.best, best) != best && hub.wants(&name) {
            let frame = frames::book_ticker(exchange.instrument(id), best, last, times);
            hub.publish(&name, &frame.to_string(), wrap);
        }
    }

    /// A trade was printed.
    pub fn trade(&self, exchange: &Exchange, hub: &mut Hub, trade: &PublicTrade, now_ms: u64) {
        let id = trade.instrument;
        let name = format!("trade.{}", self.boards[id].symbol);
        if hub.wants(&name) {
            let frame = frames::trade(exchange.instrument(id), trade, now_ms);
            hub.publish(&name, &frame.to_string(), wrap);
        }
    }

    /// Sends what is due by time.
    pub fn tick(&mut self, exchange: &mut Exchange, hub: &mut Hub, now_ms: u64) {
        for (id, board) in self.boards.iter_mut().enumerate() {
            for (name, chain) in &mut board.chains {
                if chain.is_due(now_ms) {
                    emit(exchange, hub, id, (name, chain), now_ms);
                }
            }
        }
        self.paced.retain(|name, _| hub.wants(name));
        let new = |name: &&String| !self.paced.contains_key(*name);
        let fresh: Vec<String> = hub.wanted().filter(new).cloned().collect();
        for name in fresh {
            if let Ok(Some(stream)) = read(exchange, &name) {
                let (due_ms, said) = (0, (0, 0));
                let paced = Paced {
                    stream,
                    due_ms,
                    said,
                };
                self.paced.insert(name, paced);
            }
        }
        for (name, paced) in &mut self.paced {
            if paced.due_ms > now_ms {
                continue;
            }
            paced.due_ms = now_ms + pace_ms(paced.stream.topic);
            for frame in tell(exchange, paced, now_ms) {
                hub.publish(name, &frame.to_string(), wrap);
            }
        }
    }
}

fn pace_ms(topic: Topic) -> u64 {
    match topic {
        Topic::OpenInterest => OPEN_INTEREST_MS,
        _ => SECOND_MS,
    }
}

fn emit(
    exchange: &mut Exchange,
    hub: &mut Hub,
    id: InstrumentId,
    gathered: (&str, &mut Chain),
    now_ms: u64,
) {
    let (name, chain) = gathered;
    let symbol = exchange.instrument(id).symbol.clone();
    if let Some(update) = chain.take(&mut exchange.faults, &symbol) {
        let frame = frames::depth(exchange.instrument(id), &update, now_ms);
        hub.publish(name, &frame.to_string(), wrap);
    }
}

/// Returns what a stream has to say.
fn tell(exchange: &Exchange, paced: &mut Paced, now_ms: u64) -> Vec<Value> {
    let Stream {
        topic,
        instrument: id,
    } = paced.stream;
    match topic {
        Topic::Ticker => {
            let day = exchange.tape(id).day(now_ms);
            let day = day.map(|day| frames::ticker(exchange.instrument(id), &day, now_ms));
            day.into_iter().collect()
        }
        Topic::MarkPrice => vec![frames::mark_price(exchange, id, now_ms)],
        Topic::OpenInterest => vec![frames::open_interest(exchange, id, now_ms)],
        Topic::Kline(length) => tell_bars(exchange, id, length, paced, now_ms),
        Topic::Depth | Topic::BookTicker | Topic::Trade => Vec::new(),
    }
}

/// Returns the running bar where it has changed, after the one that has just closed.
fn tell_bars(
    exchange: &Exchange,
    id: InstrumentId,
    length: Interval,
    paced: &mut Paced,
    now_ms: u64,
) -> Vec<Value> {
    let bars = exchange.tape(id).candles(now_ms, 2, |at| length.begin(at));
    let mut told = Vec::new();
    for bar in &bars {
        let closed = length.end(bar.open_ms) < now_ms;
        let changed = (bar.open_ms, bar.trades) > paced.said;
        if (closed && bar.open_ms == paced.said.0) || (!closed && changed) {
            told.push(frames::kline(
                exchange.instrument(id),
                length,
                bar,
                closed,
                now_ms,
            ));
        }
    }
    if let Some(bar) = bars.last() {
        paced.said = (bar.open_ms, bar.trades);
    }
    told
}
