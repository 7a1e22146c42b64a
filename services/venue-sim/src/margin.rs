//! Cross margin: what positions and orders bind, and what is left.

use rust_decimal::Decimal;

use crate::account::MONEY_SCALE;
use crate::exchange::RootFraction;

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
    /// Initial and maintenance fractions, where they take the place of leverage and step.
    pub roots: Option<(RootFraction, RootFraction)>,
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
        let value = self.position.abs();
        let needed = match self.roots {
            Some((_, maintenance)) => value * maintenance.at(value),
            None => value * self.maintenance - self.deduction,
        };
        needed.max(Decimal::ZERO).trunc_with_scale(MONEY_SCALE)
    }

    /// Returns the fraction that a notional binds.
    pub fn initial_fraction(&self, notional: Decimal) -> Decimal {
        let least = Decimal::ONE / Decimal::from(self.leverage.max(1));
        self.roots
            .map_or(least, |(initial, _)| initial.at(notional).max(least))
    }

    fn share(&self, notional: Decimal) -> Decimal {
        let bound = match self.roots {
            Some(_) => notional * self.initial_fraction(notional),
            None => notional / Decimal::from(self.leverage.max(1)),
        };
        bound.trunc_with_scale(MONEY_SCALE)
    }
}

/// The margin of a whole account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Margin {
    /// The wallet.
    pub wallet: Decimal,
    /// What other assets count for.
    pub collateral: Decimal,
    /// Money in open spot orders.
    pub locked: Decimal,
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

    /// Returns wallet, collateral and unrealised profit together.
    pub fn balance(&self) -> Decimal {
        self.wallet + self.collateral + self.unrealised
    }

    /// Returns what positions and orders bind together.
    pub fn initial(&self) -> Decimal {
        self.position + self.orders
    }

    /// Returns what is free for new orders.
    pub fn available(&self) -> Decimal {
        (self.balance() - self.initial() - self.locked).max(Decimal::ZERO)
    }
}
