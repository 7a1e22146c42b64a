//! Orders, fills and funding of the past.

use serde_json::{Value, json};

use super::error::ApiError;
use super::format::{plain, second};
use super::rest::{Answer, Call};
use super::{wire, words};
use crate::exchange::{IncomeKind, InstrumentId};

/// Entries of one answer: by default, and at most.
const PAGE: (usize, usize) = (100, 1_000);

/// What a history is narrowed to.
struct Wanted {
    instrument: Option<InstrumentId>,
    kinds: Vec<&'static str>,
    order: Option<u64>,
    from_ms: Option<u64>,
    to_ms: Option<u64>,
    oldest_first: bool,
    page: (usize, usize),
}

impl Wanted {
    fn read(call: &Call<'_>) -> Result<Self, ApiError> {
        let params = call.params;
        let oldest_first = match params.text("sortDirection")? {
            None | Some("Desc") => false,
            Some("Asc") => true,
            Some(_) => {
                let text = "Expect a valid enumeration value.";
                return Err(ApiError::query("sortDirection", text));
            }
        };
        Ok(Self {
            instrument: call.maybe_instrument()?,
            kinds: params.market_types()?,
            order: params.id("orderId")?,
            from_ms: params.integer("from")?,
            to_ms: params.integer("to")?,
            oldest_first,
            page: params.page(PAGE.0, PAGE.1)?,
        })
    }

    fn holds(&self, call: &Call<'_>, instrument: InstrumentId, order: u64, time_ms: u64) -> bool {
        let listing = call.core.exchange.instrument(instrument);
        self.instrument.is_none_or(|id| id == instrument)
            && words::fits(&self.kinds, listing)
            && self.order.is_none_or(|id| id == order)
            && self.from_ms.is_none_or(|from| time_ms >= from)
            && self.to_ms.is_none_or(|to| time_ms <= to)
    }

    fn paged<T>(&self, oldest_first: impl DoubleEndedIterator<Item = T>) -> Vec<T> {
        let (limit, offset) = self.page;
        if self.oldest_first {
            oldest_first.skip(offset).take(limit).collect()
        } else {
            oldest_first.rev().skip(offset).take(limit).collect()
        }
    }
}

pub(super) fn orders(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, wanted) = (call.account()?, Wanted::read(call)?);
    let exchange = &call.core.exchange;
    let ours = exchange.orders().filter(|order| {
        let terms = &order.terms;
        terms.account == account && wanted.holds(call, terms.instrument, order.id, order.created_ms)
    });
    let listed = wanted.paged(ours);
    let written = listed
        .iter()
        .map(|order| wire::past_order(exchange.instrument(order.terms.instrument), order));
    Ok(Answer::json(&written.collect::<Vec<Value>>()))
}

pub(super) fn fills(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, wanted) = (call.account()?, Wanted::read(call)?);
    // Every fill here is a client's own.
    let user = matches!(call.params.text("fillType")?, None | Some("User"));
    let exchange = &call.core.exchange;
    let ours = exchange.fills().filter(|fill| {
        user && fill.account == account
            && wanted.holds(call, fill.instrument, fill.order, fill.time_ms)
    });
    let listed = wanted.paged(ours);
    let written = listed.iter().map(|fill| {
        let order = exchange.order(fill.order);
        let client = order.map_or("", |order| order.terms.client_id.as_str());
        wire::fill(exchange.instrument(fill.instrument), fill, client)
    });
    Ok(Answer::json(&written.collect::<Vec<Value>>()))
}

pub(super) fn funding(call: &mut Call<'_>) -> Result<Answer, ApiError> {
    let (account, wanted) = (call.account()?, Wanted::read(call)?);
    let exchange = &call.core.exchange;
    let ours = exchange.incomes().filter_map(|income| {
        let instrument = income.instrument?;
        let fits = income.account == account
            && income.kind == IncomeKind::Funding
            && wanted.holds(call, instrument, 0, income.time_ms);
        fits.then_some((instrument, income))
    });
    let listed = wanted.paged(ours);
    let written = listed.iter().map(|(instrument, income)| {
        json!({
            "userId": account,
            "subaccountId": 0,
            "symbol": exchange.instrument(*instrument).symbol,
            "quantity": plain(income.amount),
            "intervalEndTimestamp": second(income.time_ms, 'T'),
            "fundingRate": plain(exchange.funding_rate()),
        })
    });
    Ok(Answer::json(&written.collect::<Vec<Value>>()))
}
