//! Cancelling and reading open orders.

use super::error::ApiError;
use super::rest::{Answer, Call};
use super::{wire, words};
use crate::engine::OrderId;
use crate::exchange::Order;
use crate::faults::{Facts, FaultKind};

/// Finds the open order that a request means. Clients may use an id again, so the newest counts.
fn find(call: &Call<'_>) -> Result<Option<OrderId>, ApiError> {
    let params = call.params;
    let (id, client_id): (Option<OrderId>, Option<u32>) =
        (params.id("orderId")?, params.id("clientId")?);
    let client_id = client_id.map(|id| id.to_string());
    let instrument = call.instrument()?;
    if id.is_some() == client_id.is_some() {
        let text = "Must specify one of `orderId` or `clientId`";
        return Err(ApiError::client(text));
    }
    let mut open = call.core.exchange.open_orders(call.account()?).rev();
    let meant = open.find(|order| {
        order.terms.instrument == instrument
            && id.is_none_or(|id| order.id == id)
            && client_id
                .as_ref()
                .is_none_or(|id| order.terms.client_id == *id)
    });
    Ok(meant.map(|order| order.id))
}

pub(super) fn query(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let found = find(call)?.and_then(|id| call.core.exchange.order(id));
    let order = found.ok_or_else(|| ApiError::no_such_order().with_status(404))?;
    let instrument = call.core.exchange.instrument(order.terms.instrument);
    Ok(Answer::json(&wire::order(instrument, order)))
}

pub(super) fn cancel(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let id = find(call)?.ok_or_else(ApiError::no_such_order)?;
    race_fill(call, id);
    let account = call.account()?;
    call.core.exchange.cancel(call.now_ms, account, id)?;
    let order = call.core.exchange.order(id);
    let order = order.ok_or_else(ApiError::no_such_order)?;
    let instrument = call.core.exchange.instrument(order.terms.instrument);
    Ok(Answer::json(&wire::order(instrument, order)))
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

pub(super) fn cancel_all(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, instrument) = (call.account()?, call.instrument()?);
    let resting = match call.params.text("orderType")? {
        None | Some("RestingLimitOrder") => true,
        // There are no conditional orders here, so there is none to cancel.
        Some("ConditionalOrder") => false,
        Some(_) => {
            return Err(ApiError::payload(
                "orderType",
                "Expect a valid enumeration value.",
            ));
        }
    };
    let open = call.core.exchange.open_orders(account);
    let here = open.filter(|order| resting && order.terms.instrument == instrument);
    let ids: Vec<OrderId> = here.map(|order| order.id).collect();
    let mut cancelled = Vec::new();
    for id in ids {
        race_fill(call, id);
        // An order that a script has just filled is no longer there to be cancelled.
        if call.core.exchange.cancel(call.now_ms, account, id).is_ok()
            && let Some(order) = call.core.exchange.order(id)
        {
            cancelled.push(wire::order(
                call.core.exchange.instrument(instrument),
                order,
            ));
        }
    }
    Ok(Answer::json(&cancelled))
}

pub(super) fn open_orders(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let account = call.account()?;
    let instrument = call.maybe_instrument()?;
    let kinds = call.params.market_types()?;
    let exchange = &call.core.exchange;
    let wanted = |order: &&Order| {
        let listing = exchange.instrument(order.terms.instrument);
        instrument.is_none_or(|id| id == order.terms.instrument) && words::fits(&kinds, listing)
    };
    let open = exchange.open_orders(account).filter(wanted);
    let written = open.map(|order| wire::order(exchange.instrument(order.terms.instrument), order));
    Ok(Answer::json(&written.collect::<Vec<_>>()))
}
