//! Turning matches into trades, fills and money.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::state::FILLS_KEPT;
use super::{
    BalanceReason, Event, Exchange, Execution, Fill, Income, IncomeKind, InstrumentId, OrderStatus,
    PublicTrade,
};
use crate::account::{MONEY_SCALE, Position};
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

/// A trade about to be printed.
struct Print {
    taker: Side,
    price: Price,
    quantity: Quantity,
    /// The order that stood, and the one that took.
    orders: (Option<OrderId>, Option<OrderId>),
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
                let standing = match made.maker {
                    Maker::Order { id, .. } => Some(id),
                    Maker::Ghost => None,
                };
                let print = Print {
                    taker: taker_side,
                    price: made.price,
                    quantity,
                    orders: (standing, taker),
                };
                let trade = self.print(now_ms, instrument, print);
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
    fn print(&mut self, time_ms: u64, instrument: InstrumentId, print: Print) -> u64 {
        let tape = &mut self.tapes[instrument];
        let id = tape.next_id();
        let (maker, taker) = print.orders;
        let trade = PublicTrade {
            instrument,
            id,
            price: print.price,
            quantity: print.quantity,
            buyer_is_maker: print.taker == Side::Sell,
            maker,
            taker,
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
            let print = Print {
                taker: aggressor,
                price,
                quantity: remaining,
                orders: (None, None),
            };
            self.print(now_ms, instrument, print);
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
        if filled {
            self.account_mut(account).open.remove(&leg.order);
        }
        let fill = Fill {
            trade: leg.trade,
            order: leg.order,
            account,
            instrument,
            side,
            price: leg.price,
            quantity: leg.quantity,
            fee: Decimal::ZERO,
            fee_asset: self.instrument(instrument).quote.clone(),
            realised: Decimal::ZERO,
            maker: leg.maker,
            time_ms: now_ms,
        };
        let fill = if self.instrument(instrument).is_spot() {
            self.exchange_assets(fill)
        } else {
            self.move_position(fill)
        };
        self.fills.push_back(fill.clone());
        if self.fills.len() > FILLS_KEPT {
            self.fills.pop_front();
        }
        self.report(leg.order, Execution::Trade, Some(fill), now_ms);
        Some(account)
    }

    /// Books a fill on a position; returns it with its fee and what it realised.
    fn move_position(&mut self, mut fill: Fill) -> Fill {
        let mark = self.mark(fill.instrument);
        let holder = self.account_mut(fill.account);
        fill.fee = holder.fee(fill.price, fill.quantity, fill.maker);
        let position = holder.positions.entry(fill.instrument).or_default();
        fill.realised = position.fill(fill.side, fill.price, fill.quantity, fill.fee);
        position.updated_ms = fill.time_ms;
        let position = *position;
        holder.wallet += fill.realised - fill.fee;
        holder.updated_ms = fill.time_ms;
        self.note_income(Income::of_fill(&fill, IncomeKind::Commission, -fill.fee));
        if !fill.realised.is_zero() {
            self.note_income(Income::of_fill(
                &fill,
                IncomeKind::RealisedProfit,
                fill.realised,
            ));
        }
        self.tell_balance(&fill, Some((fill.instrument, position, mark)));
        fill
    }

    /// Books a spot fill: both assets change hands, and what is received pays the fee.
    fn exchange_assets(&mut self, mut fill: Fill) -> Fill {
        let base = self.instrument(fill.instrument).base.clone();
        let worth = notional(fill.price, fill.quantity);
        let holder = self.account_mut(fill.account);
        let rate = holder.spot_rate(fill.maker);
        let paid = match fill.side {
            Side::Buy => {
                fill.fee = (fill.quantity.decimal() * rate).trunc_with_scale(MONEY_SCALE);
                holder.hold(&base, fill.quantity.decimal() - fill.fee);
                fill.fee_asset = base;
                -worth
            }
            Side::Sell => {
                fill.fee = (worth * rate).trunc_with_scale(MONEY_SCALE);
                holder.hold(&base, -fill.quantity.decimal());
                self.note_income(Income::of_fill(&fill, IncomeKind::Commission, -fill.fee));
                worth
            }
        };
        let holder = self.account_mut(fill.account);
        holder.wallet += paid;
        if fill.side == Side::Sell {
            holder.wallet -= fill.fee;
        }
        holder.updated_ms = fill.time_ms;
        self.note_income(Income::of_fill(&fill, IncomeKind::Spot, paid));
        self.tell_balance(&fill, None);
        fill
    }

    fn tell_balance(&mut self, fill: &Fill, position: Option<(InstrumentId, Position, Price)>) {
        self.events.push(Event::Balance {
            account: fill.account,
            reason: BalanceReason::Order,
            wallet: self.account(fill.account).wallet,
            change: Decimal::ZERO,
            position,
            time_ms: fill.time_ms,
        });
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
