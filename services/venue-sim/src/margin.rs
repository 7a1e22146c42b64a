//! Cross margin: what positions and orders bind, and what is left.

use rust_decimal::Decimal;

use crate::account::MONEY_SCALE;

/// What one account has at stake in one instrument.
#[derive(Clone, Copy, Debug)]
pub struct Exposure {
    /// Position times mark price, with its sign.
    pub position: Decimal,
    /// Value of the open buys, reduce-only ones excepted.
    pub bids: Decimal,
    /// Value of the open sells, reduce-only ones excepted.
    pub asks: Decimal,
    /// Leverage in force.
    pub leverage: u32,
    /// Maintenance margin ratio of the step that the position is in.
    pub maintenance: Decimal,
    /// Deduction of that step.
    pub deduction: Decimal,
    /// Unrealised profit at the mark price.
    pub unrealised: Decimal,
}

impl Exposure {
    /// Returns what the position binds.
    pub fn position_margin(&self) -> Decimal {
        self.share(self.position.abs())
    }

    /// Returns what position and orders bind together: the worse of all buys or all sells filling.
    pub fn initial_margin(&self) -> Decimal {
        let long = (self.position + self.bids).abs();
        let short = (self.position - self.asks).abs();
        self.share(long.max(short).max(self.position.abs()))
    }

    /// Returns what the orders bind on top of the position.
    pub fn order_margin(&self) -> Decimal {
        self.initial_margin() - self.position_margin()
    }

    /// Returns what the position needs so as not to be liquidated.
    pub fn maintenance_margin(&self) -> Decimal {
        let needed = self.position.abs() * self.maintenance - self.deduction;
        needed.max(Decimal::ZERO).trunc_with_scale(MONEY_SCALE)
    }

    fn share(&self, notional: Decimal) -> Decimal {
        (notional / Decimal::from(self.leverage.max(1))).trunc_with_scale(MONEY_SCALE)
    }
}

/// The margin of a whole account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Margin {
    /// The wallet.
    pub wallet: Decimal,
    /// Unrealised profit over all positions.
    pub unrealised: Decimal,
    /// Bound by positions.
    pub position: Decimal,
    /// Bound by orders.
    pub orders: Decimal,
    /// Needed so as not to be liquidated.
    pub maintenance: Decimal,
}

impl Margin {
    /// Adds one instrument's exposure.
    pub fn add(&mut self, exposure: &Exposure) {
        self.unrealised += exposure.unrealised;
        self.position += exposure.position_margin();
        self.orders += exposure.order_margin();
        self.maintenance += exposure.maintenance_margin();
    }

    /// Returns wallet and unrealised profit together.
    pub fn balance(&self) -> Decimal {
        self.wallet + self.unrealised
    }

    /// Returns what positions and orders bind together.
    pub fn initial(&self) -> Decimal {
        self.position + self.orders
    }

    /// Returns what is free for new orders.
    pub fn available(&self) -> Decimal {
        (self.balance() - self.initial()).max(Decimal::ZERO)
    }
}
