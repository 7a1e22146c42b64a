//! What a script may ask of a venue, and how any venue does it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ledger;
use crate::engine::{OrderId, Price, Quantity, Side};
use crate::exchange::{Exchange, InstrumentId, Status};
use crate::faults::Fault;
use crate::hub::{SocketFate, SocketKind};
use crate::market::Market;
use crate::venue::{Core, Dialect, Venue};

/// Why a command is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// There is no such thing.
    #[error("no {what} is called {name:?}")]
    NotFound {
        /// Kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The command makes no sense.
    #[error("{0}")]
    Invalid(String),
}

fn missing(what: &'static str, name: &str) -> ControlError {
    ControlError::NotFound {
        what,
        name: name.to_owned(),
    }
}

/// A decision about sockets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SocketOrder {
    pub fate: SocketFate,
    #[serde(default)]
    pub kind: Option<SocketKind>,
    #[serde(default)]
    pub account: Option<String>,
}

/// New filters or a new status of an instrument; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct InstrumentChange {
    pub status: Option<Status>,
    pub tick: Option<Price>,
    pub step: Option<Quantity>,
    pub min_quantity: Option<Quantity>,
    pub max_quantity: Option<Quantity>,
    pub min_notional: Option<Price>,
    pub max_open_orders: Option<usize>,
    pub price_precision: Option<u32>,
    pub quantity_precision: Option<u32>,
}

/// One aggressive order of the market's own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MarketTrade {
    pub side: TradeSide,
    pub price: Price,
    pub quantity: Quantity,
}

/// The taker's side.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TradeSide {
    Buy,
    Sell,
}

/// What a script may ask.
#[derive(Debug)]
pub(crate) enum Command {
    Ledger {
        account: Option<String>,
    },
    Counters,
    Faults,
    AddFault(Box<Fault>),
    ClearFaults {
        id: Option<u64>,
    },
    Sockets,
    DecideSockets(SocketOrder),
    ExpireSessions {
        account: Option<String>,
    },
    Ban {
        status: u16,
        seconds: u64,
    },
    Skew {
        ms: i64,
    },
    Instrument {
        symbol: String,
    },
    ChangeInstrument {
        symbol: String,
        change: InstrumentChange,
    },
    Pause {
        paused: bool,
    },
    Move {
        symbol: String,
        price: Price,
    },
    Trade {
        symbol: String,
        trade: MarketTrade,
    },
    Fill {
        order: OrderId,
        quantity: Option<Quantity>,
    },
    Account {
        name: String,
        deposit: Option<Price>,
        /// What is paid in; the margin asset where absent.
        asset: Option<String>,
        hedge: Option<bool>,
    },
    Fund,
}

/// A venue that a script can steer.
pub(crate) trait Controlled: Debug + Send + Sync {
    /// Does what a script asks.
    fn command(&self, command: Command) -> Result<Value, ControlError>;

    /// Decides the fate of all sockets.
    fn decide_sockets(&self, fate: SocketFate);

    /// Lets time pass.
    fn tick(&self);
}

impl<D: Dialect + Debug> Controlled for Venue<D> {
    fn command(&self, command: Command) -> Result<Value, ControlError> {
        self.with(|core| run(core, command))
    }

    fn decide_sockets(&self, fate: SocketFate) {
        self.with(|core| core.hub.decide(fate, None, None));
    }

    fn tick(&self) {
        self.with(Core::tick);
    }
}

fn run<D: Dialect>(core: &mut Core<D>, command: Command) -> Result<Value, ControlError> {
    let now_ms = core.now_ms();
    match command {
        Command::Ledger { account } => {
            let account = account
                .map(|name| find_account(&core.exchange, &name))
                .transpose()?;
            Ok(ledger::view(&core.exchange, account))
        }
        Command::Counters => Ok(counters(core)),
        Command::Faults => Ok(json!(core.exchange.faults.list())),
        Command::AddFault(fault) => Ok(json!({ "id": core.exchange.faults.add(*fault) })),
        Command::ClearFaults { id } => Ok(json!(core.exchange.faults.clear(id))),
        Command::Sockets => Ok(json!(core.hub.list())),
        Command::DecideSockets(order) => {
            let account = order
                .account
                .map(|name| find_account(&core.exchange, &name));
            let concerned = core
                .hub
                .decide(order.fate, order.kind, account.transpose()?);
            Ok(json!({ "sockets": concerned }))
        }
        Command::ExpireSessions { account } => {
            let account = account
                .map(|name| find_account(&core.exchange, &name))
                .transpose()?;
            let ended = core.dialect.expire_sessions(account, &mut core.hub, now_ms);
            Ok(json!({ "sessions": ended }))
        }
        Command::Ban { status, seconds } => {
            if ![403, 418, 429].contains(&status) {
                return Err(ControlError::Invalid(
                    "status must be 403, 418 or 429".to_owned(),
                ));
            }
            core.dialect.ban(status, seconds, now_ms);
            Ok(json!({}))
        }
        Command::Skew { ms } => {
            core.skew_ms = ms;
            Ok(json!({ "skew_ms": ms }))
        }
        market => run_market(core, market, now_ms),
    }
}

fn run_market<D: Dialect>(
    core: &mut Core<D>,
    command: Command,
    now_ms: u64,
) -> Result<Value, ControlError> {
    let exchange = &mut core.exchange;
    match command {
        Command::Instrument { symbol } => Ok(instrument_view(
            exchange,
            find_instrument(exchange, &symbol)?,
        )),
        Command::ChangeInstrument { symbol, change } => {
            let id = find_instrument(exchange, &symbol)?;
            change_instrument(exchange, id, change);
            Ok(instrument_view(exchange, id))
        }
        Command::Pause { paused } => {
            core.market.pause(paused);
            Ok(json!({ "paused": core.market.is_paused() }))
        }
        Command::Move { symbol, price } => {
            let id = find_instrument(exchange, &symbol)?;
            core.market.move_to(exchange, id, price, now_ms);
            Ok(best(exchange, id))
        }
        Command::Trade { symbol, trade } => {
            let id = find_instrument(exchange, &symbol)?;
            let side = match trade.side {
                TradeSide::Buy => Side::Buy,
                TradeSide::Sell => Side::Sell,
            };
            let left = Market::trade(exchange, id, side, trade.price, trade.quantity, now_ms);
            Ok(json!({ "untraded": left, "book": best(exchange, id) }))
        }
        Command::Fill { order, quantity } => {
            let filled = exchange.force_fill(now_ms, order, quantity);
            filled
                .then(|| json!({}))
                .ok_or_else(|| missing("open order", &order.to_string()))
        }
        Command::Account {
            name,
            deposit,
            asset,
            hedge,
        } => {
            let account = find_account(exchange, &name)?;
            if let Some(amount) = deposit {
                let quotes = exchange.instruments().iter().map(|listing| &listing.quote);
                let other = asset.filter(|asset| !quotes.clone().any(|quote| quote == asset));
                match other {
                    Some(asset) => {
                        exchange.deposit_asset(now_ms, account, &asset, amount.decimal());
                    }
                    None => exchange.deposit(now_ms, account, amount.decimal()),
                }
            }
            if let Some(hedge) = hedge {
                exchange.account_mut(account).hedge = hedge;
            }
            Ok(json!({ "wallet": exchange.account(account).wallet.to_string() }))
        }
        _ => {
            exchange.fund(now_ms);
            Ok(json!({}))
        }
    }
}

fn find_account(exchange: &Exchange, name: &str) -> Result<u32, ControlError> {
    exchange
        .account_by_name(name)
        .ok_or_else(|| missing("account", name))
}

fn find_instrument(exchange: &Exchange, symbol: &str) -> Result<InstrumentId, ControlError> {
    exchange
        .find(symbol)
        .ok_or_else(|| missing("instrument", symbol))
}

fn counters<D: Dialect>(core: &Core<D>) -> Value {
    let sockets: BTreeMap<&str, u64> = BTreeMap::from([
        ("opened", core.hub.opened),
        ("open", core.hub.list().len() as u64),
        ("closed_for_slowness", core.hub.slow_closed),
    ]);
    json!({
        "requests": core.counters.requests,
        "refusals": core.counters.refusals,
        "creates": core.counters.creates,
        "limits": core.dialect.counters(),
        "sockets": sockets,
    })
}

fn change_instrument(exchange: &mut Exchange, id: InstrumentId, change: InstrumentChange) {
    fn set<T>(place: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *place = value;
        }
    }
    let instrument = exchange.instrument_mut(id);
    set(&mut instrument.status, change.status);
    set(&mut instrument.tick, change.tick);
    set(&mut instrument.step, change.step);
    set(&mut instrument.min_quantity, change.min_quantity);
    set(&mut instrument.max_quantity, change.max_quantity);
    set(
        &mut instrument.min_notional,
        change.min_notional.map(Price::decimal),
    );
    set(&mut instrument.max_open_orders, change.max_open_orders);
    set(&mut instrument.price_precision, change.price_precision);
    set(
        &mut instrument.quantity_precision,
        change.quantity_precision,
    );
}

fn instrument_view(exchange: &Exchange, id: InstrumentId) -> Value {
    let instrument = exchange.instrument(id);
    let text = |value: Decimal| value.normalize().to_string();
    json!({
        "symbol": instrument.symbol,
        "status": instrument.status,
        "tick": instrument.tick,
        "step": instrument.step,
        "min_quantity": instrument.min_quantity,
        "max_quantity": instrument.max_quantity,
        "min_notional": text(instrument.min_notional),
        "max_open_orders": instrument.max_open_orders,
        "mark": exchange.mark(id),
        "book": best(exchange, id),
    })
}

fn best(exchange: &Exchange, id: InstrumentId) -> Value {
    let level = |side| {
        exchange
            .book(id)
            .best(side)
            .map(|(price, size)| [price.to_string(), size.to_string()])
    };
    json!({
        "sequence": exchange.book(id).sequence(),
        "bid": level(Side::Buy),
        "ask": level(Side::Sell),
    })
}
