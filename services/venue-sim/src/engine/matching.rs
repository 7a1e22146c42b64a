//! An incoming order against the book.

use super::book::Placed;
use super::{
    Book, Disposition, Incoming, Maker, Match, OrderId, Outcome, Owner, Price, Quantity, SelfTrade,
    Side, TimeInForce,
};

/// What stands first in the queue of the best opposite level.
enum Front {
    Ghost(Quantity),
    Order {
        id: OrderId,
        owner: Owner,
        remaining: Quantity,
    },
}

impl Book {
    /// Matches an order and rests what may rest.
    pub fn submit(&mut self, order: Incoming) -> Outcome {
        if let Some(refused) = self.refusal(&order) {
            return Outcome {
                matches: Vec::new(),
                prevented: Vec::new(),
                remaining: order.quantity,
                disposition: refused,
            };
        }
        let mut outcome = Outcome {
            matches: Vec::new(),
            prevented: Vec::new(),
            remaining: order.quantity,
            disposition: Disposition::Filled,
        };
        while !outcome.remaining.is_zero() {
            let Some(price) = self.crossing(order.side, order.limit) else {
                break;
            };
            let Some(front) = self.front(order.side.opposite(), price) else {
                break;
            };
            if self.prevent(&order, &front, &mut outcome) {
                if outcome.disposition == Disposition::ExpiredOnSelf {
                    return outcome;
                }
                continue;
            }
            let made = self.trade(order.side.opposite(), price, front, outcome.remaining);
            outcome.remaining -= made.quantity;
            outcome.matches.push(made);
        }
        outcome.disposition = self.settle(&order, outcome.remaining);
        outcome
    }

    /// Matches one resting order directly, past its queue, with somebody outside the book.
    ///
    /// Returns what was traded. It is how a script fills exactly the order that it means.
    pub fn fill_resting(&mut self, id: OrderId, quantity: Quantity) -> Option<Match> {
        let placed = self.placed.get(&id).copied()?;
        let left = self.remaining(id)?;
        let quantity = quantity.min(left);
        if quantity.is_zero() {
            return None;
        }
        if quantity == left {
            self.cancel(id);
        } else {
            self.shrink(id, left - quantity);
        }
        let maker = Maker::Order {
            id,
            owner: placed.owner,
            remaining: left - quantity,
        };
        Some(Match {
            maker,
            price: placed.price,
            quantity,
        })
    }

    fn refusal(&self, order: &Incoming) -> Option<Disposition> {
        match order.time_in_force {
            TimeInForce::PostOnly if self.crossing(order.side, order.limit).is_some() => {
                Some(Disposition::WouldTake)
            }
            TimeInForce::FillOrKill if self.available(order.side, order.limit) < order.quantity => {
                Some(Disposition::NotFillable)
            }
            _ => None,
        }
    }

    /// Returns the best opposite price that an order of `side` accepts.
    pub(super) fn crossing(&self, side: Side, limit: Option<Price>) -> Option<Price> {
        let (best, _) = self.best(side.opposite())?;
        let accepted = match (side, limit) {
            (_, None) => true,
            (Side::Buy, Some(limit)) => best <= limit,
            (Side::Sell, Some(limit)) => best >= limit,
        };
        accepted.then_some(best)
    }

    /// Ghost liquidity that stood before an order goes first.
    fn front(&self, side: Side, price: Price) -> Option<Front> {
        let level = self.side(side).get(&price)?;
        match level.orders.front() {
            Some(order) if order.ahead.is_zero() || level.ghost.is_zero() => {
                let owner = self.placed.get(&order.id)?.owner;
                Some(Front::Order {
                    id: order.id,
                    owner,
                    remaining: order.remaining,
                })
            }
            Some(order) => Some(Front::Ghost(order.ahead.min(level.ghost))),
            None => Some(Front::Ghost(level.ghost)),
        }
    }

    /// Applies self-trade prevention; returns whether the front was dealt with.
    fn prevent(&mut self, order: &Incoming, front: &Front, outcome: &mut Outcome) -> bool {
        let Front::Order {
            id,
            owner,
            remaining,
        } = front
        else {
            return false;
        };
        if *owner == Owner::Market || *owner != order.owner {
            return false;
        }
        let (expire_maker, expire_taker) = match order.self_trade {
            SelfTrade::Allow => return false,
            SelfTrade::ExpireMaker => (true, false),
            SelfTrade::ExpireTaker => (false, true),
            SelfTrade::ExpireBoth => (true, true),
        };
        if expire_maker {
            self.cancel(*id);
            outcome.prevented.push((*id, *remaining));
        }
        if expire_taker {
            outcome.disposition = Disposition::ExpiredOnSelf;
        }
        true
    }

    fn trade(&mut self, side: Side, price: Price, front: Front, wanted: Quantity) -> Match {
        match front {
            Front::Ghost(standing) => {
                let quantity = wanted.min(standing);
                self.consume_ghost(side, price, quantity);
                Match {
                    maker: Maker::Ghost,
                    price,
                    quantity,
                }
            }
            Front::Order {
                id,
                owner,
                remaining,
            } => {
                let quantity = wanted.min(remaining);
                if quantity == remaining {
                    self.cancel(id);
                } else {
                    self.shrink(id, remaining - quantity);
                }
                let maker = Maker::Order {
                    id,
                    owner,
                    remaining: remaining - quantity,
                };
                Match {
                    maker,
                    price,
                    quantity,
                }
            }
        }
    }

    fn settle(&mut self, order: &Incoming, remaining: Quantity) -> Disposition {
        if remaining.is_zero() {
            return Disposition::Filled;
        }
        match (order.limit, order.time_in_force) {
            (Some(price), TimeInForce::GoodTillCancelled | TimeInForce::PostOnly) => {
                let placed = Placed {
                    side: order.side,
                    price,
                    owner: order.owner,
                };
                self.rest(order.id, placed, remaining);
                Disposition::Rested
            }
            _ => Disposition::Expired,
        }
    }
}
