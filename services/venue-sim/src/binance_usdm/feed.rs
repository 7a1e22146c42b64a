//! Public streams: what is sent at once, and what is sent at a pace.

use std::collections::{BTreeMap, VecDeque};

use super::aggregate::AggTrade;
use super::format;
use super::frames;
use super::market_data::{Day, Level, levels};
use super::stream_name::{Stream, Topic};
use crate::chain::Chain;
use crate::engine::{LevelChange, Price, Quantity, Side};
use crate::exchange::{Exchange, InstrumentId, PublicTrade};
use crate::hub::Hub;
use crate::intervals::Interval;

/// Paces of book changes.
const PACES_MS: [u64; 4] = [0, 100, 250, 500];

/// Aggregate trades kept for each instrument; see the bound on trades.
const AGGREGATES_KEPT: usize = 10_000;

/// Wraps a frame as a combined stream does.
pub(super) fn combine(stream: &str, raw: &str) -> String {
    format!("{{\"stream\":\"{stream}\",\"data\":{raw}}}")
}

/// The changes of one book at one pace, and what the streams of it are called.
#[derive(Debug)]
struct Paces {
    names: Vec<String>,
    chain: Chain,
}

impl Paces {
    fn new(symbol: &str, pace_ms: u64) -> Self {
        let mut names = vec![format!("{symbol}@depth@{pace_ms}ms")];
        if pace_ms == 250 {
            names.push(format!("{symbol}@depth"));
        }
        Self {
            names,
            chain: Chain::new(pace_ms),
        }
    }

    fn emit(&mut self, exchange: &mut Exchange, hub: &mut Hub, id: InstrumentId, now_ms: u64) {
        let symbol = exchange.instrument(id).symbol.clone();
        let Some(update) = self.chain.take(&mut exchange.faults, &symbol) else {
            return;
        };
        let instrument = exchange.instrument(id);
        let write = |levels: Vec<(Price, Quantity)>| -> Vec<Level> {
            let level = |(price, quantity)| {
                [
                    format::price(instrument, price),
                    format::quantity(instrument, quantity),
                ]
            };
            levels.into_iter().map(level).collect()
        };
        let depth = frames::Depth {
            first: update.first,
            last: update.last,
            previous: update.previous,
            bids: write(update.bids),
            asks: write(update.asks),
        };
        let frame = frames::depth(instrument, now_ms, update.time_ms, depth);
        for name in &self.names {
            hub.publish(name, &frame, combine);
        }
    }
}

/// A stream that speaks at a pace.
#[derive(Debug)]
struct Paced {
    stream: Stream,
    due_ms: u64,
    /// What it said last: the bar's beginning and its trades, or the book's state.
    said: (u64, u64),
}

/// What one instrument's streams remember.
#[derive(Debug)]
struct Board {
    symbol: String,
    chains: Vec<Paces>,
    best: Option<((Price, Quantity), (Price, Quantity))>,
    aggregates: VecDeque<AggTrade>,
    open_aggregate: Option<AggTrade>,
    last_aggregate: u64,
}

/// The public streams of the venue.
#[derive(Debug)]
pub(super) struct Feed {
    boards: Vec<Board>,
    paced: BTreeMap<String, Paced>,
}

impl Feed {
    /// Creates the streams of some symbols.
    pub fn new(symbols: impl Iterator<Item = String>) -> Self {
        let board = |symbol: String| {
            let symbol = symbol.to_ascii_lowercase();
            let chains = PACES_MS
                .iter()
                .map(|pace| Paces::new(&symbol, *pace))
                .collect();
            Board {
                symbol,
                chains,
                best: None,
                aggregates: VecDeque::new(),
                open_aggregate: None,
                last_aggregate: 0,
            }
        };
        Self {
            boards: symbols.map(board).collect(),
            paced: BTreeMap::new(),
        }
    }

    /// Returns the aggregate trades of an instrument, oldest first.
    pub fn aggregates(&self, id: InstrumentId) -> impl DoubleEndedIterator<Item = &AggTrade> {
        self.boards[id].aggregates.iter()
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
        let (now_ms, time_ms) = times;
        let board = &mut self.boards[id];
        for paces in &mut board.chains {
            if !paces.names.iter().any(|name| hub.wants(name)) {
                paces.chain.skip(last);
                continue;
            }
            paces.chain.add(first, last, changes, time_ms);
            if paces.chain.pace_ms == 0 {
                paces.emit(exchange, hub, id, now_ms);
            }
        }
        let book = exchange.book(id);
        let (Some(bid), Some(ask)) = (book.best(Side::Buy), book.best(Side::Sell)) else {
            return;
        };
        if board.best == Some((bid, ask)) {
            return;
        }
        board.best = Some((bid, ask));
        let name = format!("{}@bookTicker", board.symbol);
        if hub.wants(&name) || hub.wants("!bookTicker") {
            let instrument = exchange.instrument(id);
            let frame = frames::book_ticker(instrument, now_ms, time_ms, last, bid, ask);
            hub.publish(&name, &frame, combine);
            hub.publish("!bookTicker", &frame, combine);
        }
    }

    /// A trade was printed.
    pub fn trade(&mut self, exchange: &Exchange, hub: &mut Hub, trade: &PublicTrade, now_ms: u64) {
        let id = trade.instrument;
        let name = format!("{}@trade", self.boards[id].symbol);
        if hub.wants(&name) {
            let frame = frames::trade(exchange.instrument(id), now_ms, trade);
            hub.publish(&name, &frame, combine);
        }
        let joined = self.boards[id]
            .open_aggregate
            .as_mut()
            .is_some_and(|open| open.join(trade));
        if !joined {
            self.close_aggregate(exchange, hub, id, now_ms);
            let board = &mut self.boards[id];
            board.last_aggregate += 1;
            board.open_aggregate = Some(AggTrade::begin(board.last_aggregate, trade));
        }
    }

    /// All that happened at one moment has been told.
    pub fn settle(&mut self, exchange: &Exchange, hub: &mut Hub, now_ms: u64) {
        for id in 0..self.boards.len() {
            self.close_aggregate(exchange, hub, id, now_ms);
        }
    }

    fn close_aggregate(
        &mut self,
        exchange: &Exchange,
        hub: &mut Hub,
        id: InstrumentId,
        now_ms: u64,
    ) {
        let board = &mut self.boards[id];
        let Some(trade) = board.open_aggregate.take() else {
            return;
        };
        board.aggregates.push_back(trade);
        if board.aggregates.len() > AGGREGATES_KEPT {
            board.aggregates.pop_front();
        }
        let name = format!("{}@aggTrade", board.symbol);
        if hub.wants(&name) {
            let frame = frames::agg_trade(exchange.instrument(id), now_ms, &trade);
            hub.publish(&name, &frame, combine);
        }
    }

    /// Sends what is due by time.
    pub fn tick(&mut self, exchange: &mut Exchange, hub: &mut Hub, now_ms: u64) {
        for (id, board) in self.boards.iter_mut().enumerate() {
            for paces in &mut board.chains {
                if paces.chain.is_due(now_ms) {
                    paces.emit(exchange, hub, id, now_ms);
                }
            }
        }
        self.paced.retain(|name, _| hub.wants(name));
        let fresh: Vec<String> = hub
            .wanted()
            .filter(|name| !self.paced.contains_key(*name))
            .cloned()
            .collect();
        for name in fresh {
            if let Some(stream) = Stream::read(exchange, &name) {
                self.paced.insert(
                    name,
                    Paced {
                        stream,
                        due_ms: 0,
                        said: (0, 0),
                    },
                );
            }
        }
        for (name, paced) in &mut self.paced {
            if paced.due_ms <= now_ms {
                paced.due_ms = now_ms + paced.stream.pace_ms.max(1);
                speak(exchange, hub, name, paced, now_ms);
            }
        }
    }
}

fn speak(exchange: &Exchange, hub: &mut Hub, name: &str, paced: &mut Paced, now_ms: u64) {
    let one = paced.stream.instrument;
    let ids: Vec<InstrumentId> = one.map_or_else(
        || (0..exchange.instruments().len()).collect(),
        |id| vec![id],
    );
    let told: Vec<String> = ids
        .iter()
        .flat_map(|id| tell(exchange, *id, name, paced, now_ms))
        .collect();
    if one.is_none() && !told.is_empty() {
        hub.publish(name, &format!("[{}]", told.join(",")), combine);
        return;
    }
    for frame in told {
        hub.publish(name, &frame, combine);
    }
}

/// Returns what a stream has to say of one instrument.
fn tell(
    exchange: &Exchange,
    id: InstrumentId,
    name: &str,
    paced: &mut Paced,
    now_ms: u64,
) -> Vec<String> {
    let instrument = exchange.instrument(id);
    match paced.stream.topic {
        Topic::Top(count) => {
            let last = exchange.book(id).sequence();
            if paced.said.0 == last {
                return Vec::new();
            }
            let previous = std::mem::replace(&mut paced.said.0, last);
            let bids = levels(exchange, id, Side::Buy, count);
            let asks = levels(exchange, id, Side::Sell, count);
            let depth = frames::Depth {
                first: previous + 1,
                last,
                previous,
                bids,
                asks,
            };
            vec![frames::depth(instrument, now_ms, now_ms, depth)]
        }
        Topic::MarkPrice => {
            let mark = frames::Mark {
                price: exchange.mark(id),
                rate: exchange.funding_rate(),
                funding_ms: exchange.next_funding_ms(),
            };
            vec![frames::mark_price(instrument, now_ms, &mark)]
        }
        Topic::Ticker => {
            let day = Day::new(exchange, id, now_ms);
            day.map(|day| frames::ticker(instrument, now_ms, day))
                .into_iter()
                .collect()
        }
        Topic::MiniTicker => {
            let day = Day::new(exchange, id, now_ms);
            day.map(|day| frames::mini_ticker(instrument, now_ms, day))
                .into_iter()
                .collect()
        }
        Topic::Kline(interval) => tell_bars(exchange, id, interval, name, paced, now_ms),
        Topic::Depth | Topic::BookTicker | Topic::Trade | Topic::AggTrade | Topic::Liquidation => {
            Vec::new()
        }
    }
}

/// Returns the running bar where it has changed, after the one that has just closed.
fn tell_bars(
    exchange: &Exchange,
    id: InstrumentId,
    interval: Interval,
    name: &str,
    paced: &mut Paced,
    now_ms: u64,
) -> Vec<String> {
    let instrument = exchange.instrument(id);
    let bars = exchange
        .tape(id)
        .candles(now_ms, 2, |at| interval.begin(at));
    let length = name.rsplit("kline_").next().unwrap_or_default();
    let mut frames = Vec::new();
    for bar in &bars {
        let closed = interval.end(bar.open_ms) < now_ms;
        let is_new = (bar.open_ms, bar.trades) > paced.said;
        let just_closed = closed && bar.open_ms == paced.said.0;
        if just_closed || (!closed && is_new) {
            frames.push(frames::kline(
                instrument, now_ms, length, interval, bar, closed,
            ));
        }
    }
    if let Some(bar) = bars.last() {
        paced.said = (bar.open_ms, bar.trades);
    }
    frames
}
