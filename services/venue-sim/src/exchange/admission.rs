//! What an order must pass before it is taken: filters, bands, funds, margin.

use rust_decimal::Decimal;

use super::{Exchange, InstrumentId, Kind, NewOrder, Refusal, Status};
use crate::engine::{OrderId, Price, Quantity, Side, notional};

/// Steps of a quantity beyond which nobody can pay, and whose notional still has room in a decimal.
const MOST_STEPS: i64 = 1_000_000_000_000;

impl Exchange {
    /// Returns the largest quantity of an order that the account can pay or has margin for; its
    /// own quantity does not matter, and filters are left aside.
    pub fn most(&self, terms: &NewOrder) -> Quantity {
        let step = self.instrument(terms.instrument).step;
        let fits = |steps: i64| {
            let mut terms = terms.clone();
            terms.quantity = Quantity::from_raw(step.raw() * steps);
            self.check_means(&mut terms).is_ok() && terms.quantity.raw() == step.raw() * steps
        };
        // What an account can have at most is far below this many steps.
        let (mut enough, mut too_many) = (0, MOST_STEPS);
        while too_many - enough > 1 {
            let middle = enough + (too_many - enough) / 2;
            if fits(middle) {
                enough = middle;
            } else {
                too_many = middle;
            }
        }
        Quantity::from_raw(step.raw() * enough)
    }

    pub(super) fn admit(&self, mut terms: NewOrder) -> Result<NewOrder, Refusal> {
        if self.instrument(terms.instrument).status == Status::Halted {
            return Err(Refusal::Halted);
        }
        self.check_filters(&terms)?;
        let named = self.order_by_client(terms.account, &terms.client_id);
        if self.unique_client_ids && named.is_some_and(|order| order.status.is_open()) {
            return Err(Refusal::DuplicateClientId);
        }
        let open = self.open_orders(terms.account);
        let here = open
            .filter(|order| order.terms.instrument == terms.instrument)
            .count();
        if here >= self.instrument(terms.instrument).max_open_orders {
            return Err(Refusal::TooManyOrders);
        }
        self.check_means(&mut terms)?;
        Ok(terms)
    }

    /// Whether the account has what an order takes; cuts what may only reduce to what it can.
    fn check_means(&self, terms: &mut NewOrder) -> Result<(), Refusal> {
        if self.instrument(terms.instrument).is_spot() {
            self.check_funds(terms)
        } else if terms.reduce_only {
            terms.quantity = terms.quantity.min(self.reducible(terms)?);
            Ok(())
        } else {
            self.check_margin(terms, None)
        }
    }

    pub(super) fn check_filters(&self, terms: &NewOrder) -> Result<(), Refusal> {
        let instrument = self.instrument(terms.instrument);
        let quantity = terms.quantity;
        let (largest, mark) = match terms.kind {
            Kind::Limit => (instrument.max_quantity, self.mark(terms.instrument)),
            Kind::Market => (instrument.max_market_quantity, self.mark(terms.instrument)),
        };
        if quantity <= Quantity::ZERO {
            return Err(Refusal::NoQuantity);
        }
        if quantity < instrument.min_quantity {
            return Err(Refusal::QuantityTooSmall(instrument.min_quantity));
        }
        if quantity > largest {
            return Err(Refusal::QuantityTooLarge(largest));
        }
        if !quantity.is_multiple_of(instrument.step) {
            return Err(Refusal::OffStep);
        }
        if let Some(price) = terms.price {
            if price < instrument.min_price {
                return Err(Refusal::PriceTooLow(instrument.min_price));
            }
            if price > instrument.max_price {
                return Err(Refusal::PriceTooHigh(instrument.max_price));
            }
            if !price.is_multiple_of(instrument.tick) {
                return Err(Refusal::OffTick);
            }
            self.check_last(terms.instrument, price)?;
            self.check_band(terms, price, mark)?;
        } else {
            self.check_best(terms, mark)?;
        }
        let worth = notional(terms.price.unwrap_or(mark), quantity);
        if !terms.reduce_only && worth < instrument.min_notional {
            return Err(Refusal::NotionalTooSmall(instrument.min_notional));
        }
        Ok(())
    }

    fn check_band(&self, terms: &NewOrder, price: Price, mark: Price) -> Result<(), Refusal> {
        let instrument = self.instrument(terms.instrument);
        let (ceiling, floor) = (instrument.ceiling(mark), instrument.floor(mark));
        match terms.side {
            Side::Buy if price > ceiling => Err(Refusal::AboveBand(ceiling)),
            Side::Sell if price < floor => Err(Refusal::BelowBand(floor)),
            _ => Ok(()),
        }
    }

    fn check_last(&self, instrument: InstrumentId, price: Price) -> Result<(), Refusal> {
        let band = self.instrument(instrument).last_band;
        let (Some(band), Some(last)) = (band, self.tape(instrument).last()) else {
            return Ok(());
        };
        let last = last.price.decimal();
        if (last * band.down..=last * band.up).contains(&price.decimal()) {
            Ok(())
        } else {
            Err(Refusal::FarFromLast)
        }
    }

    /// A market order is refused when even the best price lies outside the band.
    fn check_best(&self, terms: &NewOrder, mark: Price) -> Result<(), Refusal> {
        let instrument = self.instrument(terms.instrument);
        let best = self.book(terms.instrument).best(terms.side.opposite());
        match (terms.side, best) {
            (Side::Buy, Some((best, _))) if best > instrument.ceiling(mark) => {
                Err(Refusal::BestOutsideBand)
            }
            (Side::Sell, Some((best, _))) if best < instrument.floor(mark) => {
                Err(Refusal::BestOutsideBand)
            }
            _ => Ok(()),
        }
    }

    fn reducible(&self, terms: &NewOrder) -> Result<Quantity, Refusal> {
        let position = self
            .account(terms.account)
            .position(terms.instrument)
            .quantity;
        let reduces = match terms.side {
            Side::Buy => position < Decimal::ZERO,
            Side::Sell => position > Decimal::ZERO,
        };
        let held = Quantity::from_decimal(position.abs()).filter(|_| reduces);
        let held = held.ok_or(Refusal::NothingToReduce)?;
        let free = held.saturating_sub(self.claimed(terms.account, terms.instrument, terms.side));
        if free.is_zero() {
            Err(Refusal::AlreadyReduced)
        } else {
            Ok(free)
        }
    }

    /// Whether an account holds what a spot order gives away; nothing is ever borrowed.
    fn check_funds(&self, terms: &NewOrder) -> Result<(), Refusal> {
        let instrument = self.instrument(terms.instrument);
        let holder = self.account(terms.account);
        let (given, free) = match terms.side {
            Side::Sell => {
                let locked = self.locked(terms.account, &instrument.base);
                (
                    terms.quantity.decimal(),
                    holder.holding(&instrument.base) - locked,
                )
            }
            Side::Buy => {
                let locked = self.locked(terms.account, &instrument.quote);
                let unbound = self.margin(terms.account).available();
                (self.cost(terms), unbound.min(holder.wallet - locked))
            }
        };
        if given > free {
            return Err(Refusal::FundsInsufficient);
        }
        Ok(())
    }

    /// Returns the most that a buy costs: at its limit, or through the levels it would take.
    fn cost(&self, terms: &NewOrder) -> Decimal {
        if let Some(price) = terms.price {
            return notional(price, terms.quantity);
        }
        let mut left = terms.quantity;
        let mut cost = Decimal::ZERO;
        for (price, standing) in self.book(terms.instrument).depth(Side::Sell, usize::MAX) {
            let taken = left.min(standing);
            cost += notional(price, taken);
            left -= taken;
            if left.is_zero() {
                break;
            }
        }
        cost
    }

    /// Whether there is margin for an order, in place of one it amends where it does.
    pub(super) fn check_margin(
        &self,
        terms: &NewOrder,
        amended: Option<OrderId>,
    ) -> Result<(), Refusal> {
        let mark = self.mark(terms.instrument);
        let best = self.book(terms.instrument).best(terms.side.opposite());
        let price = terms.price.unwrap_or(match (terms.side, best) {
            (Side::Buy, Some((best, _))) => best.max(mark),
            (_, Some((best, _))) => best,
            (_, None) => mark,
        });
        let worth = notional(price, terms.quantity);
        let standing = self.exposure(terms.account, terms.instrument);
        let mut after = self.exposure_without(terms.account, terms.instrument, amended);
        match terms.side {
            Side::Buy => after.bids += worth,
            Side::Sell => after.asks += worth,
        }
        if after.initial_margin() <= standing.initial_margin() {
            return Ok(());
        }
        let reached = (after.position + after.bids)
            .abs()
            .max((after.position - after.asks).abs());
        if reached > self.instrument(terms.instrument).cap_at(after.leverage) {
            return Err(Refusal::PositionTooLarge);
        }
        let open_loss = match terms.side {
            Side::Buy => notional(price, terms.quantity) - notional(mark, terms.quantity),
            Side::Sell => notional(mark, terms.quantity) - notional(price, terms.quantity),
        };
        let margin = self.margin(terms.account);
        let bound = margin.initial() - standing.initial_margin() + after.initial_margin();
        if margin.balance() - bound - open_loss.max(Decimal::ZERO) < Decimal::ZERO {
            return Err(Refusal::MarginInsufficient);
        }
        Ok(())
    }
}
