//! Positions, balances and margin: theirs to ours.
//!
//! Answers name no time; one margin account stands behind all positions.

use chimera_model::account::{MarginMode, PositionSide};
use chimera_model::report::{BalanceReport, MarginReport, PositionReport, ReportSource};
use chimera_model::{Decimal, DecimalError, Rounding};

use super::map_order::Mapper;
use super::{VENUE, wire_account as wire, wire_time};
use crate::checked::asset;
use crate::error::VenueError;
use crate::wire_value::Average;

/// Decimals of a sum that is computed here: far below what money needs.
const SUM_DECIMALS: u32 = 12;

impl Mapper {
    pub(super) fn position(
        &self,
        position: &wire::Position<'_>,
    ) -> Result<PositionReport, VenueError> {
        Ok(PositionReport {
            venue: VENUE,
            account: self.context.account,
            symbol: self.instrument(&position.symbol)?.symbol,
            side: PositionSide::Net,
            quantity: position.quantity.0,
            entry_price: nonzero(position.entry_price),
            mark_price: nonzero(position.mark_price),
            unrealized_pnl: Some(position.unrealized.0),
            liquidation_price: position.liquidation_price.and_then(nonzero),
            margin_mode: Some(MarginMode::Cross),
            isolated_margin: None,
            leverage: None,
            venue_time: None,
            source: ReportSource::Rest,
        })
    }

    pub(super) fn position_event(
        &self,
        position: &wire::PositionFrame<'_>,
    ) -> Result<PositionReport, VenueError> {
        Ok(PositionReport {
            venue: VENUE,
            account: self.context.account,
            symbol: self.instrument(&position.symbol)?.symbol,
            side: PositionSide::Net,
            quantity: position.quantity.0,
            entry_price: nonzero(position.entry_price),
            mark_price: nonzero(position.mark_price),
            unrealized_pnl: Some(position.unrealized.0),
            liquidation_price: None,
            margin_mode: Some(MarginMode::Cross),
            isolated_margin: None,
            leverage: None,
            venue_time: Some(wire_time::own_micros(position.time)?),
            source: ReportSource::Stream,
        })
    }

    pub(super) fn balance(
        &self,
        name: &str,
        balance: &wire::Balance,
    ) -> Result<BalanceReport, VenueError> {
        let available = balance.available.0;
        let total = available
            .checked_add(balance.locked.0)
            .and_then(|sum| sum.checked_add(balance.staked.0));
        Ok(BalanceReport {
            venue: VENUE,
            account: self.context.account,
            asset: asset(name)?,
            total: total.map_err(unheld)?,
            available: Some(available),
            venue_time: None,
            source: ReportSource::Rest,
        })
    }

    /// All sums are in dollars: every asset that counts as collateral is in them.
    pub(super) fn margin(&self, account: &wire::Collateral) -> Result<MarginReport, VenueError> {
        let unrealized = account.unrealized.0;
        let short = |value: Decimal| value.round(SUM_DECIMALS, Rounding::Ceiling);
        let maintenance = short(account.exposure.0)
            .and_then(|exposure| exposure.checked_mul(account.mmf.0))
            .and_then(short);
        Ok(MarginReport {
            venue: VENUE,
            account: self.context.account,
            asset: None,
            wallet_balance: account.equity.0.checked_sub(unrealized).map_err(unheld)?,
            equity: account.equity.0,
            available: account.available.0,
            initial_margin: account.locked.0,
            maintenance_margin: maintenance.map_err(unheld)?,
            unrealized_pnl: unrealized,
            venue_time: None,
        })
    }
}

fn unheld(error: DecimalError) -> VenueError {
    VenueError::unreadable(format!("a sum cannot be held: {error}"))
}

/// Zero stands for "none".
fn nonzero(value: Average) -> Option<Decimal> {
    (!value.0.is_zero()).then_some(value.0)
}
