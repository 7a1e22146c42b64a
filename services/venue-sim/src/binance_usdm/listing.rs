//! The venue's description of itself: `exchangeInfo`.

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};

use super::format;
use super::limits::LimitConfig;
use crate::engine::Price;
use crate::exchange::{Exchange, Instrument, Status};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RateLimit {
    rate_limit_type: &'static str,
    interval: &'static str,
    interval_num: u32,
    limit: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Asset {
    asset: &'static str,
    margin_available: bool,
    auto_asset_exchange: &'static str,
}

/// All that the venue says of its rules.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExchangeInfo {
    timezone: &'static str,
    server_time: u64,
    futures_type: &'static str,
    rate_limits: Vec<RateLimit>,
    exchange_filters: [Value; 0],
    assets: [Asset; 1],
    symbols: Vec<Symbol>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Symbol {
    symbol: String,
    pair: String,
    contract_type: &'static str,
    delivery_date: u64,
    onboard_date: u64,
    status: &'static str,
    maint_margin_percent: &'static str,
    required_margin_percent: &'static str,
    base_asset: String,
    quote_asset: String,
    margin_asset: String,
    price_precision: u32,
    quantity_precision: u32,
    base_asset_precision: u32,
    quote_precision: u32,
    underlying_type: &'static str,
    underlying_sub_type: [&'static str; 1],
    trigger_protect: &'static str,
    liquidation_fee: &'static str,
    market_take_bound: &'static str,
    max_move_order_limit: u32,
    filters: Vec<Value>,
    order_types: [&'static str; 2],
    time_in_force: [&'static str; 5],
    permission_sets: [&'static str; 2],
}

impl ExchangeInfo {
    /// Describes a venue as it stands.
    pub fn new(exchange: &Exchange, limits: LimitConfig, now_ms: u64) -> Self {
        let limit = |rate_limit_type, interval, interval_num, limit| RateLimit {
            rate_limit_type,
            interval,
            interval_num,
            limit,
        };
        let usdt = Asset {
            asset: "USDT",
            margin_available: true,
            auto_asset_exchange: "-10000",
        };
        Self {
            timezone: "UTC",
            server_time: now_ms,
            futures_type: "U_MARGINED",
            rate_limits: vec![
                limit("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_1m),
                limit("ORDERS", "MINUTE", 1, limits.orders_1m),
                limit("ORDERS", "SECOND", 10, limits.orders_10s),
            ],
            exchange_filters: [],
            assets: [usdt],
            symbols: exchange.instruments().iter().map(Symbol::new).collect(),
        }
    }
}

impl Symbol {
    fn new(instrument: &Instrument) -> Self {
        Self {
            symbol: instrument.symbol.clone(),
            pair: instrument.symbol.clone(),
            contract_type: "PERPETUAL",
            delivery_date: 4_133_404_800_000,
            onboard_date: 1_569_398_400_000,
            status: match instrument.status {
                Status::Trading => "TRADING",
                Status::Halted => "SETTLING",
            },
            maint_margin_percent: "2.5000",
            required_margin_percent: "5.0000",
            base_asset: instrument.base.clone(),
            quote_asset: instrument.quote.clone(),
            margin_asset: instrument.quote.clone(),
            price_precision: instrument.price_precision,
            quantity_precision: instrument.quantity_precision,
            base_asset_precision: 8,
            quote_precision: 8,
            underlying_type: "COIN",
            underlying_sub_type: ["PoW"],
            trigger_protect: "0.0500",
            liquidation_fee: "0.012500",
            market_take_bound: "0.05",
            max_move_order_limit: 10_000,
            filters: filters(instrument),
            order_types: ["LIMIT", "MARKET"],
            time_in_force: ["GTC", "IOC", "FOK", "GTX", "GTD"],
            permission_sets: ["GRID", "COPY"],
        }
    }
}

fn filters(instrument: &Instrument) -> Vec<Value> {
    // The lowest price and the tick are shown with all decimals, the highest without trailing ones.
    let price = |price: Price| format::price(instrument, price);
    let factor = |factor: Decimal| format::fixed(factor, 4);
    let step = instrument.step.to_string();
    let least = instrument.min_quantity.to_string();
    vec![
        json!({ "filterType": "PRICE_FILTER", "minPrice": price(instrument.min_price),
                "maxPrice": instrument.max_price.to_string(), "tickSize": price(instrument.tick) }),
        json!({ "filterType": "LOT_SIZE", "minQty": least, "stepSize": step,
                "maxQty": instrument.max_quantity.to_string() }),
        json!({ "filterType": "MARKET_LOT_SIZE", "minQty": least, "stepSize": step,
                "maxQty": instrument.max_market_quantity.to_string() }),
        json!({ "filterType": "MAX_NUM_ORDERS", "limit": instrument.max_open_orders }),
        json!({ "filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10 }),
        json!({ "filterType": "MIN_NOTIONAL", "notional": instrument.min_notional.to_string() }),
        json!({ "filterType": "PERCENT_PRICE", "multiplierUp": factor(instrument.band_up),
                "multiplierDown": factor(instrument.band_down), "multiplierDecimal": "4" }),
        json!({ "filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE" }),
    ]
}
