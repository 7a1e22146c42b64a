//! Balances, accounts and positions, field by field as the venue writes them.
//!
//! See <https://developers.binance.com/docs/derivatives/usds-margined-futures/account/rest-api>.

use serde::Serialize;

use super::format::money;
use super::wire::PositionView;
use crate::engine::AccountId;
use crate::exchange::{Exchange, InstrumentId};

const ASSET: &str = "USDT";

/// One asset of the wallet.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Balance {
    account_alias: String,
    asset: &'static str,
    balance: String,
    cross_wallet_balance: String,
    cross_un_pnl: String,
    available_balance: String,
    max_withdraw_amount: String,
    margin_available: bool,
    update_time: u64,
}

impl Balance {
    pub fn new(exchange: &Exchange, account: AccountId) -> Self {
        let holder = exchange.account(account);
        let margin = exchange.margin(account);
        Self {
            account_alias: holder.name.clone(),
            asset: ASSET,
            balance: money(margin.wallet),
            cross_wallet_balance: money(margin.wallet),
            cross_un_pnl: money(margin.unrealised),
            available_balance: money(margin.available()),
            max_withdraw_amount: money(margin.available().min(margin.wallet)),
            margin_available: true,
            update_time: holder.updated_ms,
        }
    }
}

/// One asset of an account.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asset {
    asset: &'static str,
    wallet_balance: String,
    unrealized_profit: String,
    margin_balance: String,
    maint_margin: String,
    initial_margin: String,
    position_initial_margin: String,
    open_order_initial_margin: String,
    cross_wallet_balance: String,
    cross_un_pnl: String,
    available_balance: String,
    max_withdraw_amount: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    margin_available: Option<bool>,
    update_time: u64,
}

/// The sums over an account.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Totals {
    total_initial_margin: String,
    total_maint_margin: String,
    total_wallet_balance: String,
    total_unrealized_profit: String,
    total_margin_balance: String,
    total_position_initial_margin: String,
    total_open_order_initial_margin: String,
    total_cross_wallet_balance: String,
    total_cross_un_pnl: String,
    available_balance: String,
    max_withdraw_amount: String,
}

impl Totals {
    fn new(exchange: &Exchange, account: AccountId) -> Self {
        let margin = exchange.margin(account);
        Self {
            total_initial_margin: money(margin.initial()),
            total_maint_margin: money(margin.maintenance),
            total_wallet_balance: money(margin.wallet),
            total_unrealized_profit: money(margin.unrealised),
            total_margin_balance: money(margin.balance()),
            total_position_initial_margin: money(margin.position),
            total_open_order_initial_margin: money(margin.orders),
            total_cross_wallet_balance: money(margin.wallet),
            total_cross_un_pnl: money(margin.unrealised),
            available_balance: money(margin.available()),
            max_withdraw_amount: money(margin.available().min(margin.wallet)),
        }
    }

    fn asset(self, updated_ms: u64, margin_available: Option<bool>) -> Asset {
        Asset {
            asset: ASSET,
            wallet_balance: self.total_wallet_balance,
            unrealized_profit: self.total_unrealized_profit,
            margin_balance: self.total_margin_balance,
            maint_margin: self.total_maint_margin,
            initial_margin: self.total_initial_margin,
            position_initial_margin: self.total_position_initial_margin,
            open_order_initial_margin: self.total_open_order_initial_margin,
            cross_wallet_balance: self.total_cross_wallet_balance,
            cross_un_pnl: self.total_cross_un_pnl,
            available_balance: self.available_balance,
            max_withdraw_amount: self.max_withdraw_amount,
            margin_available,
            update_time: updated_ms,
        }
    }
}

/// The account, version 3.
#[derive(Serialize)]
pub(super) struct AccountV3 {
    #[serde(flatten)]
    totals: Totals,
    assets: [Asset; 1],
    positions: Vec<AccountPositionV3>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountPositionV3 {
    symbol: String,
    position_side: &'static str,
    position_amt: String,
    unrealized_profit: String,
    isolated_margin: &'static str,
    notional: String,
    isolated_wallet: &'static str,
    initial_margin: String,
    maint_margin: String,
    update_time: u64,
}

impl AccountV3 {
    pub fn new(exchange: &Exchange, account: AccountId) -> Self {
        let updated_ms = exchange.account(account).updated_ms;
        let held = exchange.account(account).positions.iter();
        let held = held.filter(|(_, position)| !position.quantity.is_zero());
        let position = |(id, _): (&InstrumentId, _)| {
            let view = PositionView::new(exchange, account, *id);
            AccountPositionV3 {
                symbol: exchange.instrument(*id).symbol.clone(),
                position_side: "BOTH",
                position_amt: view.amount,
                unrealized_profit: view.unrealised,
                isolated_margin: "0",
                notional: view.notional,
                isolated_wallet: "0",
                initial_margin: view.initial,
                maint_margin: view.maintenance,
                update_time: view.updated_ms,
            }
        };
        Self {
            totals: Totals::new(exchange, account),
            assets: [Totals::new(exchange, account).asset(updated_ms, None)],
            positions: held.map(position).collect(),
        }
    }
}

/// The account, version 2.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountV2 {
    fee_tier: u32,
    can_trade: bool,
    can_deposit: bool,
    can_withdraw: bool,
    update_time: u64,
    multi_assets_margin: bool,
    trade_group_id: i64,
    #[serde(flatten)]
    totals: Totals,
    assets: [Asset; 1],
    positions: Vec<AccountPositionV2>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountPositionV2 {
    symbol: String,
    initial_margin: String,
    maint_margin: String,
    unrealized_profit: String,
    position_initial_margin: String,
    open_order_initial_margin: String,
    leverage: String,
    isolated: bool,
    entry_price: String,
    break_even_price: String,
    max_notional: String,
    bid_notional: String,
    ask_notional: String,
    position_side: &'static str,
    position_amt: String,
    notional: String,
    isolated_wallet: &'static str,
    update_time: u64,
}

impl AccountV2 {
    pub fn new(exchange: &Exchange, account: AccountId) -> Self {
        let updated_ms = exchange.account(account).updated_ms;
        let position = |id: InstrumentId| {
            let view = PositionView::new(exchange, account, id);
            AccountPositionV2 {
                symbol: exchange.instrument(id).symbol.clone(),
                initial_margin: view.initial,
                maint_margin: view.maintenance,
                unrealized_profit: view.unrealised,
                position_initial_margin: view.position_initial,
                open_order_initial_margin: view.order_initial,
                leverage: view.leverage.to_string(),
                isolated: false,
                entry_price: view.entry,
                break_even_price: view.break_even,
                max_notional: view.max_notional,
                bid_notional: view.bids,
                ask_notional: view.asks,
                position_side: "BOTH",
                position_amt: view.amount,
                notional: view.notional,
                isolated_wallet: "0",
                update_time: view.updated_ms,
            }
        };
        Self {
            fee_tier: 0,
            can_trade: true,
            can_deposit: true,
            can_withdraw: true,
            update_time: 0,
            multi_assets_margin: false,
            trade_group_id: -1,
            totals: Totals::new(exchange, account),
            assets: [Totals::new(exchange, account).asset(updated_ms, Some(true))],
            positions: (0..exchange.instruments().len()).map(position).collect(),
        }
    }
}

/// One position, version 3.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PositionRiskV3 {
    symbol: String,
    position_side: &'static str,
    position_amt: String,
    entry_price: String,
    break_even_price: String,
    mark_price: String,
    un_realized_profit: String,
    liquidation_price: String,
    isolated_margin: &'static str,
    notional: String,
    margin_asset: &'static str,
    isolated_wallet: &'static str,
    initial_margin: String,
    maint_margin: String,
    position_initial_margin: String,
    open_order_initial_margin: String,
    adl: u32,
    bid_notional: String,
    ask_notional: String,
    update_time: u64,
}

impl PositionRiskV3 {
    pub fn new(exchange: &Exchange, account: AccountId, id: InstrumentId) -> Self {
        let view = PositionView::new(exchange, account, id);
        Self {
            symbol: exchange.instrument(id).symbol.clone(),
            position_side: "BOTH",
            position_amt: view.amount,
            entry_price: view.entry,
            break_even_price: view.break_even,
            mark_price: view.mark,
            un_realized_profit: view.unrealised,
            liquidation_price: view.liquidation,
            isolated_margin: "0",
            notional: view.notional,
            margin_asset: ASSET,
            isolated_wallet: "0",
            initial_margin: view.initial,
            maint_margin: view.maintenance,
            position_initial_margin: view.position_initial,
            open_order_initial_margin: view.order_initial,
            adl: 1,
            bid_notional: view.bids,
            ask_notional: view.asks,
            update_time: view.updated_ms,
        }
    }
}

/// One position, version 2.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PositionRiskV2 {
    symbol: String,
    position_amt: String,
    entry_price: String,
    break_even_price: String,
    mark_price: String,
    un_realized_profit: String,
    liquidation_price: String,
    leverage: String,
    max_notional_value: String,
    margin_type: &'static str,
    isolated_margin: &'static str,
    is_auto_add_margin: &'static str,
    position_side: &'static str,
    notional: String,
    isolated_wallet: &'static str,
    update_time: u64,
}

impl PositionRiskV2 {
    pub fn new(exchange: &Exchange, account: AccountId, id: InstrumentId) -> Self {
        let view = PositionView::new(exchange, account, id);
        Self {
            symbol: exchange.instrument(id).symbol.clone(),
            position_amt: view.amount,
            entry_price: view.entry,
            break_even_price: view.break_even,
            mark_price: view.mark,
            un_realized_profit: view.unrealised,
            liquidation_price: view.liquidation,
            leverage: view.leverage.to_string(),
            max_notional_value: view.max_notional,
            margin_type: "cross",
            isolated_margin: "0.00000000",
            is_auto_add_margin: "false",
            position_side: "BOTH",
            notional: view.notional,
            isolated_wallet: "0",
            update_time: view.updated_ms,
        }
    }
}
