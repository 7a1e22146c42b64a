//! Playing a recorded market: its book as ghost liquidity, its trades through our queues.

use std::sync::Arc;

use super::{Record, Recording};
use crate::engine::{Book, Price, Quantity, Side};
use crate::exchange::{Exchange, InstrumentId};

/// Between the end of a recording and its next beginning.
const LOOP_GAP_MS: u64 = 100;

/// A recorded market of one instrument, shifted to now and repeated for ever.
#[derive(Debug)]
pub struct Replay {
    recording: Arc<Recording>,
    instrument: InstrumentId,
    /// Recorded milliseconds that pass in one second of the clock, in thousandths.
    speed_permille: u64,
    next: usize,
    began_ms: Option<u64>,
    /// Added to recorded update ids, so that they go on rising when the recording repeats.
    shift: u64,
    applied: u64,
}

impl Replay {
    /// Creates the replay of a recording at so many thousandths of its own speed.
    pub fn new(recording: Arc<Recording>, instrument: InstrumentId, speed_permille: u64) -> Self {
        Self {
            recording,
            instrument,
            speed_permille: speed_permille.max(1),
            next: 0,
            began_ms: None,
            shift: 0,
            applied: 0,
        }
    }

    /// Plays all records that are due.
    pub fn advance(&mut self, exchange: &mut Exchange, now_ms: u64) {
        let began_ms = *self.began_ms.get_or_insert(now_ms);
        let elapsed = now_ms.saturating_sub(began_ms) * self.speed_permille / 1000;
        let recording = Arc::clone(&self.recording);
        while let Some((at_ms, record)) = recording.records.get(self.next)
            && *at_ms <= elapsed
        {
            self.next += 1;
            self.play(exchange, record, now_ms);
        }
        if self.next == recording.records.len() {
            let length = recording.records.last().map_or(0, |(at_ms, _)| *at_ms) + LOOP_GAP_MS;
            self.began_ms = Some(began_ms + length * 1000 / self.speed_permille);
            self.next = 0;
            self.shift = exchange.book(self.instrument).sequence();
            self.applied = 0;
        }
    }

    /// Plays one record now.
    pub fn play(&mut self, exchange: &mut Exchange, record: &Record, now_ms: u64) {
        match record {
            Record::Snapshot { last, levels } => {
                // A second round begins at the ids where the first one ended.
                self.shift = self.shift.saturating_sub(*last);
                self.applied = *last;
                let id = last + self.shift;
                exchange.play_book(now_ms, self.instrument, |book| {
                    book.clear_ghosts();
                    impose(book, levels, id);
                });
                self.settle_mark(exchange);
            }
            Record::Depth { last, levels, .. } if *last >= self.applied => {
                self.applied = *last;
                let id = last + self.shift;
                exchange.play_book(now_ms, self.instrument, |book| impose(book, levels, id));
            }
            Record::Best { last, bid, ask } if *last >= self.applied => {
                let id = last + self.shift;
                exchange.play_book(now_ms, self.instrument, |book| {
                    book.set_ghost_best(Side::Buy, bid.0, bid.1);
                    book.set_ghost_best(Side::Sell, ask.0, ask.1);
                    book.raise_sequence(id);
                });
            }
            Record::Trade {
                aggressor,
                price,
                quantity,
            } => {
                exchange.play_trade(now_ms, self.instrument, *aggressor, *price, *quantity);
            }
            Record::Depth { .. } | Record::Best { .. } => {}
        }
    }

    /// The mark price begins at the recorded market, wherever the instrument was before.
    fn settle_mark(&self, exchange: &mut Exchange) {
        let book = exchange.book(self.instrument);
        if let (Some((bid, _)), Some((ask, _))) = (book.best(Side::Buy), book.best(Side::Sell)) {
            let middle = Price::from_raw(bid.raw() / 2 + ask.raw() / 2);
            exchange.set_mark(self.instrument, middle);
        }
    }
}

fn impose(book: &mut Book, levels: &[(Side, Price, Quantity)], id: u64) {
    for (side, price, quantity) in levels {
        book.set_ghost(*side, *price, *quantity);
    }
    book.raise_sequence(id);
}
