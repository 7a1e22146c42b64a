//! What positions are worth.

use std::collections::BTreeMap;

use super::exact::Exact;
use super::ledger::Position;
use crate::decimal::{Decimal, DecimalError};
use crate::ids::Asset;

/// A position with the price it is valued at, where one is known.
#[derive(Debug, Clone, Copy)]
pub struct Marked<'a> {
    /// The position.
    pub position: &'a Position,
    /// The venue's mark price.
    pub mark: Option<Decimal>,
}

/// What a position is worth, as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Valuation {
    /// The average entry price; none when flat.
    pub average_price: Option<Decimal>,
    /// Profit of closed parts, before fees.
    pub realized_pnl: Decimal,
    /// Profit if closed at the mark price, before fees; none without one.
    pub unrealized_pnl: Option<Decimal>,
    /// Signed quantity times mark price; none without one.
    pub notional: Option<Decimal>,
}

/// Profit and exposure in one asset, as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PnlTotal {
    /// Profit of closed parts, before fees.
    pub realized_pnl: Decimal,
    /// Profit of open parts that have a mark price, before fees.
    pub unrealized_pnl: Decimal,
    /// Fees charged in this asset, whichever position caused them.
    pub fees: Decimal,
    /// Realised plus unrealised minus fees.
    pub net_pnl: Decimal,
    /// Sum of absolute notionals.
    pub gross_exposure: Decimal,
    /// Sum of signed notionals.
    pub net_exposure: Decimal,
}

impl Position {
    /// Returns what the position is worth at a mark price, where one is known.
    ///
    /// # Errors
    /// Fails when a number is too large to be shown.
    pub fn valuation(&self, mark: Option<Decimal>) -> Result<Valuation, DecimalError> {
        let show = |value: Option<Exact>| value.map(|value| value.shown()).transpose();
        Ok(Valuation {
            average_price: show(self.average().cloned())?,
            realized_pnl: self.realized().shown()?,
            unrealized_pnl: show(mark.map(|mark| self.unrealized(mark)))?,
            notional: show(mark.map(|mark| notional(self, mark)))?,
        })
    }
}

/// Returns profit, fees and exposure by asset; fees stand under the asset they were charged in and
/// nothing is converted (F43). Sums are exact and rounded once.
///
/// # Errors
/// Fails when a sum is too large to be shown.
pub fn totals<'a>(
    positions: impl IntoIterator<Item = Marked<'a>>,
) -> Result<BTreeMap<Asset, PnlTotal>, DecimalError> {
    let mut sums: BTreeMap<Asset, Sum> = BTreeMap::new();
    for Marked { position, mark } in positions {
        let sum = sums
            .entry(position.settle_asset())
            .or_insert_with(Sum::zero);
        add(&mut sum.realized, position.realized());
        if let Some(mark) = mark {
            let notional = notional(position, mark);
            add(&mut sum.unrealized, position.unrealized(mark));
            add(&mut sum.gross, notional.clone().abs());
            add(&mut sum.net, notional);
        }
        for (asset, amount) in position.fees() {
            let sum = sums.entry(*asset).or_insert_with(Sum::zero);
            add(&mut sum.fees, Exact::from(*amount));
        }
    }
    sums.into_iter()
        .map(|(asset, sum)| Ok((asset, sum.shown()?)))
        .collect()
}

fn notional(position: &Position, mark: Decimal) -> Exact {
    Exact::from(mark) * Exact::from(position.quantity())
}

fn add(sum: &mut Exact, more: Exact) {
    *sum = (sum.clone() + more).bounded();
}

struct Sum {
    realized: Exact,
    unrealized: Exact,
    fees: Exact,
    gross: Exact,
    net: Exact,
}

impl Sum {
    fn zero() -> Self {
        Self {
            realized: Exact::zero(),
            unrealized: Exact::zero(),
            fees: Exact::zero(),
            gross: Exact::zero(),
            net: Exact::zero(),
        }
    }

    fn shown(self) -> Result<PnlTotal, DecimalError> {
        let net_pnl = self.realized.clone() + self.unrealized.clone() - self.fees.clone();
        Ok(PnlTotal {
            realized_pnl: self.realized.shown()?,
            unrealized_pnl: self.unrealized.shown()?,
            fees: self.fees.shown()?,
            net_pnl: net_pnl.shown()?,
            gross_exposure: self.gross.shown()?,
            net_exposure: self.net.shown()?,
        })
    }
}
