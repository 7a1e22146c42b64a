//! A recorded book imposed on ours: liquidity without orders behind it.
//!
//! Orders of clients join the queue behind what stood there when they came. They move up when
//! recorded trades go through their price or when the recorded level shrinks, and they fill when
//! their turn comes or the recorded market has traded through them.

use super::{Book, Match, OrderId, Owner, Price, Quantity, Side};

/// What a recorded trade did to orders of clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapeFill {
    /// Fills, in order.
    pub matches: Vec<Match>,
    /// What of the recorded quantity is left for the recorded counterparty.
    pub remaining: Quantity,
}

impl Book {
    /// Sets the recorded quantity of a level.
    pub fn set_ghost(&mut self, side: Side, price: Price, quantity: Quantity) {
        let level = self.side_mut(side).entry(price).or_default();
        let before = level.ghost;
        level.ghost = quantity;
        level.total = level.total - before + quantity;
        for order in &mut level.orders {
            order.ahead = order.ahead.min(quantity);
        }
        if before == quantity {
            if level.is_empty() {
                self.side_mut(side).remove(&price);
            }
            return;
        }
        self.touch(side, price);
    }

    /// Sets the recorded best level of a side: nothing recorded stands before it, and nothing
    /// recorded of the other side stands at it or beyond.
    pub fn set_ghost_best(&mut self, side: Side, price: Price, quantity: Quantity) {
        let better: Vec<Price> = match side {
            Side::Buy => self.bids.range(price..).map(|(price, _)| *price).collect(),
            Side::Sell => self.asks.range(..=price).map(|(price, _)| *price).collect(),
        };
        for beyond in better.into_iter().filter(|beyond| *beyond != price) {
            self.set_ghost(side, beyond, Quantity::ZERO);
        }
        let crossed: Vec<Price> = match side {
            Side::Buy => self.asks.range(..=price).map(|(price, _)| *price).collect(),
            Side::Sell => self.bids.range(price..).map(|(price, _)| *price).collect(),
        };
        for beyond in crossed {
            self.set_ghost(side.opposite(), beyond, Quantity::ZERO);
        }
        self.set_ghost(side, price, quantity);
    }

    /// Drops every recorded level.
    pub fn clear_ghosts(&mut self) {
        for side in [Side::Buy, Side::Sell] {
            let prices: Vec<Price> = self.side(side).keys().copied().collect();
            for price in prices {
                self.set_ghost(side, price, Quantity::ZERO);
            }
        }
    }

    /// Plays a recorded trade against the orders of clients.
    pub fn tape(&mut self, aggressor: Side, price: Price, quantity: Quantity) -> TapeFill {
        let side = aggressor.opposite();
        let mut fill = TapeFill {
            matches: Vec::new(),
            remaining: quantity,
        };
        for id in self.traded_through(side, price) {
            let Some(left) = self.remaining(id) else {
                continue;
            };
            fill.matches.extend(self.fill_resting(id, left));
        }
        let Some(level) = self.side_mut(side).get_mut(&price) else {
            return fill;
        };
        let mut due: Vec<(OrderId, Quantity)> = Vec::new();
        let mut reach = quantity;
        for order in &mut level.orders {
            let passed = order.ahead.min(quantity);
            order.ahead -= passed;
            let turn = reach.saturating_sub(passed).min(order.remaining);
            if order.ahead.is_zero() && !turn.is_zero() {
                due.push((order.id, turn));
                reach -= turn;
            }
        }
        for (id, quantity) in due {
            let Some(made) = self.fill_resting(id, quantity) else {
                continue;
            };
            fill.remaining = fill.remaining.saturating_sub(made.quantity);
            fill.matches.push(made);
        }
        fill
    }

    /// Fills orders of clients that recorded liquidity of the other side has reached, so that
    /// the book is never crossed.
    pub fn uncross(&mut self) -> Vec<Match> {
        let mut matches = Vec::new();
        while let (Some((bid, _)), Some((ask, _))) = (self.best(Side::Buy), self.best(Side::Sell))
            && bid >= ask
        {
            let made = self
                .fill_from_ghost(Side::Buy, bid, ask)
                .or_else(|| self.fill_from_ghost(Side::Sell, ask, bid));
            match made {
                Some(made) => matches.push(made),
                // Two recorded levels that cross each other: one of the statements is old.
                None if self.ghost(Side::Sell, ask).is_zero() => break,
                None => self.set_ghost(Side::Sell, ask, Quantity::ZERO),
            }
        }
        matches
    }

    fn fill_from_ghost(&mut self, side: Side, own: Price, other: Price) -> Option<Match> {
        let ghost = self.ghost(side.opposite(), other);
        let first = self.side(side).get(&own)?.orders.front()?.id;
        if ghost.is_zero() {
            return None;
        }
        let made = self.fill_resting(first, ghost)?;
        self.consume_ghost(side.opposite(), other, made.quantity);
        Some(made)
    }

    fn ghost(&self, side: Side, price: Price) -> Quantity {
        self.side(side)
            .get(&price)
            .map_or(Quantity::ZERO, |level| level.ghost)
    }

    pub(super) fn consume_ghost(&mut self, side: Side, price: Price, quantity: Quantity) {
        let Some(level) = self.side_mut(side).get_mut(&price) else {
            return;
        };
        let consumed = quantity.min(level.ghost);
        level.ghost -= consumed;
        level.total -= consumed;
        for order in &mut level.orders {
            order.ahead = order.ahead.saturating_sub(consumed);
        }
        self.touch(side, price);
    }

    /// Returns clients' orders of a side that stand at a better price than `price`, best first.
    fn traded_through(&self, side: Side, price: Price) -> Vec<OrderId> {
        let ours = |id: &OrderId| {
            self.placed
                .get(id)
                .is_some_and(|placed| placed.owner != Owner::Market)
        };
        let mut ids: Vec<OrderId> = Vec::new();
        match side {
            Side::Buy => {
                for (_, level) in self
                    .bids
                    .range(price..)
                    .rev()
                    .filter(|(at, _)| **at > price)
                {
                    ids.extend(level.orders.iter().map(|order| order.id));
                }
            }
            Side::Sell => {
                for (_, level) in self.asks.range(..price) {
                    ids.extend(level.orders.iter().map(|order| order.id));
                }
            }
        }
        ids.retain(ours);
        ids
    }
}
