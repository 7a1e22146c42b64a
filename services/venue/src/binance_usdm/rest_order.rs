//! Requests about orders and fills.
//!
//! Page `trade/rest-api`

use chimera_model::report::{Fill, OrderReport, ReportSource};
use chimera_model::{Decimal, Instrument, OrderType, Side, TimeInForce};
use http::Method;

use super::limits::{PLACE, WEIGHT};
use super::map_order::Mapper;
use super::wire_order::{AccountTrade, Order};
use super::{client_id, errors};
use crate::account::{FillQuery, Listed, NewOrder, OrderKey, OrderKind, Page};
use crate::answer::Call;
use crate::checked::{unmapped, unmapped_fee};
use crate::echo::Echo;
use crate::error::VenueError;
use crate::limits::Charge;
use crate::request::{Auth, Body, Operation, Priority, VenueRequest};

/// The most fills of one answer.
const FILLS_MAX: usize = 1_000;

type Fields = Vec<(&'static str, String)>;

fn request(
    endpoint: &'static str,
    method: Method,
    path: &'static str,
    fields: Fields,
    charges: Vec<Charge>,
) -> VenueRequest {
    let (operation, priority) = match method {
        Method::POST => (Operation::Place, Priority::Trade),
        Method::DELETE => (Operation::Cancel, Priority::Protect),
        _ => (Operation::Query, Priority::Read),
    };
    let (query, body) = match operation {
        Operation::Place => (Vec::new(), Body::Form(fields)),
        _ => (fields, Body::Empty),
    };
    VenueRequest {
        operation,
        endpoint,
        method,
        path,
        query,
        body,
        auth: Auth::Signed,
        charges,
        priority,
        // Cancelling what is gone changes nothing; placing twice could trade twice.
        repeatable: operation != Operation::Place,
    }
}

fn of(instrument: &Instrument) -> (&'static str, String) {
    ("symbol", instrument.venue_symbol.as_str().to_owned())
}

/// Reads the answer about one order.
fn one(
    mapper: Mapper,
    instrument: &Instrument,
    request: VenueRequest,
    echo: Echo,
    source: ReportSource,
) -> Call<OrderReport> {
    let instrument = instrument.clone();
    errors::call(request, move |body| {
        let report = mapper.order(&serde_json::from_slice::<Order<'_>>(body)?, source)?;
        echo.check(&report, &instrument)?;
        Ok(report)
    })
}

/// Builds a placement; page `trade/rest-api/New-Order`
pub(super) fn place(
    mapper: Mapper,
    instrument: &Instrument,
    order: &NewOrder,
) -> Result<Call<OrderReport>, VenueError> {
    let order_type = match order.kind {
        OrderKind::Market => OrderType::Market,
        OrderKind::Limit { .. } => OrderType::Limit,
    };
    let quantity = on_grid(
        instrument.quantity_lots(order.quantity, order_type),
        order.quantity,
    )?;
    let id = client_id::encode(&mapper.prefix, order.index);
    let side = match order.side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    };
    let mut fields = vec![of(instrument), ("side", side.to_owned())];
    match order.kind {
        OrderKind::Market => {
            fields.push(("type", "MARKET".to_owned()));
            fields.push(("quantity", quantity));
        }
        OrderKind::Limit {
            price,
            time_in_force,
            post_only,
        } => {
            let price = on_grid(instrument.price_ticks(price), price)?;
            fields.push(("type", "LIMIT".to_owned()));
            fields.push((
                "timeInForce",
                lifetime(time_in_force, post_only)?.to_owned(),
            ));
            fields.push(("quantity", quantity));
            fields.push(("price", price));
        }
    }
    fields.push(("newClientOrderId", id.as_str().to_owned()));
    if order.reduce_only {
        fields.push(("reduceOnly", "true".to_owned()));
    }
    // The answer then tells what became of an order that does not rest.
    fields.push(("newOrderRespType", "RESULT".to_owned()));
    let mut request = request(
        "order.place",
        Method::POST,
        "/fapi/v1/order",
        fields,
        PLACE.to_vec(),
    );
    if order.reduce_only {
        request.priority = Priority::Protect;
    }
    Ok(one(
        mapper,
        instrument,
        request,
        Echo::Client(id),
        ReportSource::Ack,
    ))
}

fn on_grid<T>(
    checked: Result<T, chimera_model::RuleViolation>,
    value: Decimal,
) -> Result<String, VenueError> {
    match checked {
        Ok(_) => Ok(value.to_string()),
        Err(violation) => Err(VenueError::not_built(violation.to_string())),
    }
}

/// `GTX` is the venue's word for an order that rests or is refused (H50).
fn lifetime(time_in_force: TimeInForce, post_only: bool) -> Result<&'static str, VenueError> {
    match (time_in_force, post_only) {
        (TimeInForce::Gtc, true) => Ok("GTX"),
        (TimeInForce::Gtc, false) => Ok("GTC"),
        (TimeInForce::Ioc, false) => Ok("IOC"),
        (TimeInForce::Fok, false) => Ok("FOK"),
        (TimeInForce::Ioc | TimeInForce::Fok, true) => Err(VenueError::not_built(
            "post-only contradicts an order that does not rest",
        )),
    }
}

fn keyed(
    mapper: &Mapper,
    instrument: &Instrument,
    key: &OrderKey,
) -> Result<(Fields, Echo), VenueError> {
    let (field, echo) = match key {
        OrderKey::Index(index) => {
            let id = client_id::encode(&mapper.prefix, *index);
            (
                ("origClientOrderId", id.as_str().to_owned()),
                Echo::Client(id),
            )
        }
        OrderKey::VenueId(id) => (("orderId", number(id.as_str())?), Echo::Venue(id.clone())),
    };
    Ok((vec![of(instrument), field], echo))
}

/// Their ids are whole numbers; anything else is of another venue.
fn number(id: &str) -> Result<String, VenueError> {
    match id.parse::<i64>() {
        Ok(number) if number >= 0 && number.to_string() == id => Ok(id.to_owned()),
        _ => Err(VenueError::not_built(format!(
            "{id:?} is no id of this venue: digits expected"
        ))),
    }
}

/// Builds a cancel; page `trade/rest-api/Cancel-Order`
pub(super) fn cancel(
    mapper: Mapper,
    instrument: &Instrument,
    key: &OrderKey,
) -> Result<Call<OrderReport>, VenueError> {
    let (fields, echo) = keyed(&mapper, instrument, key)?;
    let charges = vec![(WEIGHT, 1)];
    let request = request(
        "order.cancel",
        Method::DELETE,
        "/fapi/v1/order",
        fields,
        charges,
    );
    Ok(one(mapper, instrument, request, echo, ReportSource::Ack))
}

/// Asks for an order; page `trade/rest-api/Query-Order`
pub(super) fn order(
    mapper: Mapper,
    instrument: &Instrument,
    key: &OrderKey,
) -> Result<Call<OrderReport>, VenueError> {
    let (fields, echo) = keyed(&mapper, instrument, key)?;
    let charges = vec![(WEIGHT, 1)];
    let request = request("order.get", Method::GET, "/fapi/v1/order", fields, charges);
    Ok(one(mapper, instrument, request, echo, ReportSource::Rest))
}

/// Asks for open orders; page `trade/rest-api/Current-All-Open-Orders`
pub(super) fn open_orders(
    mapper: Mapper,
    instrument: Option<&Instrument>,
) -> Call<Listed<OrderReport>> {
    let (fields, weight) = match instrument {
        Some(instrument) => (vec![of(instrument)], 1),
        None => (Vec::new(), 40),
    };
    let charges = vec![(WEIGHT, weight)];
    let request = request(
        "order.open",
        Method::GET,
        "/fapi/v1/openOrders",
        fields,
        charges,
    );
    errors::call(request, move |body| {
        let orders: Vec<Order<'_>> = serde_json::from_slice(body)?;
        let mut listed = Listed::default();
        for order in &orders {
            match mapper.order(order, ReportSource::Rest) {
                Ok(report) => listed.items.push(report),
                Err(error) => listed
                    .unmapped
                    .push(unmapped(&order.symbol, "order", error)?),
            }
        }
        Ok(listed)
    })
}

/// Asks for fills; page `trade/rest-api/Account-Trade-List`
///
/// Without `fromId` or `startTime` the venue looks back seven days.
pub(super) fn fills(
    mapper: Mapper,
    instrument: &Instrument,
    query: &FillQuery,
) -> Result<Call<Page<Fill>>, VenueError> {
    let mut fields = vec![of(instrument)];
    match query {
        FillQuery::Newest => {}
        FillQuery::After { trade, .. } => {
            let id: i64 = number(trade.as_str())?.parse().unwrap_or(i64::MAX);
            fields.push(("fromId", id.saturating_add(1).to_string()));
        }
        FillQuery::Since(time) => fields.push(("startTime", time.as_millis().to_string())),
        FillQuery::OfOrder(id) => fields.push(("orderId", number(id.as_str())?)),
    }
    fields.push(("limit", FILLS_MAX.to_string()));
    let charges = vec![(WEIGHT, 5)];
    let request = request(
        "order.fills",
        Method::GET,
        "/fapi/v1/userTrades",
        fields,
        charges,
    );
    // The newest page ends at the newest fill: nothing follows it.
    let continues = *query != FillQuery::Newest;
    Ok(errors::call(request, move |body| {
        let trades: Vec<AccountTrade<'_>> = serde_json::from_slice(body)?;
        let mut list = Listed::default();
        for trade in &trades {
            match mapper.trade(trade) {
                Ok(fill) => list.items.push(fill),
                Err(error) => list.unmapped.push(unmapped(&trade.symbol, "fill", error)?),
            }
            list.unmapped.extend(unmapped_fee(&trade.commission_asset)?);
        }
        Ok(Page {
            list,
            more: continues && trades.len() >= FILLS_MAX,
        })
    }))
}
