//! What makes a market move: a seeded generator, or a recording.
//!
//! Both act on the exchange only through its books, so that every price a client sees was traded
//! and every order of a client stands in the same queue as theirs.

mod generator;
mod recording;
mod replay;

#[cfg(test)]
mod tests;

use crate::engine::{Price, Quantity, Side, TimeInForce};
use crate::exchange::{Exchange, InstrumentId};

pub use generator::Generator;
pub use recording::{Record, Recording, RecordingError};
pub use replay::Replay;

/// What moves one instrument.
#[derive(Debug)]
pub enum Driver {
    /// A seeded generator.
    Generated(Box<Generator>),
    /// A recorded market.
    Replayed(Box<Replay>),
}

/// What moves the instruments of one venue.
#[derive(Debug, Default)]
pub struct Market {
    drivers: Vec<Driver>,
    paused: bool,
}

impl Market {
    /// Creates a market from one driver an instrument, in the order of the instruments.
    pub fn new(drivers: Vec<Driver>) -> Self {
        Self {
            drivers,
            paused: false,
        }
    }

    /// Plays all that is due.
    pub fn advance(&mut self, exchange: &mut Exchange, now_ms: u64) {
        if self.paused {
            return;
        }
        for driver in &mut self.drivers {
            match driver {
                Driver::Generated(generator) => generator.advance(exchange, now_ms),
                Driver::Replayed(replay) => replay.advance(exchange, now_ms),
            }
        }
    }

    /// Stops the market, or lets it go on.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Whether it is stopped.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Trades through the book to a price and goes on from there.
    pub fn move_to(
        &mut self,
        exchange: &mut Exchange,
        instrument: InstrumentId,
        price: Price,
        now_ms: u64,
    ) {
        match self.drivers.get_mut(instrument) {
            Some(Driver::Generated(generator)) => generator.move_to(exchange, price, now_ms),
            _ => {
                let book = exchange.book(instrument);
                let side = match book.best(Side::Sell) {
                    Some((ask, _)) if price >= ask => Side::Buy,
                    _ => Side::Sell,
                };
                let quantity = book.available(side, Some(price));
                exchange.play_trade(now_ms, instrument, side, price, quantity);
            }
        }
    }

    /// Sends one aggressive order of the market's own; returns what did not trade.
    pub fn trade(
        exchange: &mut Exchange,
        instrument: InstrumentId,
        side: Side,
        price: Price,
        quantity: Quantity,
        now_ms: u64,
    ) -> Quantity {
        let tif = TimeInForce::ImmediateOrCancel;
        let (_, left) = exchange.market_order(now_ms, instrument, side, price, quantity, tif);
        exchange.publish(instrument, now_ms);
        left
    }
}
