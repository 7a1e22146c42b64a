//! What an instrument is.

use serde::{Deserialize, Serialize};

use super::units::{PriceTicks, QuantityLots, ScaledPrice, ScaledQuantity};
use crate::decimal::{Decimal, DecimalError, MAX_SCALE};
use crate::ids::{Asset, Symbol, Venue, VenueSymbol};

/// What kind of contract an instrument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InstrumentKind {
    /// The asset itself.
    Spot,
    /// A contract without expiry.
    Perpetual,
}

/// How a contract's notional is computed (F72).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ContractForm {
    /// Price times quantity, settled in the quote.
    Linear,
    /// Settled in the base; not supported.
    Inverse,
    /// Settled in a third asset; not supported.
    Quanto,
}

/// What the venue lets one do with an instrument (F76).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InstrumentStatus {
    /// Everything.
    Trading,
    /// Cancels only.
    CancelOnly,
    /// Nothing for now.
    Halted,
    /// Not yet.
    PreTrading,
    /// No more.
    Closed,
    /// What the venue says is not known here; treated as closed for new orders (F109).
    Unknown(String),
}

/// The limits of market orders where they differ from those of limit orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketLot {
    /// The step of quantities.
    pub lot_size: Decimal,
    /// The least quantity.
    pub min_quantity: Decimal,
    /// The most quantity.
    pub max_quantity: Decimal,
}

/// How far a limit price may be from the venue's reference price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceCollar {
    /// A buy's price is at most the reference times this.
    pub multiplier_up: Decimal,
    /// A sell's price is at least the reference times this.
    pub multiplier_down: Decimal,
}

/// An instrument of a venue and its rules. Public quantities are in base units (F71).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// Where it trades.
    pub venue: Venue,
    /// Our name for it.
    pub symbol: Symbol,
    /// The venue's name for it.
    pub venue_symbol: VenueSymbol,
    /// What kind of contract it is.
    pub kind: InstrumentKind,
    /// How its notional is computed.
    pub form: ContractForm,
    /// What is traded.
    pub base: Asset,
    /// What prices are in.
    pub quote: Asset,
    /// What profit and margin are in.
    pub settle: Asset,
    /// The step of prices.
    pub tick_size: Decimal,
    /// The step of quantities.
    pub lot_size: Decimal,
    /// Decimals of a price as an integer; at least those of the tick size.
    pub price_scale: u8,
    /// Decimals of a quantity as an integer; at least those of the lot size.
    pub quantity_scale: u8,
    /// The least quantity of a limit order.
    pub min_quantity: Decimal,
    /// The most quantity of a limit order.
    pub max_quantity: Decimal,
    /// The limits of a market order, where they differ.
    pub market_lot: Option<MarketLot>,
    /// The least notional of an order that may open a position.
    pub min_notional: Option<Decimal>,
    /// How far a price may be from the reference.
    pub price_collar: Option<PriceCollar>,
    /// The lowest price.
    pub min_price: Option<Decimal>,
    /// The highest price.
    pub max_price: Option<Decimal>,
    /// Base units of one contract; 1 where the contract is the base unit.
    pub contract_multiplier: Decimal,
    /// What the venue lets one do.
    pub status: InstrumentStatus,
    /// Rises with each change of a rule; orders carry the version they were scaled by (F68).
    pub version: u64,
}

/// Why an instrument's definition cannot be traded by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstrumentError {
    /// A number of the definition is not sensible.
    #[error("{field} of {symbol} is {value}, expected {expected}")]
    Nonsense {
        /// Which instrument.
        symbol: Symbol,
        /// Which field.
        field: &'static str,
        /// What it holds.
        value: Decimal,
        /// What would be sensible.
        expected: &'static str,
    },
    /// Only linear contracts are supported.
    #[error("{symbol} is a contract of form {form:?}; only linear contracts are supported")]
    Unsupported {
        /// Which instrument.
        symbol: Symbol,
        /// Its form.
        form: ContractForm,
    },
    /// A number does not fit the integers that prices and quantities are held in.
    #[error("{field} of {symbol} cannot be held: {source}")]
    Number {
        /// Which instrument.
        symbol: Symbol,
        /// Which field.
        field: &'static str,
        /// Why not.
        source: DecimalError,
    },
}

impl Instrument {
    /// Checks that prices, quantities and notionals can be computed by this definition.
    ///
    /// # Errors
    /// Names the first field that cannot be relied on.
    pub fn check(&self) -> Result<(), InstrumentError> {
        if self.kind == InstrumentKind::Perpetual && self.form != ContractForm::Linear {
            return Err(InstrumentError::Unsupported {
                symbol: self.symbol,
                form: self.form,
            });
        }
        self.positive("tick_size", self.tick_size)?;
        self.positive("lot_size", self.lot_size)?;
        self.positive("contract_multiplier", self.contract_multiplier)?;
        self.scaled("tick_size", self.tick_size, self.price_scale)?;
        self.scaled("lot_size", self.lot_size, self.quantity_scale)?;
        self.scale("price_scale", self.price_scale)?;
        self.scale("quantity_scale", self.quantity_scale)?;
        for (field, value) in [("min_price", self.min_price), ("max_price", self.max_price)] {
            if let Some(value) = value {
                self.not_negative(field, value)?;
            }
        }
        self.not_negative("min_quantity", self.min_quantity)?;
        self.positive("max_quantity", self.max_quantity)?;
        if let Some(value) = self.min_notional {
            self.not_negative("min_notional", value)?;
        }
        if let Some(lot) = self.market_lot {
            self.positive("market_lot.lot_size", lot.lot_size)?;
            if !matches!(lot.lot_size.div_exact(self.lot_size), Ok(lots) if lots.scale() == 0) {
                let expected = "a whole number of lot sizes";
                return Err(self.nonsense("market_lot.lot_size", lot.lot_size, expected));
            }
        }
        if let Some(collar) = self.price_collar {
            self.positive("price_collar.multiplier_up", collar.multiplier_up)?;
            self.not_negative("price_collar.multiplier_down", collar.multiplier_down)?;
        }
        Ok(())
    }

    /// Returns a price of so many ticks.
    ///
    /// # Errors
    /// Fails when the price cannot be held.
    pub fn price(&self, ticks: PriceTicks) -> Result<Decimal, DecimalError> {
        self.tick_size.checked_mul(Decimal::from(ticks.0))
    }

    /// Returns a quantity of so many lots.
    ///
    /// # Errors
    /// Fails when the quantity cannot be held.
    pub fn quantity(&self, lots: QuantityLots) -> Result<Decimal, DecimalError> {
        self.lot_size.checked_mul(Decimal::from(lots.0))
    }

    /// Returns a price of a book as a decimal.
    ///
    /// # Errors
    /// Fails on a scale that [`Instrument::check`] refuses.
    pub fn book_price(&self, price: ScaledPrice) -> Result<Decimal, DecimalError> {
        Decimal::from_scaled(price.0, u32::from(self.price_scale))
    }

    /// Returns a quantity of a book as a decimal.
    ///
    /// # Errors
    /// Fails on a scale that [`Instrument::check`] refuses.
    pub fn book_quantity(&self, quantity: ScaledQuantity) -> Result<Decimal, DecimalError> {
        Decimal::from_scaled(quantity.0, u32::from(self.quantity_scale))
    }

    /// Returns whether the venue takes new orders.
    #[must_use]
    pub fn is_tradable(&self) -> bool {
        self.status == InstrumentStatus::Trading
    }

    fn positive(&self, field: &'static str, value: Decimal) -> Result<(), InstrumentError> {
        if value.is_positive() {
            return Ok(());
        }
        Err(self.nonsense(field, value, "a number above zero"))
    }

    fn not_negative(&self, field: &'static str, value: Decimal) -> Result<(), InstrumentError> {
        if !value.is_negative() {
            return Ok(());
        }
        Err(self.nonsense(field, value, "a number not below zero"))
    }

    fn nonsense(
        &self,
        field: &'static str,
        value: Decimal,
        expected: &'static str,
    ) -> InstrumentError {
        InstrumentError::Nonsense {
            symbol: self.symbol,
            field,
            value,
            expected,
        }
    }

    /// Checks that every integer of this scale is a decimal that can be held.
    fn scale(&self, field: &'static str, scale: u8) -> Result<(), InstrumentError> {
        if u32::from(scale) <= MAX_SCALE {
            return Ok(());
        }
        let value = Decimal::from(u32::from(scale));
        Err(self.nonsense(field, value, "a number of decimals up to 28"))
    }

    fn scaled(
        &self,
        field: &'static str,
        value: Decimal,
        scale: u8,
    ) -> Result<(), InstrumentError> {
        match value.to_scaled(scale) {
            Ok(_) => Ok(()),
            Err(source) => Err(InstrumentError::Number {
                symbol: self.symbol,
                field,
                source,
            }),
        }
    }
}
