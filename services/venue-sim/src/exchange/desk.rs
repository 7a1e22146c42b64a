//! Placing, cancelling and amending.

use rust_decimal::Decimal;

use super::{
    Band, Event, Exchange, Execution, InstrumentId, Kind, NewOrder, Order, OrderStatus, Refusal,
};
use crate::engine::{
    AccountId, Disposition, Incoming, OrderId, Owner, Price, Quantity, SelfTrade, Side, TimeInForce,
};

impl Exchange {
    /// Takes an order, matches it, and returns its id.
    ///
    /// # Errors
    /// The venue's refusal; nothing has changed then.
    pub fn place(&mut self, now_ms: u64, terms: NewOrder) -> Result<OrderId, Refusal> {
        let terms = self.admit(terms)?;
        let id = self.next_order + 1;
        let incoming = self.incoming(id, &terms);
        let instrument = terms.instrument;
        let outcome = self.books[instrument].submit(incoming);
        match outcome.disposition {
            Disposition::WouldTake => return Err(Refusal::WouldTake),
            Disposition::NotFillable => return Err(Refusal::NotFillable),
            _ => self.next_order_id(),
        };
        let side = terms.side;
        let order = Order {
            id,
            terms,
            executed: Quantity::ZERO,
            executed_quote: Decimal::ZERO,
            status: OrderStatus::New,
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        self.keep(order);
        self.report(id, Execution::New, None, now_ms);
        self.settle(now_ms, instrument, side, Some(id), outcome.matches);
        for (prevented, _) in outcome.prevented {
            self.close(prevented, OrderStatus::ExpiredOnSelf, now_ms);
        }
        match outcome.disposition {
            Disposition::Expired => self.close(id, OrderStatus::Expired, now_ms),
            Disposition::ExpiredOnSelf => self.close(id, OrderStatus::ExpiredOnSelf, now_ms),
            _ => {}
        }
        self.publish_book(instrument, now_ms);
        Ok(id)
    }

    /// Checks an order without taking it.
    ///
    /// # Errors
    /// The venue's refusal.
    pub fn check(&self, terms: &NewOrder) -> Result<(), Refusal> {
        self.admit(terms.clone()).map(|_| ())
    }

    /// Takes an order out of the book.
    ///
    /// # Errors
    /// [`Refusal::UnknownOrder`] where it is not open, or another account's.
    pub fn cancel(&mut self, now_ms: u64, account: AccountId, id: OrderId) -> Result<(), Refusal> {
        if !self.account(account).open.contains(&id) {
            return Err(Refusal::UnknownOrder);
        }
        let Some(order) = self.orders.get(&id) else {
            return Err(Refusal::UnknownOrder);
        };
        let instrument = order.terms.instrument;
        self.books[instrument].cancel(id);
        self.close(id, OrderStatus::Cancelled, now_ms);
        self.publish_book(instrument, now_ms);
        Ok(())
    }

    /// Changes price and quantity of a resting limit order.
    ///
    /// Only a smaller quantity at the same price keeps its place in the queue. A quantity that
    /// has already traded, or a post-only order that would take, ends the order.
    ///
    /// # Errors
    /// The venue's refusal; nothing has changed then.
    pub fn amend(
        &mut self,
        now_ms: u64,
        id: OrderId,
        price: Price,
        quantity: Quantity,
    ) -> Result<(), Refusal> {
        let Some(order) = self.orders.get(&id).filter(|order| order.status.is_open()) else {
            return Err(Refusal::UnknownOrder);
        };
        let before = order.clone();
        if before.terms.price == Some(price) && before.terms.quantity == quantity {
            return Err(Refusal::NothingToAmend);
        }
        let mut terms = before.terms.clone();
        terms.price = Some(price);
        terms.quantity = quantity;
        self.check_filters(&terms)?;
        if quantity <= before.executed {
            return self.cancel(now_ms, terms.account, id);
        }
        if !terms.reduce_only {
            let mut rest = terms.clone();
            rest.quantity = quantity - before.executed;
            self.check_margin(&rest, Some(id))?;
        }
        let keeps_place = before.terms.price == Some(price) && quantity < before.terms.quantity;
        let instrument = terms.instrument;
        let side = terms.side;
        if let Some(order) = self.orders.get_mut(&id) {
            order.terms = terms.clone();
            order.updated_ms = now_ms;
        }
        if keeps_place {
            self.books[instrument].shrink(id, quantity - before.executed);
            self.report(id, Execution::Amended, None, now_ms);
        } else {
            self.books[instrument].cancel(id);
            let mut incoming = self.incoming(id, &terms);
            incoming.quantity = quantity - before.executed;
            let outcome = self.books[instrument].submit(incoming);
            self.report(id, Execution::Amended, None, now_ms);
            self.settle(now_ms, instrument, side, Some(id), outcome.matches);
            if matches!(outcome.disposition, Disposition::WouldTake) {
                self.close(id, OrderStatus::Expired, now_ms);
            }
        }
        self.publish_book(instrument, now_ms);
        Ok(())
    }

    /// Ends orders whose time is over.
    pub(super) fn expire_due(&mut self, now_ms: u64) {
        let due: Vec<(OrderId, InstrumentId)> = self
            .accounts
            .iter()
            .flat_map(|account| account.open.iter())
            .filter_map(|id| self.orders.get(id))
            .filter(|order| order.terms.expires_ms.is_some_and(|at| at <= now_ms))
            .map(|order| (order.id, order.terms.instrument))
            .collect();
        for (id, instrument) in due {
            self.books[instrument].cancel(id);
            self.close(id, OrderStatus::Expired, now_ms);
            self.publish_book(instrument, now_ms);
        }
    }

    fn incoming(&self, id: OrderId, terms: &NewOrder) -> Incoming {
        let instrument = self.instrument(terms.instrument);
        let mark = self.mark(terms.instrument);
        let best = self.book(terms.instrument).best(terms.side.opposite());
        let reach = |factor: fn(Band) -> Decimal| {
            let (band, (best, _)) = (instrument.impact?, best?);
            Price::from_decimal((best.decimal() * factor(band)).trunc_with_scale(8))
        };
        let limit = match (terms.kind, terms.side) {
            (Kind::Limit, _) => terms.price,
            (Kind::Market, Side::Buy) => {
                let ceiling = instrument.ceiling(mark);
                Some(reach(|band| band.up).map_or(ceiling, |reach| reach.min(ceiling)))
            }
            (Kind::Market, Side::Sell) => {
                let floor = instrument.floor(mark);
                Some(reach(|band| band.down).map_or(floor, |reach| reach.max(floor)))
            }
        };
        let time_in_force = match terms.kind {
            Kind::Limit => terms.time_in_force,
            Kind::Market => TimeInForce::ImmediateOrCancel,
        };
        Incoming {
            id,
            owner: Owner::Account(terms.account),
            side: terms.side,
            limit,
            quantity: terms.quantity,
            time_in_force,
            self_trade: terms.self_trade,
        }
    }

    pub(super) fn close(&mut self, id: OrderId, status: OrderStatus, now_ms: u64) {
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        if !order.status.is_open() {
            return;
        }
        order.status = status;
        order.updated_ms = now_ms;
        let account = order.terms.account;
        self.account_mut(account).open.remove(&id);
        let execution = match status {
            OrderStatus::Cancelled => Execution::Cancelled,
            _ => Execution::Expired,
        };
        self.report(id, execution, None, now_ms);
    }

    pub(super) fn report(
        &mut self,
        id: OrderId,
        execution: Execution,
        fill: Option<super::Fill>,
        time_ms: u64,
    ) {
        let Some(order) = self.orders.get(&id) else {
            return;
        };
        let order = Box::new(order.clone());
        self.events.push(Event::Order {
            order,
            execution,
            fill: fill.map(Box::new),
            time_ms,
        });
    }

    /// Puts an order of the generated market into the book and returns its id.
    pub(crate) fn market_order(
        &mut self,
        now_ms: u64,
        instrument: InstrumentId,
        side: Side,
        limit: Price,
        quantity: Quantity,
        time_in_force: TimeInForce,
    ) -> (OrderId, Quantity) {
        let id = self.next_order_id();
        let outcome = self.books[instrument].submit(Incoming {
            id,
            owner: Self::market_owner(),
            side,
            limit: Some(limit),
            quantity,
            time_in_force,
            self_trade: SelfTrade::Allow,
        });
        // Its id goes on the tape; the venue keeps no order of the market's own.
        self.settle(now_ms, instrument, side, Some(id), outcome.matches);
        (id, outcome.remaining)
    }

    /// Takes an order of the generated market out of the book.
    pub(crate) fn withdraw(&mut self, instrument: InstrumentId, id: OrderId) {
        self.books[instrument].cancel(id);
    }

    /// Publishes what the generated market changed in a book.
    pub(crate) fn publish(&mut self, instrument: InstrumentId, now_ms: u64) {
        self.publish_book(instrument, now_ms);
    }
}
