//! Private frames, field by field as the venue writes them.
//!
//! See <https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams>.

use rust_decimal::Decimal;
use serde::Serialize;

use super::format;
use super::words;
use crate::account::Position;
use crate::engine::{Price, Side};
use crate::exchange::{BalanceReason, Execution, Fill, Instrument, Kind, Order};

fn write(frame: &impl Serialize) -> String {
    // Frames are plain structures of text and numbers; those always serialise.
    serde_json::to_string(frame).unwrap_or_default()
}

#[derive(Serialize)]
struct OrderBody<'a> {
    s: &'a str,
    c: &'a str,
    #[serde(rename = "S")]
    side: &'static str,
    o: &'static str,
    f: &'static str,
    q: String,
    p: String,
    ap: String,
    sp: &'static str,
    x: &'static str,
    #[serde(rename = "X")]
    status: &'static str,
    i: u64,
    l: String,
    z: String,
    #[serde(rename = "L")]
    last_price: String,
    #[serde(rename = "N", skip_serializing_if = "Option::is_none")]
    fee_asset: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(rename = "T")]
    time_ms: u64,
    t: u64,
    b: String,
    a: String,
    m: bool,
    #[serde(rename = "R")]
    reduce_only: bool,
    wt: &'static str,
    ot: &'static str,
    ps: &'static str,
    cp: bool,
    rp: String,
    #[serde(rename = "pP")]
    price_protect: bool,
    si: u32,
    ss: u32,
    #[serde(rename = "V")]
    self_trade: &'static str,
    pm: &'static str,
    gtd: u64,
    er: &'static str,
}

/// What is known of the order besides itself.
pub(super) struct OrderContext<'a> {
    pub execution: Execution,
    pub fill: Option<&'a Fill>,
    /// Value of the account's open buys and sells of the instrument.
    pub bids: Decimal,
    pub asks: Decimal,
}

#[derive(Serialize)]
struct OrderFrame<'a> {
    e: &'static str,
    #[serde(rename = "T")]
    time_ms: u64,
    #[serde(rename = "E")]
    event_ms: u64,
    o: OrderBody<'a>,
}

pub(super) fn order_update(
    instrument: &Instrument,
    order: &Order,
    context: &OrderContext<'_>,
    now_ms: u64,
    time_ms: u64,
) -> String {
    let terms = &order.terms;
    let fill = context.fill;
    let price = terms
        .price
        .map_or_else(|| "0".to_owned(), |price| format::price(instrument, price));
    let body = OrderBody {
        s: &instrument.symbol,
        c: &terms.client_id,
        side: words::side(terms.side),
        o: words::kind(terms.kind),
        f: words::time_in_force(terms),
        q: format::quantity(instrument, terms.quantity),
        p: price,
        ap: average(instrument, order),
        sp: "0",
        x: words::execution(context.execution),
        status: words::status(order.status),
        i: order.id,
        l: fill.map_or_else(
            || "0".to_owned(),
            |fill| format::quantity(instrument, fill.quantity),
        ),
        z: executed(instrument, order),
        last_price: fill.map_or_else(
            || "0".to_owned(),
            |fill| format::price(instrument, fill.price),
        ),
        fee_asset: fill.map(|_| instrument.quote.as_str()),
        n: fill.map(|fill| format::money(fill.fee)),
        time_ms,
        t: fill.map_or(0, |fill| fill.trade),
        b: worth(context.bids),
        a: worth(context.asks),
        m: fill.is_some_and(|fill| fill.maker),
        reduce_only: terms.reduce_only,
        wt: "CONTRACT_PRICE",
        ot: words::kind(terms.kind),
        ps: "BOTH",
        cp: false,
        rp: fill.map_or_else(|| "0".to_owned(), |fill| money_or_zero(fill.realised)),
        price_protect: false,
        si: 0,
        ss: 0,
        self_trade: words::self_trade(terms.self_trade),
        pm: "NONE",
        gtd: terms.expires_ms.unwrap_or(0),
        er: "0",
    };
    write(&OrderFrame {
        e: "ORDER_TRADE_UPDATE",
        time_ms,
        event_ms: now_ms,
        o: body,
    })
}

fn average(instrument: &Instrument, order: &Order) -> String {
    if order.executed.is_zero() {
        "0".to_owned()
    } else {
        format::average(instrument, order)
    }
}

fn executed(instrument: &Instrument, order: &Order) -> String {
    if order.executed.is_zero() {
        return "0".to_owned();
    }
    format::quantity(instrument, order.executed)
}

fn money_or_zero(value: Decimal) -> String {
    if value.is_zero() {
        "0".to_owned()
    } else {
        format::money(value)
    }
}

fn worth(value: Decimal) -> String {
    if value.is_zero() {
        "0".to_owned()
    } else {
        value.normalize().to_string()
    }
}

/// A trade in short, sent ahead of the full update.
pub(super) fn trade_lite(
    instrument: &Instrument,
    order: &Order,
    fill: &Fill,
    now_ms: u64,
) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        e: &'static str,
        #[serde(rename = "E")]
        event_ms: u64,
        #[serde(rename = "T")]
        time_ms: u64,
        s: &'a str,
        q: String,
        p: String,
        m: bool,
        c: &'a str,
        #[serde(rename = "S")]
        side: &'static str,
        #[serde(rename = "L")]
        last_price: String,
        l: String,
        t: u64,
        i: u64,
    }
    let terms = &order.terms;
    let price = match terms.kind {
        Kind::Limit => format::price(instrument, terms.price.unwrap_or(Price::ZERO)),
        Kind::Market => "0".to_owned(),
    };
    write(&Frame {
        e: "TRADE_LITE",
        event_ms: now_ms,
        time_ms: fill.time_ms,
        s: &instrument.symbol,
        q: format::quantity(instrument, terms.quantity),
        p: price,
        m: fill.maker,
        c: &terms.client_id,
        side: words::side(fill.side),
        last_price: format::price(instrument, fill.price),
        l: format::quantity(instrument, fill.quantity),
        t: fill.trade,
        i: order.id,
    })
}

/// A movement of the wallet, with the position it belongs to.
pub(super) struct AccountMove<'a> {
    pub reason: BalanceReason,
    pub wallet: Decimal,
    pub change: Decimal,
    pub position: Option<(&'a Instrument, Position, Price)>,
}

#[derive(Serialize)]
struct Balance {
    a: &'static str,
    wb: String,
    cw: String,
    bc: String,
}

#[derive(Serialize)]
struct Held<'a> {
    s: &'a str,
    pa: String,
    ep: String,
    cr: String,
    up: String,
    mt: &'static str,
    iw: &'static str,
    ps: &'static str,
    ma: &'static str,
    bep: String,
}

#[derive(Serialize)]
struct AccountBody<'a> {
    m: &'static str,
    #[serde(rename = "B")]
    balances: [Balance; 1],
    #[serde(rename = "P")]
    positions: Vec<Held<'a>>,
}

pub(super) fn account_update(moved: &AccountMove<'_>, now_ms: u64, time_ms: u64) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        e: &'static str,
        #[serde(rename = "T")]
        time_ms: u64,
        #[serde(rename = "E")]
        event_ms: u64,
        a: AccountBody<'a>,
    }
    let held = moved
        .position
        .as_ref()
        .map(|(instrument, position, mark)| Held {
            s: &instrument.symbol,
            pa: format::position(instrument, position.quantity),
            ep: format::entry(position.entry()),
            cr: format::money(position.realised),
            up: format::money(position.unrealised(*mark)),
            mt: "cross",
            iw: "0",
            ps: "BOTH",
            ma: "USDT",
            bep: format::entry(position.break_even()),
        });
    let wallet = format::money(moved.wallet);
    let balance = Balance {
        a: "USDT",
        wb: wallet.clone(),
        cw: wallet,
        bc: money_or_zero(moved.change),
    };
    let body = AccountBody {
        m: words::balance_reason(moved.reason),
        balances: [balance],
        positions: held.into_iter().collect(),
    };
    write(&Frame {
        e: "ACCOUNT_UPDATE",
        time_ms,
        event_ms: now_ms,
        a: body,
    })
}

pub(super) fn leverage_update(
    instrument: &Instrument,
    leverage: u32,
    now_ms: u64,
    time_ms: u64,
) -> String {
    let symbol = &instrument.symbol;
    serde_json::json!({
        "e": "ACCOUNT_CONFIG_UPDATE", "E": now_ms, "T": time_ms,
        "ac": { "s": symbol, "l": leverage },
    })
    .to_string()
}

pub(super) fn key_expired(key: &str, now_ms: u64) -> String {
    serde_json::json!({ "e": "listenKeyExpired", "E": now_ms, "listenKey": key }).to_string()
}

/// Returns values of open buys and sells with the order's own counted in.
pub(super) fn open_worth<'a>(orders: impl Iterator<Item = &'a Order>) -> (Decimal, Decimal) {
    let mut sums = (Decimal::ZERO, Decimal::ZERO);
    for order in orders {
        let price = order.terms.price.unwrap_or(Price::ZERO);
        let worth = crate::engine::notional(price, order.remaining());
        match order.terms.side {
            Side::Buy => sums.0 += worth,
            Side::Sell => sums.1 += worth,
        }
    }
    sums
}
