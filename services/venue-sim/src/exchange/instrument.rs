//! What is traded, and within which bounds.

use rust_decimal::Decimal;

use crate::engine::{Price, Quantity, SCALE};

/// Names one instrument of a venue: its place in the list.
pub type InstrumentId = usize;

/// Whether an instrument trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Orders are taken.
    Trading,
    /// No new orders; cancels still work.
    Halted,
}

/// One step of a leverage table.
#[derive(Clone, Debug)]
pub struct Bracket {
    /// The highest leverage allowed up to the cap.
    pub leverage: u32,
    /// The position notional at which the step ends.
    pub cap: Decimal,
    /// The maintenance margin ratio.
    pub maintenance: Decimal,
    /// The amount that makes the maintenance margin continuous over the steps.
    pub deduction: Decimal,
}

/// A margin fraction that grows with the root of the notional, from a base on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootFraction {
    /// The least fraction.
    pub base: Decimal,
    /// The fraction of a notional of one.
    pub factor: Decimal,
}

impl RootFraction {
    /// Returns the fraction of a notional.
    pub fn at(self, notional: Decimal) -> Decimal {
        self.base.max(self.factor * root(notional))
    }
}

/// Returns the square root, cut to eight decimals.
fn root(value: Decimal) -> Decimal {
    let scaled = value.abs().trunc_with_scale(SCALE);
    let units = scaled.mantissa().unsigned_abs() * 10_u128.pow(2 * SCALE - scaled.scale());
    i64::try_from(units.isqrt()).map_or(Decimal::MAX, |root| Decimal::new(root, SCALE))
}

/// What holding an instrument binds.
#[derive(Clone, Debug)]
pub enum Margining {
    /// Margin by a leverage table, smallest cap first.
    Brackets(Vec<Bracket>),
    /// Margin by fractions of the notional.
    Roots {
        /// What opening binds; an account's leverage can only raise it.
        initial: RootFraction,
        /// What is needed so as not to be liquidated.
        maintenance: RootFraction,
    },
    /// Nothing is owed: the base asset itself changes hands (spot).
    Outright {
        /// The part of the base asset's value that counts as collateral.
        collateral_weight: Decimal,
    },
}

/// Bounds of a price, as factors of a reference price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// The lower factor.
    pub down: Decimal,
    /// The upper factor.
    pub up: Decimal,
}

/// An instrument with its filters, in the venue's own words where words are needed.
#[derive(Clone, Debug)]
pub struct Instrument {
    /// The venue's symbol.
    pub symbol: String,
    /// What is bought and sold.
    pub base: String,
    /// What it is paid in; also the margin asset.
    pub quote: String,
    /// Decimals that prices are shown with.
    pub price_precision: u32,
    /// Decimals that quantities are shown with.
    pub quantity_precision: u32,
    /// The price step.
    pub tick: Price,
    /// The lowest price.
    pub min_price: Price,
    /// The highest price.
    pub max_price: Price,
    /// The quantity step.
    pub step: Quantity,
    /// The smallest quantity.
    pub min_quantity: Quantity,
    /// The largest quantity of a limit order.
    pub max_quantity: Quantity,
    /// The largest quantity of a market order.
    pub max_market_quantity: Quantity,
    /// The smallest order value, reduce-only orders excepted.
    pub min_notional: Decimal,
    /// How far above the mark price a buy may be priced, as a factor.
    pub band_up: Decimal,
    /// How far below the mark price a sell may be priced, as a factor.
    pub band_down: Decimal,
    /// The most open orders an account may have here.
    pub max_open_orders: usize,
    /// How far any price may be from the last trade; nowhere bounded where absent.
    pub last_band: Option<Band>,
    /// How far past the best opposite price a market order may trade; unbounded where absent.
    pub impact: Option<Band>,
    /// What holding it binds.
    pub margining: Margining,
    /// Whether it trades.
    pub status: Status,
    /// Where the generated market begins.
    pub start_price: Price,
}

impl Instrument {
    /// Returns the step that holds a position of this notional.
    pub fn bracket(&self, notional: Decimal) -> Option<&Bracket> {
        self.brackets()
            .iter()
            .find(|bracket| notional <= bracket.cap)
            .or(self.brackets().last())
    }

    /// Returns the leverage table, empty where margin does not go by one.
    pub fn brackets(&self) -> &[Bracket] {
        match &self.margining {
            Margining::Brackets(brackets) => brackets,
            Margining::Roots { .. } | Margining::Outright { .. } => &[],
        }
    }

    /// Whether the base asset itself changes hands.
    pub fn is_spot(&self) -> bool {
        matches!(self.margining, Margining::Outright { .. })
    }

    /// Returns the largest position notional that `leverage` allows.
    pub fn cap_at(&self, leverage: u32) -> Decimal {
        if self.brackets().is_empty() {
            return Decimal::MAX;
        }
        let fitting = self
            .brackets()
            .iter()
            .filter(|bracket| bracket.leverage >= leverage);
        fitting
            .map(|bracket| bracket.cap)
            .max()
            .unwrap_or(Decimal::ZERO)
    }

    /// Returns the highest leverage there is.
    pub fn max_leverage(&self) -> u32 {
        self.brackets()
            .iter()
            .map(|bracket| bracket.leverage)
            .max()
            .unwrap_or(1)
    }

    /// Returns the highest price a buy may have at this mark price.
    pub fn ceiling(&self, mark: Price) -> Price {
        let ceiling = Price::from_decimal((mark.decimal() * self.band_up).trunc_with_scale(8));
        ceiling.unwrap_or(Price::MAX).floor_to(self.tick)
    }

    /// Returns the lowest price a sell may have at this mark price.
    pub fn floor(&self, mark: Price) -> Price {
        let floor = Price::from_decimal((mark.decimal() * self.band_down).trunc_with_scale(8));
        let above = floor.unwrap_or(Price::ZERO) + self.tick - Price::from_raw(1);
        above.floor_to(self.tick)
    }
}
