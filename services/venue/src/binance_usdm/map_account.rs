//! Positions, balances and margin: theirs to ours.

use chimera_model::account::MarginMode;
use chimera_model::report::{
    AccountConfig, BalanceReport, CashKind, CashReport, MarginReport, PositionReport, ReportSource,
};
use chimera_model::{Asset, Decimal, UnixNanos};

use super::map_order::{Mapper, position_side, time};
use super::{VENUE, wire_account, wire_event};
use crate::checked::asset;
use crate::error::{VenueError, printable};
use crate::wire_value::{Whole, some};

impl Mapper {
    pub(super) fn position(
        &self,
        position: &wire_account::Position<'_>,
    ) -> Result<PositionReport, VenueError> {
        let instrument = self.instrument(&position.symbol)?;
        let mode = position.margin_type.as_deref().and_then(margin_mode);
        Ok(PositionReport {
            venue: VENUE,
            account: self.context.account,
            symbol: instrument.symbol,
            side: position_side(position.position_side.as_deref())?,
            quantity: position.amount.0,
            entry_price: some(position.entry_price),
            mark_price: position.mark_price.and_then(some),
            unrealized_pnl: position.unrealized_profit.map(|profit| profit.0),
            liquidation_price: position.liquidation_price.and_then(some),
            margin_mode: mode,
            isolated_margin: position.isolated_margin.and_then(some),
            leverage: position.leverage.map(|leverage| leverage.0),
            venue_time: position.update_time.and_then(time),
            source: ReportSource::Rest,
        })
    }

    pub(super) fn position_event(
        &self,
        position: &wire_event::PositionOfFrame<'_>,
        event_time: Whole,
    ) -> Result<PositionReport, VenueError> {
        let instrument = self.instrument(&position.symbol)?;
        Ok(PositionReport {
            venue: VENUE,
            account: self.context.account,
            symbol: instrument.symbol,
            side: position_side(position.position_side.as_deref())?,
            quantity: position.amount.0,
            entry_price: some(position.entry_price),
            mark_price: None,
            unrealized_pnl: Some(position.unrealized_profit.0),
            liquidation_price: None,
            margin_mode: position.margin_type.as_deref().and_then(margin_mode),
            isolated_margin: position.isolated_wallet.and_then(some),
            leverage: None,
            venue_time: Some(UnixNanos::from_millis(event_time.0)?),
            source: ReportSource::Stream,
        })
    }

    pub(super) fn balance(
        &self,
        balance: &wire_account::Balance<'_>,
    ) -> Result<BalanceReport, VenueError> {
        Ok(BalanceReport {
            venue: VENUE,
            account: self.context.account,
            asset: asset(&balance.asset)?,
            total: balance.balance.0,
            available: Some(balance.available.0),
            venue_time: balance.update_time.and_then(time),
            source: ReportSource::Rest,
        })
    }

    pub(super) fn balance_event(
        &self,
        balance: &wire_event::BalanceOfFrame<'_>,
        event_time: Whole,
    ) -> Result<BalanceReport, VenueError> {
        Ok(BalanceReport {
            venue: VENUE,
            account: self.context.account,
            asset: asset(&balance.asset)?,
            total: balance.wallet_balance.0,
            available: None,
            venue_time: Some(UnixNanos::from_millis(event_time.0)?),
            source: ReportSource::Stream,
        })
    }

    /// Returns the movement of money that no fill explains (F41, F49), if there was one.
    pub(super) fn cash_event(
        &self,
        balance: &wire_event::BalanceOfFrame<'_>,
        reason: &str,
        event_time: Whole,
    ) -> Result<Option<CashReport>, VenueError> {
        let Some(amount) = balance.change.and_then(some) else {
            return Ok(None);
        };
        Ok(Some(CashReport {
            venue: VENUE,
            account: self.context.account,
            asset: asset(&balance.asset)?,
            amount,
            kind: cash_kind(reason),
            kind_text: printable(reason),
            symbol: None,
            reference: None,
            venue_time: UnixNanos::from_millis(event_time.0)?,
        }))
    }

    pub(super) fn margin(
        &self,
        account: &wire_account::Account<'_>,
    ) -> Result<MarginReport, VenueError> {
        Ok(MarginReport {
            venue: VENUE,
            account: self.context.account,
            asset: sums_asset(account)?,
            wallet_balance: account.wallet_balance.0,
            equity: account.margin_balance.0,
            available: account.available.0,
            initial_margin: account.initial_margin.0,
            maintenance_margin: account.maintenance_margin.0,
            unrealized_pnl: account.unrealized_profit.0,
            venue_time: account
                .assets
                .iter()
                .filter_map(|asset| asset.update_time)
                .filter_map(time)
                .max(),
        })
    }

    pub(super) fn leverage(
        &self,
        leverage: &wire_event::LeverageOfFrame<'_>,
    ) -> Result<AccountConfig, VenueError> {
        let symbol = self.instrument(&leverage.symbol)?.symbol;
        Ok(AccountConfig::Leverage {
            symbol,
            leverage: leverage.leverage.0,
        })
    }
}

/// Returns what the sums are in: dollars when several assets back all positions, else USDT. Where
/// the venue does not say which, the sums are USDT's if they equal what it says of that asset.
fn sums_asset(account: &wire_account::Account<'_>) -> Result<Option<Asset>, VenueError> {
    const SINGLE: &str = "USDT";
    let wallet = |name: &str| -> Option<Decimal> {
        let asset = account.assets.iter().find(|asset| asset.asset == name)?;
        Some(asset.wallet_balance.0)
    };
    let single = match account.multi_assets {
        Some(multi) => !multi.0,
        None => wallet(SINGLE) == Some(account.wallet_balance.0),
    };
    Ok(if single { Some(asset(SINGLE)?) } else { None })
}

fn margin_mode(text: &str) -> Option<MarginMode> {
    match text {
        "cross" | "CROSSED" => Some(MarginMode::Cross),
        "isolated" | "ISOLATED" => Some(MarginMode::Isolated),
        _ => None,
    }
}

/// Page `user-data-streams/Event-Balance-and-Position-Update`
fn cash_kind(reason: &str) -> CashKind {
    match reason {
        "FUNDING_FEE" => CashKind::Funding,
        "DEPOSIT" | "ADMIN_DEPOSIT" | "COIN_SWAP_DEPOSIT" => CashKind::Deposit,
        "WITHDRAW" | "WITHDRAW_REJECT" | "ADMIN_WITHDRAW" | "COIN_SWAP_WITHDRAW" => {
            CashKind::Withdrawal
        }
        "MARGIN_TRANSFER" | "ASSET_TRANSFER" => CashKind::Transfer,
        "ADJUSTMENT" | "INSURANCE_CLEAR" => CashKind::Adjustment,
        "AUTO_EXCHANGE" => CashKind::Conversion,
        other => CashKind::Unknown(printable(other)),
    }
}
