//! A seeded market: a maker who quotes many levels, and takers who trade through them.
//!
//! The price moves only because somebody buys or sells through the levels between: a client's
//! order that stands in the way is filled, in its turn. The same seed and the same calls give the
//! same market.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::engine::{OrderId, Price, Quantity, SCALE, Side, TimeInForce};
use crate::exchange::{Exchange, Instrument, InstrumentId};

/// Quotes reach this far from the middle, as a share of the price (1 / 50 = 2 %).
const REACH_DIVISOR: i64 = 50;

/// The centre is pulled back once it has strayed this far from where it began (1 / 40 = 2.5 %), so
/// that a market left running stays inside the price bands of its own filters.
const STRAY_DIVISOR: i64 = 40;

/// One move is at most this share of the price: 0.3 basis points. At twenty steps a second that
/// is about half a basis point per square root of a second, as BTC moves on a quiet day.
const MOVE_DIVISOR: i64 = 33_333;

/// The centre moves once in so many moves of the price.
const WANDER_ODDS: u32 = 30;

/// Each move goes this part of the way back to the centre.
const PULL_DIVISOR: i64 = 4;

/// Ticks quoted one by one next to the middle; further out every tenth, hundredth, thousandth.
const DENSE_TICKS: i64 = 10;

/// Steps that one call makes up for at most: a machine that slept does not replay the night.
const CATCH_UP_STEPS: u32 = 200;

/// The seeded market of one instrument.
#[derive(Debug)]
pub struct Generator {
    rng: ChaCha8Rng,
    instrument: InstrumentId,
    tick: i64,
    step: Quantity,
    /// The best bid, in ticks; the best ask is one tick above.
    fair: i64,
    /// What the price swings around; it wanders slowly.
    centre: i64,
    anchor: i64,
    quotes: BTreeMap<(Side, i64), OrderId>,
    interval_ms: u64,
    next_ms: u64,
}

impl Generator {
    /// Creates the market of one instrument with so many steps a second.
    pub fn new(seed: u64, id: InstrumentId, instrument: &Instrument, per_second: u32) -> Self {
        let tick = instrument.tick.raw().max(1);
        let fair = instrument.start_price.raw() / tick;
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed ^ (id as u64 + 1).wrapping_mul(0x9E37_79B9)),
            instrument: id,
            tick,
            step: instrument.step,
            fair,
            centre: fair,
            anchor: fair,
            quotes: BTreeMap::new(),
            interval_ms: u64::from(1000 / per_second.clamp(1, 1000)),
            next_ms: 0,
        }
    }

    /// Makes the steps that are due.
    pub fn advance(&mut self, exchange: &mut Exchange, now_ms: u64) {
        if self.next_ms == 0 {
            self.next_ms = now_ms;
        }
        for _ in 0..CATCH_UP_STEPS {
            if self.next_ms > now_ms {
                return;
            }
            let due_ms = self.next_ms;
            self.next_ms += self.interval_ms;
            self.step(exchange, due_ms);
        }
        self.next_ms = now_ms + self.interval_ms;
    }

    /// Makes steps at moments of the past, so that a venue opens with a history of real matches.
    pub fn warm_up(&mut self, exchange: &mut Exchange, from_ms: u64, to_ms: u64, every_ms: u64) {
        let mut at_ms = from_ms;
        while at_ms < to_ms {
            self.step(exchange, at_ms);
            at_ms += every_ms;
        }
        self.next_ms = to_ms;
    }

    /// Trades through the book to a price and goes on from there.
    pub fn move_to(&mut self, exchange: &mut Exchange, price: Price, now_ms: u64) {
        let fair = price.raw() / self.tick;
        self.anchor = fair;
        self.centre = fair;
        self.walk(exchange, fair - self.fair, now_ms);
        self.quote(exchange, now_ms);
    }

    fn step(&mut self, exchange: &mut Exchange, now_ms: u64) {
        if self.quotes.is_empty() {
            self.quote(exchange, now_ms);
        }
        match self.rng.random_range(0..100u32) {
            0..45 => {
                let by = self.swing();
                self.walk(exchange, by, now_ms);
            }
            45..85 => self.nibble(exchange, now_ms),
            _ => self.refresh(exchange),
        }
        self.quote(exchange, now_ms);
    }

    /// Draws the next move: at random, and a part of the way back to the centre.
    ///
    /// The swings are wider than what the centre wanders in the same time, so that a passive
    /// order at the touch is passed, and filled, within seconds.
    fn swing(&mut self) -> i64 {
        let most = (self.fair / MOVE_DIVISOR).max(1);
        if self.rng.random_ratio(1, WANDER_ODDS) {
            let strayed = self.centre - self.anchor;
            let mut wander = self.rng.random_range(-most..=most);
            if strayed.abs() > self.anchor / STRAY_DIVISOR {
                wander = -strayed.signum() * wander.abs();
            }
            self.centre += wander;
        }
        self.rng.random_range(-most..=most) + (self.centre - self.fair) / PULL_DIVISOR
    }

    /// Moves the price by trading through every level between.
    fn walk(&mut self, exchange: &mut Exchange, by: i64, now_ms: u64) {
        self.fair += by;
        let (side, limit) = match by {
            1.. => (Side::Buy, self.fair),
            0 => return,
            _ => (Side::Sell, self.fair + 1),
        };
        let limit = self.price(limit);
        let quantity = exchange.book(self.instrument).available(side, Some(limit));
        if !quantity.is_zero() {
            self.take(exchange, side, limit, quantity, now_ms);
        }
    }

    /// One small trade at the touch; now and then it takes all that stands there.
    fn nibble(&mut self, exchange: &mut Exchange, now_ms: u64) {
        let side = if self.rng.random_bool(0.5) {
            Side::Buy
        } else {
            Side::Sell
        };
        let Some((price, standing)) = exchange.book(self.instrument).best(side.opposite()) else {
            return;
        };
        let whole = self.rng.random_ratio(1, 4);
        let quantity = if whole {
            standing
        } else {
            self.size(price, 20, 2_000).min(standing)
        };
        self.take(exchange, side, price, quantity, now_ms);
    }

    /// Takes one quote away; the next quoting puts another size in its place.
    fn refresh(&mut self, exchange: &mut Exchange) {
        let index = self.rng.random_range(0..self.quotes.len().max(1));
        let key = self.quotes.keys().nth(index).copied();
        if let Some(id) = key.and_then(|key| self.quotes.remove(&key)) {
            exchange.withdraw(self.instrument, id);
        }
    }

    fn quote(&mut self, exchange: &mut Exchange, now_ms: u64) {
        for side in [Side::Buy, Side::Sell] {
            let wanted = self.ladder(side);
            let gone: Vec<(Side, i64)> = self
                .quotes
                .range((side, i64::MIN)..=(side, i64::MAX))
                .filter(|((_, at), id)| {
                    !wanted.contains(at) || exchange.book(self.instrument).placed(**id).is_none()
                })
                .map(|(key, _)| *key)
                .collect();
            for key in gone {
                if let Some(id) = self.quotes.remove(&key) {
                    exchange.withdraw(self.instrument, id);
                }
            }
            for at in wanted {
                if at <= 0 || self.quotes.contains_key(&(side, at)) {
                    continue;
                }
                let distance = (at - self.fair).abs();
                let price = self.price(at);
                let quantity = self.size(price, 500, 10_000 + distance.min(1_000) * 50);
                let tif = TimeInForce::PostOnly;
                let (id, _) =
                    exchange.market_order(now_ms, self.instrument, side, price, quantity, tif);
                if exchange.book(self.instrument).placed(id).is_some() {
                    self.quotes.insert((side, at), id);
                }
            }
        }
        exchange.publish(self.instrument, now_ms);
    }

    /// Returns the ticks to quote on one side: dense near the middle, sparse further out.
    ///
    /// Sparse levels lie on round numbers, not at distances, so that a small move changes few.
    fn ladder(&self, side: Side) -> Vec<i64> {
        let (best, sign) = match side {
            Side::Buy => (self.fair, -1),
            Side::Sell => (self.fair + 1, 1),
        };
        let reach = self.fair / REACH_DIVISOR;
        let mut ticks: Vec<i64> = (0..DENSE_TICKS)
            .map(|offset| best + sign * offset)
            .collect();
        let mut grid = 10;
        while grid <= 1_000 && grid < reach {
            let edge = best + sign * grid;
            let first = match side {
                Side::Buy => edge.div_euclid(grid) * grid,
                Side::Sell => -(-edge).div_euclid(grid) * grid,
            };
            for number in 0..9 {
                let at = first + sign * grid * number;
                if (at - best).abs() <= reach && !ticks.contains(&at) {
                    ticks.push(at);
                }
            }
            grid *= 10;
        }
        ticks
    }

    /// Draws a quantity worth between `least` and `most` quote units.
    fn size(&mut self, price: Price, least: i64, most: i64) -> Quantity {
        let worth = self.rng.random_range(least..=most);
        let one = 10_i128.pow(SCALE);
        let raw = i128::from(worth) * one * one / i128::from(price.raw().max(1));
        Quantity::from_raw(i64::try_from(raw).unwrap_or(i64::MAX))
            .floor_to(self.step)
            .max(self.step)
    }

    fn take(
        &mut self,
        exchange: &mut Exchange,
        side: Side,
        limit: Price,
        quantity: Quantity,
        now_ms: u64,
    ) {
        let tif = TimeInForce::ImmediateOrCancel;
        exchange.market_order(now_ms, self.instrument, side, limit, quantity, tif);
    }

    fn price(&self, ticks: i64) -> Price {
        Price::from_raw(ticks.saturating_mul(self.tick))
    }
}
