//! Requests about orders and fills.
//!
//! Section `Order`

use std::collections::BTreeMap;

use chimera_model::instrument::InstrumentKind;
use chimera_model::report::{Fill, OrderReport, ReportSource};
use chimera_model::{
    Decimal, Instrument, OrderType, RuleViolation, Side, TimeInForce, TradeId, UnixNanos,
};
use http::Method;
use serde_json::Value;

use super::map_order::Mapper;
use super::wire_order as wire;
use super::{client_id, errors, limits, wire_time};
use crate::account::{FillQuery, Listed, NewOrder, OrderKey, OrderKind, Page};
use crate::answer::Call;
use crate::checked::{unmapped, unmapped_fee};
use crate::echo::Echo;
use crate::error::{ErrorClass, VenueError};
use crate::request::{Auth, Body, Operation, Priority, VenueRequest};

/// The most orders or fills of one answer.
const PAGE_MAX: usize = 1_000;

/// How many pages of the history an order of ours is looked for in: what an account ends in some
/// minutes. The history finds none by our id, and beyond it nothing is proven.
const PAGES_MAX: usize = 3;

/// How far the venue's clock and ours may be apart: the longest window that it grants a request.
const CLOCKS_APART_MAX_MS: u64 = 60_000;

type Fields = Vec<(&'static str, String)>;
type Json = BTreeMap<&'static str, Value>;

fn ask(endpoint: &'static str, path: &'static str, query: Fields) -> VenueRequest {
    VenueRequest {
        operation: Operation::Query,
        endpoint,
        method: Method::GET,
        path,
        query,
        body: Body::Empty,
        auth: Auth::Signed,
        charges: limits::signed(),
        priority: Priority::Read,
        repeatable: true,
    }
}

/// A request that may change an order; its fields go in the order of their names.
fn command(operation: Operation, fields: &Json) -> Result<VenueRequest, VenueError> {
    let text = serde_json::to_string(fields);
    let body = Body::Json(text.map_err(|error| VenueError::not_built(error.to_string()))?);
    let cancels = operation == Operation::Cancel;
    let (endpoint, method, priority) = if cancels {
        ("order.cancel", Method::DELETE, Priority::Protect)
    } else {
        ("order.place", Method::POST, Priority::Trade)
    };
    Ok(VenueRequest {
        operation,
        method,
        body,
        priority,
        // Cancelling what is gone changes nothing; placing twice could trade twice.
        repeatable: cancels,
        ..ask(endpoint, "/api/v1/order", Vec::new())
    })
}

fn of(instrument: &Instrument) -> (&'static str, String) {
    ("symbol", instrument.venue_symbol.as_str().to_owned())
}

/// Builds a placement; `Execute order`.
pub(super) fn place(
    mapper: Mapper,
    instrument: &Instrument,
    order: &NewOrder,
) -> Result<Call<OrderReport>, VenueError> {
    if order.reduce_only && instrument.kind == InstrumentKind::Spot {
        return Err(VenueError::not_built("spot has no position to reduce"));
    }
    let text = |text: &str| Value::from(text);
    let mut fields = Json::from([
        ("clientId", Value::from(client_id::number(order.index))),
        ("symbol", text(instrument.venue_symbol.as_str())),
    ]);
    let side = match order.side {
        Side::Buy => "Bid",
        Side::Sell => "Ask",
    };
    fields.insert("side", text(side));
    let order_type = match order.kind {
        OrderKind::Market => OrderType::Market,
        OrderKind::Limit {
            price,
            time_in_force,
            post_only,
        } => {
            let price = on_grid(instrument.price_ticks(price), price)?;
            fields.insert("price", price);
            match (time_in_force, post_only) {
                (TimeInForce::Gtc, false) => {}
                (TimeInForce::Gtc, true) => {
                    fields.insert("postOnly", Value::from(true));
                }
                (TimeInForce::Ioc, false) => {
                    fields.insert("timeInForce", text("IOC"));
                }
                (TimeInForce::Fok, false) => {
                    fields.insert("timeInForce", text("FOK"));
                }
                (TimeInForce::Ioc | TimeInForce::Fok, true) => {
                    let detail = "post-only contradicts an order that does not rest";
                    return Err(VenueError::not_built(detail));
                }
            }
            OrderType::Limit
        }
    };
    let lots = instrument.quantity_lots(order.quantity, order_type);
    fields.insert("quantity", on_grid(lots, order.quantity)?);
    let limit = order_type == OrderType::Limit;
    fields.insert("orderType", text(if limit { "Limit" } else { "Market" }));
    if order.reduce_only {
        fields.insert("reduceOnly", Value::from(true));
    }
    let mut request = command(Operation::Place, &fields)?;
    if order.reduce_only {
        request.priority = Priority::Protect;
    }
    let echo = Echo::Client(client_id::encode(order.index));
    Ok(one(mapper, instrument, request, echo, ReportSource::Ack))
}

fn on_grid<T>(checked: Result<T, RuleViolation>, value: Decimal) -> Result<Value, VenueError> {
    match checked {
        Ok(_) => Ok(Value::from(value.to_string())),
        Err(violation) => Err(VenueError::not_built(violation.to_string())),
    }
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
        let report = mapper.order(&serde_json::from_slice(body)?, source)?;
        echo.check(&report, &instrument)?;
        Ok(report)
    })
}

/// Their ids are whole numbers; anything else is of another venue.
fn number(id: &str) -> Result<String, VenueError> {
    match id.parse::<u64>() {
        Ok(number) if number.to_string() == id => Ok(id.to_owned()),
        _ => Err(VenueError::not_built(format!(
            "{id:?} is no id of this venue: digits expected"
        ))),
    }
}

/// Builds a cancel; `Cancel open order`. The venue may answer that it took the request and has not
/// done it yet, without a body.
pub(super) fn cancel(
    mapper: Mapper,
    instrument: &Instrument,
    key: &OrderKey,
) -> Result<Call<OrderReport>, VenueError> {
    let (field, echo) = match key {
        OrderKey::Index(index) => (
            ("clientId", Value::from(client_id::number(*index))),
            Echo::Client(client_id::encode(*index)),
        ),
        OrderKey::VenueId(id) => (
            ("orderId", Value::from(number(id.as_str())?)),
            Echo::Venue(id.clone()),
        ),
    };
    let symbol = Value::from(instrument.venue_symbol.as_str());
    let request = command(Operation::Cancel, &Json::from([field, ("symbol", symbol)]))?;
    let instrument = instrument.clone();
    Ok(errors::call(request, move |body| {
        if body.is_empty() {
            return Ok(mapper.cancelling(&instrument, &echo));
        }
        let report = mapper.order(&serde_json::from_slice(body)?, ReportSource::Ack)?;
        echo.check(&report, &instrument)?;
        Ok(report)
    }))
}

/// Asks for an order: among the open ones, `Get open order`, and then among the ended ones, `Get
/// order history`.
pub(super) fn order(
    mapper: &Mapper,
    instrument: &Instrument,
    key: &OrderKey,
    created: Option<UnixNanos>,
) -> Result<Vec<Call<OrderReport>>, VenueError> {
    let (field, echo) = match key {
        OrderKey::Index(index) => (
            ("clientId", client_id::number(*index).to_string()),
            Echo::Client(client_id::encode(*index)),
        ),
        OrderKey::VenueId(id) => (("orderId", number(id.as_str())?), Echo::Venue(id.clone())),
    };
    let open = ask(
        "order.get",
        "/api/v1/order",
        vec![field.clone(), of(instrument)],
    );
    let mut places = vec![one(
        mapper.clone(),
        instrument,
        open,
        echo.clone(),
        ReportSource::Rest,
    )];
    match key {
        OrderKey::VenueId(_) => {
            let fields = vec![field, of(instrument)];
            places.push(history(mapper, instrument, &echo, fields, End::At(created)));
        }
        OrderKey::Index(_) => {
            for page in 0..PAGES_MAX {
                let fields = vec![
                    of(instrument),
                    ("limit", PAGE_MAX.to_string()),
                    ("offset", (page * PAGE_MAX).to_string()),
                    ("sortDirection", "Desc".to_owned()),
                ];
                let end = match page + 1 {
                    PAGES_MAX => End::At(created),
                    _ => End::Open,
                };
                places.push(history(mapper, instrument, &echo, fields, end));
            }
        }
    }
    Ok(places)
}

/// What a page of the history means that does not hold the order.
#[derive(Clone, Copy)]
enum End {
    /// The next page is looked at.
    Open,
    /// It is the last that is looked at, for an order that was made then.
    At(Option<UnixNanos>),
}

/// Looks for an order on a page of the history. The last page looked at proves no absence when it
/// is full, for there are others, unless it reaches back to before the order was made.
fn history(
    mapper: &Mapper,
    instrument: &Instrument,
    echo: &Echo,
    fields: Fields,
    end: End,
) -> Call<OrderReport> {
    let (mapper, instrument, echo) = (mapper.clone(), instrument.clone(), echo.clone());
    let request = ask("order.history", "/wapi/v1/history/orders", fields);
    errors::call(request, move |body| {
        let orders: Vec<wire::Order<'_>> = serde_json::from_slice(body)?;
        for order in &orders {
            if order.symbol != instrument.venue_symbol.as_str() {
                continue;
            }
            let report = mapper.order(order, ReportSource::Rest)?;
            if echo.is_of(&report) {
                return Ok(report);
            }
        }
        let proves = match end {
            End::Open => true,
            End::At(_) if orders.len() < PAGE_MAX => true,
            End::At(created) => reaches(&orders, created),
        };
        let (class, detail) = if !proves {
            (
                ErrorClass::Unknown,
                "the history is longer than is searched",
            )
        } else {
            (ErrorClass::NotFound, "the history does not hold it here")
        };
        Err(VenueError::new(class, detail))
    })
}

/// Returns whether one of these orders is older than any that was made then.
fn reaches(orders: &[wire::Order<'_>], created: Option<UnixNanos>) -> bool {
    let Some(before) = created.and_then(|at| at.as_millis().checked_sub(CLOCKS_APART_MAX_MS))
    else {
        return false;
    };
    let times = orders.iter().filter_map(|order| order.created);
    let mut times = times.filter_map(|text| wire_time::written(text).ok());
    times.any(|time| time.as_millis() < before)
}

/// Asks for open orders; `Get open orders`.
pub(super) fn open_orders(
    mapper: Mapper,
    instrument: Option<&Instrument>,
) -> Call<Listed<OrderReport>> {
    let fields = instrument.map(of).into_iter().collect();
    let request = ask("order.open", "/api/v1/orders", fields);
    errors::call(request, move |body| {
        let orders: Vec<wire::Order<'_>> = serde_json::from_slice(body)?;
        let mut listed = Listed::default();
        for order in &orders {
            match mapper.order(order, ReportSource::Rest) {
                Ok(report) => listed.items.push(report),
                Err(error) => {
                    let note = unmapped(&order.symbol, "order", error)?;
                    listed.unmapped.push(note);
                }
            }
        }
        Ok(listed)
    })
}

/// Asks for fills; `Get fill history`. The venue finds them by time, not by trade: without a time
/// the newest are read back to the trade.
pub(super) fn fills(
    mapper: Mapper,
    instrument: &Instrument,
    query: &FillQuery,
) -> Result<Call<Page<Fill>>, VenueError> {
    let mut fields = vec![of(instrument), ("limit", PAGE_MAX.to_string())];
    let from = |time: UnixNanos| ("from", time.as_millis().to_string());
    let mut direction = "Asc";
    let (mut after, mut back_to) = (None, None);
    match query {
        FillQuery::Newest => direction = "Desc",
        FillQuery::After {
            trade,
            since: Some(since),
        } => {
            fields.push(from(*since));
            after = Some((trade.clone(), *since));
        }
        // Nothing but the id is known: the newest page must reach back to it.
        FillQuery::After { trade, since: None } => {
            let foreign = || VenueError::not_built("a trade without a number, and no time");
            back_to = Some(id_of(trade).ok_or_else(foreign)?);
            direction = "Desc";
        }
        FillQuery::Since(time) => fields.push(from(*time)),
        FillQuery::OfOrder(id) => fields.push(("orderId", number(id.as_str())?)),
    }
    fields.push(("sortDirection", direction.to_owned()));
    // The newest page ends at the newest fill: nothing follows it.
    let newest = direction == "Desc";
    let request = ask("order.fills", "/wapi/v1/history/fills", fields);
    Ok(errors::call(request, move |body| {
        let fills: Vec<wire::Fill<'_>> = serde_json::from_slice(body)?;
        let mut list = Listed::default();
        for fill in &fills {
            match mapper.fill(fill) {
                Ok(read) if after.as_ref().is_some_and(|after| is_known(&read, after)) => {}
                Ok(read) => list.items.push(read),
                Err(error) => list.unmapped.push(unmapped(&fill.symbol, "fill", error)?),
            }
            list.unmapped.extend(unmapped_fee(&fill.fee_symbol)?);
        }
        if let Some(known) = back_to {
            after_only(&mut list.items, known, fills.len() < PAGE_MAX)?;
        }
        // Their order within a millisecond is not documented.
        list.items
            .sort_by_key(|fill| (fill.venue_time, id_of(&fill.trade_id)));
        Ok(Page {
            list,
            more: !newest && fills.len() >= PAGE_MAX,
        })
    }))
}

/// Ids rise within an instrument; those of the venue's own orders may have none.
fn id_of(trade: &TradeId) -> Option<u64> {
    trade.as_str().parse().ok()
}

/// Leaves the fills after a known one. A page that is full and does not reach back to it says
/// nothing of what lies between.
fn after_only(fills: &mut Vec<Fill>, known: u64, whole: bool) -> Result<(), VenueError> {
    let id = |fill: &Fill| id_of(&fill.trade_id);
    let reaches = fills.iter().filter_map(id).any(|id| id <= known);
    if !whole && !reaches {
        let detail = "more fills came since that trade than one answer holds";
        return Err(VenueError::unreadable(detail));
    }
    fills.retain(|fill| id(fill).is_none_or(|id| id > known));
    Ok(())
}

/// Returns whether a fill is not after the one asked about: its time is the first that is found.
fn is_known(fill: &Fill, (trade, since): &(TradeId, UnixNanos)) -> bool {
    let same_time = fill.venue_time.as_millis() <= since.as_millis();
    match (id_of(&fill.trade_id), id_of(trade)) {
        (Some(id), Some(known)) => same_time && id <= known,
        _ => fill.trade_id == *trade,
    }
}

/// Asks for the newest fill of all: what changes an account most often, and tells when.
pub(super) fn last_change() -> Call<Option<UnixNanos>> {
    let fields = vec![
        ("limit", "1".to_owned()),
        ("sortDirection", "Desc".to_owned()),
    ];
    let request = ask("order.fills", "/wapi/v1/history/fills", fields);
    errors::call(request, |body| {
        let fills: Vec<wire::Fill<'_>> = serde_json::from_slice(body)?;
        let times = fills
            .iter()
            .map(|fill| wire_time::own_date(&fill.timestamp));
        let times: Vec<UnixNanos> = times.collect::<Result<_, _>>()?;
        Ok(times.into_iter().max())
    })
}
