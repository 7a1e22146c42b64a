//! Cancelling and reading orders.

use serde::Serialize;

use super::error::ApiError;
use super::params::Params;
use super::rest::{Answer, Call, answer};
use super::trade::BATCH_MAX;
use super::wire::{Each, FillAnswer, OrderAnswer};
use crate::engine::{AccountId, OrderId};
use crate::exchange::{Exchange, InstrumentId, Order};
use crate::faults::{Facts, FaultKind};

/// The most orders or trades of one answer.
const LIST_MAX: usize = 1000;

/// How far back lists of orders and trades reach when asked by time: seven days, as documented.
const LOOK_BACK_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// Finds the order that a request means, open or not.
pub(super) fn find<'a>(call: &'a Call<'_>, params: &Params) -> Result<Option<&'a Order>, ApiError> {
    let account = call.account()?;
    let instrument = call.instrument_of(params)?;
    let by_id = params.integer("orderId")?;
    let by_client = params.text("origClientOrderId")?;
    let order = match (by_id, by_client) {
        (Some(id), _) => call.core.exchange.order(id),
        (None, Some(client_id)) => call.core.exchange.order_by_client(account, client_id),
        (None, None) => {
            let text = "Param 'origClientOrderId' or 'orderId' must be sent, but both were \
                        empty/null!";
            return Err(ApiError::bad(-1102, text));
        }
    };
    Ok(
        order
            .filter(|order| order.terms.account == account && order.terms.instrument == instrument),
    )
}

pub(super) fn cancel(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let found = find(call, call.params)?.map(|order| order.id);
    let id = found.ok_or_else(ApiError::unknown_order)?;
    let cancelled = cancel_one(call, id)?;
    Ok(answer(&cancelled))
}

fn cancel_one(call: &mut Call<'_>, id: OrderId) -> Result<OrderAnswer, ApiError> {
    race_fill(call, id);
    let account = call.account()?;
    call.core.exchange.cancel(call.now_ms, account, id)?;
    let order = call
        .core
        .exchange
        .order(id)
        .ok_or_else(ApiError::unknown_order)?;
    let instrument = call.core.exchange.instrument(order.terms.instrument);
    Ok(OrderAnswer::changed(instrument, order))
}

/// Fills an order at the instant its cancel arrives, where a script says so.
fn race_fill(call: &mut Call<'_>, id: OrderId) {
    let exchange = &mut call.core.exchange;
    let Some(order) = exchange.order(id) else {
        return;
    };
    let client_id = order.terms.client_id.clone();
    let symbol = exchange.instrument(order.terms.instrument).symbol.clone();
    let account = exchange.account(order.terms.account).name.clone();
    let facts = Facts {
        symbol: Some(&symbol),
        client_id: Some(&client_id),
        account: Some(&account),
        ..Facts::default()
    };
    let wanted = |kind: &FaultKind| matches!(kind, FaultKind::RaceFill { .. });
    if let Some(FaultKind::RaceFill { quantity }) = exchange.faults.take(&facts, wanted) {
        exchange.force_fill(call.now_ms, id, quantity);
    }
}

pub(super) fn cancel_batch(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    let instrument = call.instrument()?;
    let ids = read_list::<u64>(call.params, "orderIdList")?;
    let names = read_list::<String>(call.params, "origClientOrderIdList")?;
    let by_name = |name: &String| {
        let order = call.core.exchange.order_by_client(account, name);
        order.map_or(0, |order| order.id)
    };
    let wanted: Vec<OrderId> = match (ids, names) {
        (Some(ids), _) => ids,
        (None, Some(names)) => names.iter().map(by_name).collect(),
        (None, None) => return Err(ApiError::mandatory("orderIdList")),
    };
    if wanted.is_empty() || wanted.len() > 2 * BATCH_MAX {
        return Err(ApiError::bad(
            -4083,
            "Invalid number of batch cancel orders.",
        ));
    }
    let mut answers: Vec<Each> = Vec::new();
    for id in wanted {
        let here = call
            .core
            .exchange
            .order(id)
            .is_some_and(|o| o.terms.instrument == instrument);
        let done = if here {
            cancel_one(call, id)
        } else {
            Err(ApiError::unknown_order())
        };
        answers.push(done.into());
    }
    Ok(answer(&answers))
}

fn read_list<T: serde::de::DeserializeOwned>(
    params: &Params,
    name: &str,
) -> Result<Option<Vec<T>>, ApiError> {
    let read = |text| serde_json::from_str(text).map_err(|_| ApiError::mandatory(name));
    params.text(name)?.map(read).transpose()
}

pub(super) fn cancel_all(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, instrument) = (call.account()?, call.instrument()?);
    cancel_everything(call, account, instrument);
    let text = "The operation of cancel all open order is done.";
    Ok(answer(&serde_json::json!({ "code": 200, "msg": text })))
}

fn cancel_everything(call: &mut Call<'_>, account: AccountId, instrument: InstrumentId) {
    let open = call.core.exchange.open_orders(account);
    let here = open.filter(|order| order.terms.instrument == instrument);
    for id in here.map(|order| order.id).collect::<Vec<OrderId>>() {
        race_fill(call, id);
        // An order that a script has just filled is no longer there to be cancelled.
        let _ = call.core.exchange.cancel(call.now_ms, account, id);
    }
}

pub(super) fn countdown(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, instrument) = (call.account()?, call.instrument()?);
    call.params.need("countdownTime")?;
    let ms = call.params.integer("countdownTime")?.unwrap_or(0);
    let due = (ms > 0).then_some(call.now_ms + ms);
    call.core.dialect.arm_countdown(account, instrument, due);
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Countdown<'a> {
        symbol: &'a str,
        countdown_time: String,
    }
    let symbol = call.params.need("symbol")?;
    Ok(answer(&Countdown {
        symbol,
        countdown_time: ms.to_string(),
    }))
}

pub(super) fn query(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let order = find(call, call.params)?.ok_or_else(ApiError::no_such_order)?;
    Ok(answer(&OrderAnswer::read(
        call.core.exchange.instrument(order.terms.instrument),
        order,
    )))
}

pub(super) fn query_open(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let order = find(call, call.params)?.filter(|order| order.status.is_open());
    let order = order.ok_or_else(ApiError::no_such_order)?;
    Ok(answer(&OrderAnswer::read(
        call.core.exchange.instrument(order.terms.instrument),
        order,
    )))
}

pub(super) fn open_orders(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    let symbol = call
        .params
        .text("symbol")?
        .map(|_| call.instrument())
        .transpose()?;
    let exchange = &call.core.exchange;
    let open = exchange.open_orders(account);
    let here = open.filter(|order| symbol.is_none_or(|symbol| symbol == order.terms.instrument));
    let read =
        |order: &Order| OrderAnswer::read(exchange.instrument(order.terms.instrument), order);
    Ok(answer(&here.map(read).collect::<Vec<_>>()))
}

pub(super) fn all_orders(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, instrument) = (call.account()?, call.instrument()?);
    let params = call.params;
    let limit = params.limit(500, LIST_MAX)?;
    let from = params.integer("orderId")?;
    let (start, end) = params.range()?;
    check_look_back(start, end)?;
    let exchange = &call.core.exchange;
    let listing = exchange.instrument(instrument);
    let ours = exchange.orders().filter(|order| {
        order.terms.account == account
            && order.terms.instrument == instrument
            && from.is_none_or(|from| order.id >= from)
            && start.is_none_or(|start| order.created_ms >= start)
            && end.is_none_or(|end| order.created_ms <= end)
    });
    // Asked from an id or a moment, the list begins there; else it ends now.
    let listed: Vec<&Order> = if from.is_some() || start.is_some() {
        ours.take(limit).collect()
    } else {
        let mut last: Vec<&Order> = ours.rev().take(limit).collect();
        last.reverse();
        last
    };
    let read = |order: &&Order| OrderAnswer::read(listing, order);
    Ok(answer(&listed.iter().map(read).collect::<Vec<_>>()))
}

pub(super) fn user_trades(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, instrument) = (call.account()?, call.instrument()?);
    let params = call.params;
    let limit = params.limit(500, LIST_MAX)?;
    let (order, from) = (params.integer("orderId")?, params.integer("fromId")?);
    let (start, end) = params.range()?;
    if from.is_some() && (start.is_some() || end.is_some()) {
        return Err(ApiError::bad(
            -1128,
            "Combination of optional parameters invalid.",
        ));
    }
    check_look_back(start, end)?;
    let exchange = &call.core.exchange;
    let listing = exchange.instrument(instrument);
    let ours = exchange.fills().filter(|fill| {
        fill.account == account
            && fill.instrument == instrument
            && order.is_none_or(|order| fill.order == order)
            && from.is_none_or(|from| fill.trade >= from)
            && start.is_none_or(|start| fill.time_ms >= start)
            && end.is_none_or(|end| fill.time_ms <= end)
    });
    let mut listed: Vec<FillAnswer> = if from.is_some() || start.is_some() {
        ours.take(limit)
            .map(|fill| FillAnswer::new(listing, fill))
            .collect()
    } else {
        let last = ours
            .rev()
            .take(limit)
            .map(|fill| FillAnswer::new(listing, fill));
        last.collect::<Vec<_>>().into_iter().rev().collect()
    };
    listed.truncate(limit);
    Ok(answer(&listed))
}

fn check_look_back(start: Option<u64>, end: Option<u64>) -> Result<(), ApiError> {
    match (start, end) {
        (Some(start), Some(end)) if end - start > LOOK_BACK_MS => Err(ApiError::bad(
            -4166,
            "Search window is restricted to recent 7 days only.",
        )),
        _ => Ok(()),
    }
}

/// Cancels what a countdown was armed for; called when it has run out.
pub(super) fn countdown_over(
    exchange: &mut Exchange,
    account: AccountId,
    instrument: InstrumentId,
    now_ms: u64,
) {
    let open = exchange.open_orders(account);
    let here = open.filter(|order| order.terms.instrument == instrument);
    for id in here.map(|order| order.id).collect::<Vec<OrderId>>() {
        // Every id was open a line ago and nothing else runs in between.
        let _ = exchange.cancel(now_ms, account, id);
    }
}
