//! What an account holds: balances, collateral, positions, settings.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::error::ApiError;
use super::format::plain;
use super::listing::margin_function;
use super::rest::{Answer, Call};
use super::words;
use crate::account::Position;
use crate::engine::{AccountId, Price, Quantity, SelfTrade, Side, TimeInForce};
use crate::exchange::{Exchange, InstrumentId, Kind, Margining, NewOrder, Refusal};

/// The asset that everything is paid in.
pub(super) const CASH: &str = "USDC";

/// The highest leverage that an account may set.
const LEVERAGE_MAX: u32 = 50;

/// Basis points of one.
const BASIS_POINTS: i64 = 10_000;

/// Returns all that an account holds of each asset: the total, and what stands in orders.
pub(super) fn balances(exchange: &Exchange, id: AccountId) -> BTreeMap<String, (Decimal, Decimal)> {
    let account = exchange.account(id);
    let assets: BTreeSet<&str> = account.holdings.keys().map(String::as_str).collect();
    let others = assets
        .into_iter()
        .map(|asset| (asset, account.holding(asset)));
    let all = others.chain([(CASH, account.wallet)]);
    all.map(|(asset, total)| (asset.to_owned(), (total, exchange.locked(id, asset))))
        .collect()
}

pub(super) fn capital(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let balances = balances(&call.core.exchange, call.account()?);
    let written = balances.into_iter().map(|(asset, (total, locked))| {
        let balance = json!({
            "available": plain(total - locked), "locked": plain(locked), "staked": "0",
        });
        (asset, balance)
    });
    Ok(Answer::json(&written.collect::<BTreeMap<String, Value>>()))
}

pub(super) fn collateral(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (id, exchange) = (call.account()?, &call.core.exchange);
    let margin = exchange.margin(id);
    let mut assets = Decimal::ZERO;
    let mut listed = Vec::new();
    for (asset, (total, locked)) in balances(exchange, id) {
        let (price, weight) = worth(exchange, &asset);
        assets += total * price;
        listed.push(json!({
            "symbol": asset,
            "assetMarkPrice": plain(price),
            "totalQuantity": plain(total),
            "balanceNotional": plain(total * price),
            "collateralWeight": plain(weight),
            "collateralValue": plain(total * price * weight),
            "openOrderQuantity": plain(locked),
            "lendQuantity": "0",
            "availableQuantity": plain(total - locked),
        }));
    }
    let perpetuals = (0..exchange.instruments().len())
        .filter(|instrument| !exchange.instrument(*instrument).is_spot());
    let exposed: Decimal = perpetuals
        .map(|instrument| {
            let exposure = exchange.exposure(id, instrument);
            let (long, short) = (
                exposure.position + exposure.bids,
                exposure.position - exposure.asks,
            );
            long.abs().max(short.abs())
        })
        .sum();
    let share = |part: Decimal| part.checked_div(exposed).unwrap_or_default().round_dp(8);
    let fraction = (!exposed.is_zero()).then(|| plain(share(margin.balance())));
    Ok(Answer::json(&json!({
        "assetsValue": plain(assets),
        "borrowLiability": "0",
        "collateral": listed,
        "imf": plain(share(margin.initial())),
        "mmf": plain(share(margin.maintenance)),
        "marginFraction": fraction,
        "unsettledEquity": "0",
        "liabilitiesValue": "0",
        "netEquity": plain(margin.balance()),
        "netEquityAvailable": plain(margin.available()),
        "netEquityLocked": plain(margin.initial() + margin.locked),
        "netExposureFutures": plain(exposed),
        "pnlUnrealized": plain(margin.unrealised),
    })))
}

/// Returns price and collateral weight of an asset.
fn worth(exchange: &Exchange, asset: &str) -> (Decimal, Decimal) {
    for (id, instrument) in exchange.instruments().iter().enumerate() {
        if let Margining::Outright { collateral_weight } = instrument.margining
            && instrument.base == asset
        {
            return (exchange.mark(id).decimal(), collateral_weight);
        }
    }
    let cash = Decimal::from(u8::from(asset == CASH));
    (cash, cash)
}

pub(super) fn positions(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let id = call.account()?;
    let one = call.maybe_instrument()?;
    let kinds = call.params.market_types()?;
    let exchange = &call.core.exchange;
    let held = exchange
        .account(id)
        .positions
        .iter()
        .filter(|(instrument, position)| {
            !position.quantity.is_zero()
                && one.is_none_or(|one| one == **instrument)
                && words::fits(&kinds, exchange.instrument(**instrument))
        });
    let written: Vec<Value> = held
        .map(|(instrument, position)| position_of(call, id, *instrument, position))
        .collect();
    if one.is_some() && written.is_empty() {
        let text = "Position not found";
        return Err(ApiError::bad("RESOURCE_NOT_FOUND", text).with_status(404));
    }
    Ok(Answer::json(&written))
}

fn position_of(
    call: &Call<'_>,
    account: AccountId,
    id: InstrumentId,
    position: &Position,
) -> Value {
    let exchange = &call.core.exchange;
    let instrument = exchange.instrument(id);
    let mark = exchange.mark(id);
    let exposed = exposed_quantity(exchange, account, id);
    let opening = call.core.dialect.positions.opening(account, id);
    let exposure = exchange.exposure(account, id);
    let notional = exposed * mark.decimal();
    let (imf_function, mmf_function, mmf) = match instrument.margining {
        Margining::Roots {
            initial,
            maintenance,
        } => (
            margin_function(initial),
            margin_function(maintenance),
            maintenance.at(notional),
        ),
        Margining::Brackets(_) | Margining::Outright { .. } => {
            (Value::Null, Value::Null, Decimal::ZERO)
        }
    };
    let realised = opening.map_or(Decimal::ZERO, |opening| opening.realised(position));
    let funding = opening.map(|opening| opening.funding(exchange, account, id));
    let even = opening.map(|opening| opening.break_even(exchange, (account, id), position));
    json!({
        "breakEvenPrice": plain(even.unwrap_or(position.break_even())),
        "entryPrice": plain(position.entry()),
        "estLiquidationPrice": "0",
        "imf": plain(exposure.initial_fraction(notional)),
        "imfFunction": imf_function,
        "markPrice": plain(mark.decimal()),
        "mmf": plain(mmf),
        "mmfFunction": mmf_function,
        "netCost": plain(position.cost),
        "netQuantity": plain(position.quantity),
        "netExposureQuantity": plain(exposed),
        "netExposureNotional": plain(notional),
        "pnlRealized": plain(realised),
        "pnlUnrealized": plain(position.unrealised(mark)),
        "cumulativeFundingPayment": plain(funding.unwrap_or_default()),
        "subaccountId": null,
        "symbol": instrument.symbol,
        "userId": account,
        "positionId": opening.map(|opening| opening.id.to_string()),
        "cumulativeInterest": "0",
    })
}

/// Returns the quantity that a position has at worst, open orders included.
pub(super) fn exposed_quantity(
    exchange: &Exchange,
    account: AccountId,
    id: InstrumentId,
) -> Decimal {
    let position = exchange.account(account).position(id).quantity;
    let waiting = |side: Side| -> Decimal {
        let open = exchange.open_orders(account).filter(|order| {
            let terms = &order.terms;
            terms.instrument == id && terms.side == side && !terms.reduce_only
        });
        open.map(|order| order.remaining().decimal()).sum()
    };
    let (long, short) = (
        position + waiting(Side::Buy),
        position - waiting(Side::Sell),
    );
    long.abs().max(short.abs())
}

pub(super) fn account(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (id, exchange) = (call.account()?, &call.core.exchange);
    let account = exchange.account(id);
    let points = |rate: Decimal| plain(rate * Decimal::from(BASIS_POINTS));
    Ok(Answer::json(&json!({
        "autoBorrowSettlements": false,
        "autoLend": false,
        "autoRealizePnl": true,
        "autoRepayBorrows": false,
        "borrowLimit": "0",
        "futuresMakerFee": points(account.maker_rate),
        "futuresTakerFee": points(account.taker_rate),
        "leverageLimit": account.leverage(first_perpetual(exchange)).to_string(),
        "limitOrders": account.open.len(),
        "liquidating": false,
        "positionLimit": "1000000000",
        "spotMakerFee": points(account.spot_maker_rate),
        "spotTakerFee": points(account.spot_taker_rate),
        "triggerOrders": 0,
    })))
}

/// Leverage is one for the whole account here, so any perpetual tells it.
fn first_perpetual(exchange: &Exchange) -> InstrumentId {
    let mut listed = exchange.instruments().iter();
    listed.position(|listing| !listing.is_spot()).unwrap_or(0)
}

pub(super) fn update_account(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    for name in ["autoBorrowSettlements", "autoLend", "autoRepayBorrows"] {
        if call.params.flag(name)? == Some(true) {
            return Err(ApiError::unsupported());
        }
    }
    if let Some(limit) = call.params.decimal("leverageLimit")? {
        let leverage = (1..=LEVERAGE_MAX).find(|leverage| Decimal::from(*leverage) == limit);
        let leverage = leverage.ok_or_else(|| ApiError::client("Invalid leverage limit"))?;
        let account = call.account()?;
        for id in 0..call.core.exchange.instruments().len() {
            if !call.core.exchange.instrument(id).is_spot() {
                let now_ms = call.now_ms;
                call.core
                    .exchange
                    .set_leverage(now_ms, account, id, leverage);
            }
        }
    }
    Ok(Answer::plain(200, ""))
}

pub(super) fn order_limit(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let side = call.params.word("side", words::read_side)?;
    let side = side.ok_or_else(|| call.params.absent("side"))?;
    let named = call.params.decimal("price")?;
    let reduce_only = call.params.flag("reduceOnly")?;
    let instrument = call.instrument()?;
    let price = named.map(Price::from_decimal);
    let price = price.map(|price| price.ok_or(ApiError::from(Refusal::OffTick)));
    let price = price.transpose()?;
    let most = call.core.exchange.most(&NewOrder {
        account: call.account()?,
        instrument,
        client_id: String::new(),
        side,
        kind: price.map_or(Kind::Market, |_| Kind::Limit),
        price,
        quantity: Quantity::ZERO,
        quote_quantity: None,
        time_in_force: TimeInForce::GoodTillCancelled,
        reduce_only: reduce_only.unwrap_or(false),
        self_trade: SelfTrade::ExpireTaker,
        expires_ms: None,
    });
    Ok(Answer::json(&json!({
        "autoBorrow": null, "autoBorrowRepay": null, "autoLendRedeem": null,
        "maxOrderQuantity": plain(most.decimal()), "price": named.map(plain),
        "side": words::side(side), "symbol": call.core.exchange.instrument(instrument).symbol, "reduceOnly": reduce_only,
    })))
}
