//! Turning matches into trades, fills and money.

use std::collections::BTreeSet;

use super::state::FILLS_KEPT;
use super::{
    BalanceReason, Event, Exchange, Execution, Fill, Income, IncomeKind, InstrumentId, OrderStatus,
    PublicTrade,
};
use crate::engine::{
    AccountId, Maker, Match, OrderId, Owner, Price, Quantity, Side, TapeFill, notional,
};
use crate::faults::{Facts, FaultKind};

/// One side of one print.
struct Leg {
    order: OrderId,
    price: Price,
    quantity: Quantity,
    maker: bool,
    trade: u64,
}

impl Exchange {
    /// Books the matches of one incoming order.
    pub(super) fn settle(
        &mut self,
        now_ms: u64,
        instrument: InstrumentId,
        taker_side: Side,
        taker: Option<OrderId>,
        matches: Vec<Match>,
    ) {
        let mut touched: BTreeSet<AccountId> = BTreeSet::new();
        for made in matches {
            let maker = match made.maker {
                Maker::Order {
                    id,
                    owner: Owner::Account(_),
                    ..
                } => Some(id),
                _ => None,
            };
            for quantity in self.parts(instrument, taker, maker, made.quantity) {
                let trade = self.print(now_ms, instrument, taker_side, made.price, quantity);
                let leg = |order, maker| Leg {
                    order,
                    price: made.price,
                    quantity,
                    maker,
                    trade,
                };
                touched.extend(maker.and_then(|id| self.book_fill(now_ms, leg(id, true))));
                touched.extend(taker.and_then(|id| self.book_fill(now_ms, leg(id, false))));
            }
        }
        for account in touched {
            self.trim_reduce_only(now_ms, account, instrument);
        }
    }

    /// Prints a public trade and returns its id.
    fn print(
        &mut self,
        time_ms: u64,
        instrument: InstrumentId,
        taker: Side,
        price: Price,
        quantity: Quantity,
    ) -> u64 {
        let tape = &mut self.tapes[instrument];
        let id = tape.next_id();
        let buyer_is_maker = taker == Side::Sell;
        let trade = PublicTrade {
            instrument,
            id,
            price,
            quantity,
            buyer_is_maker,
            time_ms,
        };
        tape.print(trade);
        self.events.push(Event::Trade(trade));
        id
    }

    /// Fills exactly one resting order with somebody outside the book.
    pub fn force_fill(&mut self, now_ms: u64, id: OrderId, quantity: Option<Quantity>) -> bool {
        let Some(order) = self.orders.get(&id).filter(|order| order.status.is_open()) else {
            return false;
        };
        let (instrument, side) = (order.terms.instrument, order.terms.side);
        let quantity = quantity.unwrap_or(order.remaining());
        let Some(made) = self.books[instrument].fill_resting(id, quantity) else {
            return false;
        };
        self.settle(now_ms, instrument, side.opposite(), None, vec![made]);
        self.publish_book(instrument, now_ms);
        true
    }

    /// Plays a recorded trade: clients whose turn it is get filled, the rest prints as recorded.
    pub(crate) fn play_trade(
        &mut self,
        now_ms: u64,
        instrument: InstrumentId,
        aggressor: Side,
        price: Price,
        quantity: Quantity,
    ) {
        let TapeFill { matches, remaining } =
            self.books[instrument].tape(aggressor, price, quantity);
        self.settle(now_ms, instrument, aggressor, None, matches);
        if !remaining.is_zero() {
            self.print(now_ms, instrument, aggressor, price, remaining);
        }
        self.publish_book(instrument, now_ms);
    }

    /// Changes the recorded part of a book, then fills whom it has reached.
    pub(crate) fn play_book(
        &mut self,
        now_ms: u64,
        instrument: InstrumentId,
        change: impl FnOnce(&mut crate::engine::Book),
    ) {
        change(&mut self.books[instrument]);
        for made in self.books[instrument].uncross() {
            let taker = match made.maker {
                Maker::Order { id, .. } => self.orders.get(&id).map(|order| order.terms.side),
                Maker::Ghost => None,
            };
            let Some(side) = taker else { continue };
            self.settle(now_ms, instrument, side.opposite(), None, vec![made]);
        }
        self.publish_book(instrument, now_ms);
    }

    /// Returns the quantities that one match is printed in: one, unless a fault splits it.
    fn parts(
        &mut self,
        instrument: InstrumentId,
        taker: Option<OrderId>,
        maker: Option<OrderId>,
        quantity: Quantity,
    ) -> Vec<Quantity> {
        let mut parts = 1;
        for order in [taker, maker].into_iter().flatten() {
            let Some(terms) = self.orders.get(&order).map(|order| order.terms.clone()) else {
                continue;
            };
            let account = self.account(terms.account).name.clone();
            let symbol = self.instrument(instrument).symbol.clone();
            let facts = Facts {
                symbol: Some(&symbol),
                client_id: Some(&terms.client_id),
                account: Some(&account),
                execution: Some(Execution::Trade),
                ..Facts::default()
            };
            let split = self
                .faults
                .take(&facts, |kind| matches!(kind, FaultKind::SplitFills { .. }));
            if let Some(FaultKind::SplitFills { parts: wanted }) = split {
                parts = wanted.max(1);
                break;
            }
        }
        split(quantity, parts, self.instrument(instrument).step)
    }

    fn book_fill(&mut self, now_ms: u64, leg: Leg) -> Option<AccountId> {
        let order = self.orders.get_mut(&leg.order)?;
        let (account, instrument) = (order.terms.account, order.terms.instrument);
        let side = order.terms.side;
        order.executed += leg.quantity;
        order.executed_quote += notional(leg.price, leg.quantity);
        order.updated_ms = now_ms;
        let filled = order.remaining().is_zero();
        order.status = if filled {
            OrderStatus::Filled
        } else {
            OrderStatus::PartiallyFilled
        };
        let mark = self.mark(instrument);
        let holder = self.account_mut(account);
        if filled {
            holder.open.remove(&leg.order);
        }
        let fee = holder.fee(leg.price, leg.quantity, leg.maker);
        let position = holder.positions.entry(instrument).or_default();
        let realised = position.fill(side, leg.price, leg.quantity, fee);
        position.updated_ms = now_ms;
        let position = *position;
        holder.wallet += realised - fee;
        holder.updated_ms = now_ms;
        let wallet = holder.wallet;
        let fill = Fill {
            trade: leg.trade,
            order: leg.order,
            account,
            instrument,
            side,
            price: leg.price,
            quantity: leg.quantity,
            fee,
            realised,
            maker: leg.maker,
            time_ms: now_ms,
        };
        self.note_income(Income::of_fill(&fill, IncomeKind::Commission, -fee));
        if !realised.is_zero() {
            self.note_income(Income::of_fill(&fill, IncomeKind::RealisedProfit, realised));
        }
        self.fills.push_back(fill.clone());
        if self.fills.len() > FILLS_KEPT {
            self.fills.pop_front();
        }
        self.events.push(Event::Balance {
            account,
            reason: BalanceReason::Order,
            wallet,
            change: rust_decimal::Decimal::ZERO,
            position: Some((instrument, position, mark)),
            time_ms: now_ms,
        });
        self.report(leg.order, Execution::Trade, Some(fill), now_ms);
        Some(account)
    }

    /// Cuts reduce-only orders to what is left to reduce, newest first; the venue does the same.
    fn trim_reduce_only(&mut self, now_ms: u64, account: AccountId, instrument: InstrumentId) {
        let position = self.account(account).position(instrument).quantity;
        let mut budget = Quantity::from_decimal(position.abs()).unwrap_or(Quantity::MAX);
        let reducing = if position.is_sign_positive() {
            Side::Sell
        } else {
            Side::Buy
        };
        let ours: Vec<(OrderId, Side, Quantity)> = self
            .open_orders(account)
            .filter(|order| order.terms.reduce_only && order.terms.instrument == instrument)
            .map(|order| (order.id, order.terms.side, order.remaining()))
            .collect();
        for (id, side, remaining) in ours {
            let kept = if side == reducing {
                remaining.min(budget)
            } else {
                Quantity::ZERO
            };
            budget = budget.saturating_sub(kept);
            if kept.is_zero() {
                self.books[instrument].cancel(id);
                self.close(id, OrderStatus::Expired, now_ms);
            } else if kept < remaining && self.books[instrument].shrink(id, kept) {
                if let Some(order) = self.orders.get_mut(&id) {
                    order.terms.quantity = order.executed + kept;
                    order.updated_ms = now_ms;
                }
                self.report(id, Execution::Amended, None, now_ms);
            }
        }
    }
}

/// Splits a quantity into at most `parts` multiples of `step` that add up to it.
fn split(quantity: Quantity, parts: u32, step: Quantity) -> Vec<Quantity> {
    let share = Quantity::from_raw(quantity.raw() / i64::from(parts.max(1))).floor_to(step);
    if parts <= 1 || share.is_zero() {
        return vec![quantity];
    }
    let mut left = quantity;
    let mut sizes = Vec::new();
    for _ in 1..parts {
        sizes.push(share);
        left -= share;
    }
    sizes.push(left);
    sizes
}
