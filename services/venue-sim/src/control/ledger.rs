//! The venue's own books, for a reader that trusts no client.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};

use crate::engine::{AccountId, Price, Quantity, Side};
use crate::exchange::{Exchange, Fill, IncomeKind, Kind, Order, OrderStatus};

#[derive(Serialize)]
struct OrderRow<'a> {
    id: u64,
    account: &'a str,
    symbol: &'a str,
    client_id: &'a str,
    side: &'static str,
    kind: &'static str,
    price: Option<Price>,
    quantity: Quantity,
    executed: Quantity,
    executed_quote: String,
    reduce_only: bool,
    status: &'static str,
    created_ms: u64,
    updated_ms: u64,
}

#[derive(Serialize)]
struct FillRow<'a> {
    trade: u64,
    order: u64,
    account: &'a str,
    symbol: &'a str,
    client_id: &'a str,
    side: &'static str,
    price: Price,
    quantity: Quantity,
    fee: String,
    fee_asset: &'a str,
    realised: String,
    maker: bool,
    time_ms: u64,
}

#[derive(Serialize)]
struct PositionRow<'a> {
    symbol: &'a str,
    quantity: String,
    cost: String,
    entry: String,
    realised: String,
    fees: String,
}

#[derive(Serialize)]
struct AccountRow<'a> {
    name: &'a str,
    deposited: String,
    wallet: String,
    funding: String,
    /// Assets held besides the wallet's.
    holdings: BTreeMap<&'a str, String>,
    open_orders: usize,
    positions: Vec<PositionRow<'a>>,
}

#[derive(Serialize)]
struct IncomeRow<'a> {
    id: u64,
    account: &'a str,
    symbol: Option<&'a str>,
    kind: IncomeKind,
    amount: String,
    time_ms: u64,
}

/// Returns all that a venue has on its books, of one account or of all.
pub(super) fn view(exchange: &Exchange, account: Option<AccountId>) -> Value {
    let ours = |id: AccountId| account.is_none_or(|account| account == id);
    let accounts = exchange.accounts().iter().filter(|holder| ours(holder.id));
    let orders = exchange.orders().filter(|order| ours(order.terms.account));
    let fills = exchange.fills().filter(|fill| ours(fill.account));
    let incomes = exchange.incomes().filter(|income| ours(income.account));
    let income = |income: &crate::exchange::Income| IncomeRow {
        id: income.id,
        account: &exchange.account(income.account).name,
        symbol: income
            .instrument
            .map(|id| exchange.instrument(id).symbol.as_str()),
        kind: income.kind,
        amount: text(income.amount),
        time_ms: income.time_ms,
    };
    json!({
        "accounts": accounts.map(|holder| account_row(exchange, holder.id)).collect::<Vec<_>>(),
        "orders": orders.map(|order| order_row(exchange, order)).collect::<Vec<_>>(),
        "fills": fills.map(|fill| fill_row(exchange, fill)).collect::<Vec<_>>(),
        "incomes": incomes.map(income).collect::<Vec<_>>(),
    })
}

fn account_row(exchange: &Exchange, id: AccountId) -> AccountRow<'_> {
    let holder = exchange.account(id);
    let position = |(id, position): (&usize, &crate::account::Position)| PositionRow {
        symbol: &exchange.instrument(*id).symbol,
        quantity: text(position.quantity),
        cost: text(position.cost),
        entry: text(position.entry()),
        realised: text(position.realised),
        fees: text(position.fees),
    };
    AccountRow {
        name: &holder.name,
        deposited: text(holder.deposited),
        wallet: text(holder.wallet),
        funding: text(holder.funding),
        holdings: holder
            .holdings
            .iter()
            .map(|(asset, held)| (asset.as_str(), text(*held)))
            .collect(),
        open_orders: holder.open.len(),
        positions: holder.positions.iter().map(position).collect(),
    }
}

fn order_row<'a>(exchange: &'a Exchange, order: &'a Order) -> OrderRow<'a> {
    let terms = &order.terms;
    OrderRow {
        id: order.id,
        account: &exchange.account(terms.account).name,
        symbol: &exchange.instrument(terms.instrument).symbol,
        client_id: &terms.client_id,
        side: side(terms.side),
        kind: match terms.kind {
            Kind::Limit => "limit",
            Kind::Market => "market",
        },
        price: terms.price,
        quantity: terms.quantity,
        executed: order.executed,
        executed_quote: text(order.executed_quote),
        reduce_only: terms.reduce_only,
        status: status(order.status),
        created_ms: order.created_ms,
        updated_ms: order.updated_ms,
    }
}

fn fill_row<'a>(exchange: &'a Exchange, fill: &'a Fill) -> FillRow<'a> {
    let order = exchange.order(fill.order);
    FillRow {
        trade: fill.trade,
        order: fill.order,
        account: &exchange.account(fill.account).name,
        symbol: &exchange.instrument(fill.instrument).symbol,
        client_id: order.map_or("", |order| order.terms.client_id.as_str()),
        side: side(fill.side),
        price: fill.price,
        quantity: fill.quantity,
        fee: text(fill.fee),
        fee_asset: &fill.fee_asset,
        realised: text(fill.realised),
        maker: fill.maker,
        time_ms: fill.time_ms,
    }
}

fn text(value: Decimal) -> String {
    value.normalize().to_string()
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::New => "new",
        OrderStatus::PartiallyFilled => "partially_filled",
        OrderStatus::Filled => "filled",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Expired => "expired",
        OrderStatus::ExpiredOnSelf => "expired_on_self",
    }
}
