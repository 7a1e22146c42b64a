//! The book itself: levels, queues, sequence numbers.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{OrderId, Owner, Price, Quantity, Side};

/// The state of one price level after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelChange {
    /// Numbers the change; rises by at least one.
    pub sequence: u64,
    /// Which side.
    pub side: Side,
    /// Which level.
    pub price: Price,
    /// What stands there now; zero removes the level.
    pub quantity: Quantity,
}

/// One order in the queue of a level.
#[derive(Clone, Debug)]
pub(super) struct Resting {
    pub id: OrderId,
    pub remaining: Quantity,
    /// Ghost liquidity that stood there before it and has to trade or leave first.
    pub ahead: Quantity,
}

/// One price level.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    pub ghost: Quantity,
    pub orders: VecDeque<Resting>,
    pub total: Quantity,
}

impl Level {
    pub fn is_empty(&self) -> bool {
        self.ghost.is_zero() && self.orders.is_empty()
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub side: Side,
    pub price: Price,
    pub owner: Owner,
}

/// The order book of one instrument.
#[derive(Debug, Default)]
pub struct Book {
    pub(super) bids: BTreeMap<Price, Level>,
    pub(super) asks: BTreeMap<Price, Level>,
    pub(super) placed: HashMap<OrderId, Placed>,
    sequence: u64,
    changes: Vec<LevelChange>,
}

impl Book {
    /// Creates an empty book whose first change will be numbered after `sequence`.
    pub fn new(sequence: u64) -> Self {
        Self {
            sequence,
            ..Self::default()
        }
    }

    /// Returns the number of the last change.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Moves the numbering up to `sequence`, never down: a recorded book brings its own numbers.
    pub fn raise_sequence(&mut self, sequence: u64) {
        self.sequence = self.sequence.max(sequence);
    }

    /// Returns the changes since the last call.
    pub fn take_changes(&mut self) -> Vec<LevelChange> {
        std::mem::take(&mut self.changes)
    }

    /// Returns the best level of a side.
    pub fn best(&self, side: Side) -> Option<(Price, Quantity)> {
        let level = match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        };
        level.map(|(price, level)| (*price, level.total))
    }

    /// Returns the levels of a side, best first.
    pub fn depth(&self, side: Side, limit: usize) -> Vec<(Price, Quantity)> {
        let level = |(price, level): (&Price, &Level)| (*price, level.total);
        match side {
            Side::Buy => self.bids.iter().rev().take(limit).map(level).collect(),
            Side::Sell => self.asks.iter().take(limit).map(level).collect(),
        }
    }

    /// Returns what is left of a resting order.
    pub fn remaining(&self, id: OrderId) -> Option<Quantity> {
        let placed = self.placed.get(&id)?;
        let level = self.side(placed.side).get(&placed.price)?;
        level
            .orders
            .iter()
            .find(|order| order.id == id)
            .map(|order| order.remaining)
    }

    /// Returns side and price of a resting order.
    pub fn placed(&self, id: OrderId) -> Option<(Side, Price)> {
        self.placed
            .get(&id)
            .map(|placed| (placed.side, placed.price))
    }

    /// Returns the quantity that an order of `side` could take at `limit` or better.
    pub fn available(&self, side: Side, limit: Option<Price>) -> Quantity {
        let sum = |total: Quantity, level: &Level| total.saturating_add(level.total);
        match (side, limit) {
            (Side::Buy, Some(limit)) => self
                .asks
                .range(..=limit)
                .map(|(_, level)| level)
                .fold(Quantity::ZERO, sum),
            (Side::Sell, Some(limit)) => self
                .bids
                .range(limit..)
                .map(|(_, level)| level)
                .fold(Quantity::ZERO, sum),
            (Side::Buy, None) => self.asks.values().fold(Quantity::ZERO, sum),
            (Side::Sell, None) => self.bids.values().fold(Quantity::ZERO, sum),
        }
    }

    /// Takes an order out of the book and returns what was left of it.
    pub fn cancel(&mut self, id: OrderId) -> Option<Quantity> {
        let placed = self.placed.remove(&id)?;
        let level = self.side_mut(placed.side).get_mut(&placed.price)?;
        let index = level.orders.iter().position(|order| order.id == id)?;
        let order = level.orders.remove(index)?;
        level.total -= order.remaining;
        self.touch(placed.side, placed.price);
        Some(order.remaining)
    }

    /// Shrinks a resting order to `remaining`, keeping its place in the queue.
    ///
    /// Returns false where it does not rest, or would not shrink to something above zero.
    pub fn shrink(&mut self, id: OrderId, remaining: Quantity) -> bool {
        let Some(placed) = self.placed.get(&id).copied() else {
            return false;
        };
        let Some(level) = self.side_mut(placed.side).get_mut(&placed.price) else {
            return false;
        };
        let Some(order) = level.orders.iter_mut().find(|order| order.id == id) else {
            return false;
        };
        if remaining.is_zero() || remaining >= order.remaining {
            return false;
        }
        level.total -= order.remaining - remaining;
        order.remaining = remaining;
        self.touch(placed.side, placed.price);
        true
    }

    /// Puts the rest of an order at the end of its level's queue.
    pub(super) fn rest(&mut self, id: OrderId, placed: Placed, remaining: Quantity) {
        let level = self.side_mut(placed.side).entry(placed.price).or_default();
        level.orders.push_back(Resting {
            id,
            remaining,
            ahead: level.ghost,
        });
        level.total += remaining;
        self.placed.insert(id, placed);
        self.touch(placed.side, placed.price);
    }

    pub(super) fn side(&self, side: Side) -> &BTreeMap<Price, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    pub(super) fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Price, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Records that a level changed, and drops it when nothing is left.
    pub(super) fn touch(&mut self, side: Side, price: Price) {
        let levels = self.side_mut(side);
        let quantity = levels
            .get(&price)
            .map_or(Quantity::ZERO, |level| level.total);
        if levels.get(&price).is_some_and(Level::is_empty) {
            levels.remove(&price);
        }
        self.sequence += 1;
        let change = LevelChange {
            sequence: self.sequence,
            side,
            price,
            quantity,
        };
        self.changes.push(change);
    }
}
