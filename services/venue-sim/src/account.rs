//! Accounts: a wallet, positions, settings, and the arithmetic of a fill.
//!
//! Every amount is exact. A position keeps what it cost, not an average: the average is derived
//! on reading, so that wallet = deposits + realised - fees holds to the last decimal.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rust_decimal::Decimal;

use crate::engine::{AccountId, OrderId, Price, Quantity, Side, notional};
use crate::exchange::InstrumentId;

/// Decimals of money: fees and realised amounts are cut to these, as the venues do.
pub const MONEY_SCALE: u32 = 8;

/// Leverage before anybody sets one; the venues' default.
pub const DEFAULT_LEVERAGE: u32 = 20;

/// A key pair of an account, generated from the seed.
#[derive(Clone)]
pub struct Credentials {
    /// The public half.
    pub key: String,
    /// The secret half.
    pub secret: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A net position in one instrument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Above zero is long, below zero is short.
    pub quantity: Decimal,
    /// What it cost, with the sign of the quantity.
    pub cost: Decimal,
    /// All that was realised here, fees not counted.
    pub realised: Decimal,
    /// All fees paid here.
    pub fees: Decimal,
    /// Fees paid since the position was last flat; they move its break-even price.
    pub open_fees: Decimal,
    /// When it last changed.
    pub updated_ms: u64,
}

impl Position {
    /// Returns the average entry price; zero when flat.
    pub fn entry(&self) -> Decimal {
        if self.quantity.is_zero() {
            Decimal::ZERO
        } else {
            self.cost / self.quantity
        }
    }

    /// Returns the price at which closing would earn back the fees paid so far; zero when flat.
    pub fn break_even(&self) -> Decimal {
        if self.quantity.is_zero() {
            return Decimal::ZERO;
        }
        (self.cost + self.open_fees) / self.quantity
    }

    /// Returns the profit that closing at `mark` would realise.
    pub fn unrealised(&self, mark: Price) -> Decimal {
        (self.quantity * mark.decimal() - self.cost).trunc_with_scale(MONEY_SCALE)
    }

    /// Applies a fill and returns what it realised.
    pub fn fill(&mut self, side: Side, price: Price, quantity: Quantity, fee: Decimal) -> Decimal {
        let signed = match side {
            Side::Buy => quantity.decimal(),
            Side::Sell => -quantity.decimal(),
        };
        self.fees += fee;
        self.open_fees += fee;
        let adds =
            self.quantity.is_zero() || self.quantity.is_sign_positive() == (side == Side::Buy);
        if adds {
            self.quantity += signed;
            self.cost += signed * price.decimal();
            return Decimal::ZERO;
        }
        let closing = signed.abs().min(self.quantity.abs());
        let released = if closing == self.quantity.abs() {
            self.cost
        } else {
            (self.cost * closing / self.quantity.abs()).round_dp(MONEY_SCALE)
        };
        let closing = if self.quantity.is_sign_positive() {
            closing
        } else {
            -closing
        };
        let realised = closing * price.decimal() - released;
        self.quantity -= closing;
        self.cost -= released;
        self.realised += realised;
        if self.quantity.is_zero() {
            self.open_fees = Decimal::ZERO;
        }
        let rest = signed + closing;
        if !rest.is_zero() {
            self.quantity += rest;
            self.cost += rest * price.decimal();
            self.open_fees = fee;
        }
        realised
    }
}

/// One account of a venue.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name, for people and for the control interface.
    pub name: String,
    /// Its keys.
    pub credentials: Credentials,
    /// What was paid in.
    pub deposited: Decimal,
    /// What is in the wallet: deposits, realised amounts, fees and funding.
    pub wallet: Decimal,
    /// Funding received less funding paid.
    pub funding: Decimal,
    /// Assets held besides the wallet's, bought outright.
    pub holdings: BTreeMap<String, Decimal>,
    /// Positions, flat ones included once they have existed.
    pub positions: BTreeMap<InstrumentId, Position>,
    /// Leverage where it was set.
    pub leverage: BTreeMap<InstrumentId, u32>,
    /// Orders that can still trade.
    pub open: BTreeSet<OrderId>,
    /// Whether somebody switched the account to one position a side.
    pub hedge: bool,
    /// The fee rate of a maker.
    pub maker_rate: Decimal,
    /// The fee rate of a taker.
    pub taker_rate: Decimal,
    /// The fee rate of a maker in spot.
    pub spot_maker_rate: Decimal,
    /// The fee rate of a taker in spot.
    pub spot_taker_rate: Decimal,
    /// When the wallet last changed.
    pub updated_ms: u64,
}

impl Account {
    /// Opens an account.
    pub fn open(id: AccountId, name: String, credentials: Credentials, deposit: Decimal) -> Self {
        Self {
            id,
            name,
            credentials,
            deposited: deposit,
            wallet: deposit,
            funding: Decimal::ZERO,
            holdings: BTreeMap::new(),
            positions: BTreeMap::new(),
            leverage: BTreeMap::new(),
            open: BTreeSet::new(),
            hedge: false,
            // The venues' lowest tier, as their public tables state it.
            maker_rate: Decimal::new(2, 4),
            taker_rate: Decimal::new(5, 4),
            spot_maker_rate: Decimal::new(8, 4),
            spot_taker_rate: Decimal::new(10, 4),
            updated_ms: 0,
        }
    }

    /// Returns how much of an asset besides the wallet's is held.
    pub fn holding(&self, asset: &str) -> Decimal {
        self.holdings.get(asset).copied().unwrap_or_default()
    }

    /// Adds to what is held of an asset besides the wallet's, or takes from it.
    pub fn hold(&mut self, asset: &str, change: Decimal) {
        *self.holdings.entry(asset.to_owned()).or_default() += change;
    }

    /// Returns the fee rate of a spot fill; it is charged on what the account receives.
    pub fn spot_rate(&self, maker: bool) -> Decimal {
        if maker {
            self.spot_maker_rate
        } else {
            self.spot_taker_rate
        }
    }

    /// Returns the position in an instrument, flat where there is none.
    pub fn position(&self, instrument: InstrumentId) -> Position {
        self.positions.get(&instrument).copied().unwrap_or_default()
    }

    /// Returns the leverage in force for an instrument.
    pub fn leverage(&self, instrument: InstrumentId) -> u32 {
        self.leverage
            .get(&instrument)
            .copied()
            .unwrap_or(DEFAULT_LEVERAGE)
    }

    /// Returns the fee of a fill.
    pub fn fee(&self, price: Price, quantity: Quantity, maker: bool) -> Decimal {
        let rate = if maker {
            self.maker_rate
        } else {
            self.taker_rate
        };
        (notional(price, quantity) * rate).trunc_with_scale(MONEY_SCALE)
    }
}
