//! The contract's requests, read field by field: whatever is wrong is named at once.

use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::order::v1 as pb;
use chimera_model::order::{OrderKind, OrderState};
use chimera_model::{Account, ClientOrderIndex, Decimal, IdError, Symbol, Venue};
use chimera_runtime::fault::{FieldError, InvalidArgument};
use chimera_runtime::trace::TraceContext;

use crate::admission::PlaceOrder;
use crate::attempts::TrackingSpec;
use crate::call::ListFilter;
use crate::error::OrderError;
use crate::watch::Filter;
use crate::{pages, wire};

/// Longest name of an instrument; ours end at 40.
const SYMBOL_BYTES_MAX: usize = 40;

const TRACKING_INTERVAL: Duration = Duration::from_secs(10);

const TRACKING_TIMEOUT: Duration = Duration::from_secs(600);

const TRACKING_ATTEMPTS: u32 = 100;

/// Reads an order to place; every field at fault is named at once.
pub(crate) fn place_order(request: pb::PlaceOrderRequest) -> Result<PlaceOrder, OrderError> {
    let mut errors = Vec::new();
    let mut collect = |error: FieldError| errors.push(error);
    let name =
        |field: &'static str| move |error: IdError| FieldError::new(field, error.to_string());
    let (side, kind) = (wire::side(request.side()), order_kind(request.r#type()));
    let time_in_force = wire::time_in_force(request.time_in_force());
    // An unknown number reads as unspecified; only a zero that was meant may stand for the default.
    if time_in_force.is_none() && request.time_in_force != 0 {
        collect(FieldError::new("time_in_force", "GTC, IOC or FOK"));
    }
    let account = Account::new(&request.account).map_err(name("account"));
    let venue = Venue::new(&request.venue).map_err(name("venue"));
    let index = request
        .client_order_index
        .map(ClientOrderIndex::new)
        .transpose();
    let index = index.map_err(name("client_order_index"));
    let symbol = symbol_name(&request.symbol);
    let number = |field: &'static str, text: &str| {
        let read = text.parse::<Decimal>().map_err(|error| error.to_string());
        let positive = read.and_then(|value| match value.is_positive() {
            true => Ok(value),
            false => Err("must be above zero".to_owned()),
        });
        positive.map_err(|error| FieldError::new(field, error))
    };
    let quantity = number("quantity", &request.quantity);
    let price = match request.price.as_str() {
        "" => Ok(None),
        text => number("price", text).map(Some),
    };
    let tracking = match (kind, &request.tracking_limit) {
        (Some(OrderKind::TrackingLimit), given) => {
            let given = given.unwrap_or_default();
            tracking(&given, &mut collect).map(Some)
        }
        (_, Some(given)) => tracking(given, &mut collect).map(Some),
        (_, None) => Some(None),
    };
    if side.is_none() {
        collect(FieldError::new("side", "BUY or SELL"));
    }
    if kind.is_none() {
        collect(FieldError::new("type", "LIMIT, MARKET or TRACKING_LIMIT"));
    }
    let account = account.map_err(&mut collect).ok();
    let index = index.map_err(&mut collect).ok();
    let venue = venue.map_err(&mut collect).ok();
    let symbol = symbol.map_err(&mut collect).ok();
    let quantity = quantity.map_err(&mut collect).ok();
    let price = price.map_err(&mut collect).ok();
    let read = (|| {
        Some(PlaceOrder {
            account: account?,
            index: index?,
            venue: venue?,
            symbol: symbol?,
            side: side?,
            kind: kind?,
            quantity: quantity?,
            price: price?,
            time_in_force,
            post_only: request.post_only,
            reduce_only: request.reduce_only,
            tracking: tracking?,
            trace_id: TraceContext::current()
                .map(|trace| format!("{:032x}", trace.trace_id()))
                .unwrap_or_default(),
        })
    })();
    InvalidArgument::check(errors)?;
    read.ok_or(OrderError::Internal(
        "a request without errors cannot be read",
    ))
}

pub(crate) const fn order_kind(wire: common::OrderType) -> Option<OrderKind> {
    match wire {
        common::OrderType::Limit => Some(OrderKind::Limit),
        common::OrderType::Market => Some(OrderKind::Market),
        common::OrderType::TrackingLimit => Some(OrderKind::TrackingLimit),
        common::OrderType::Unspecified => None,
    }
}

pub(crate) fn tracking(
    given: &pb::TrackingLimit,
    collect: &mut impl FnMut(FieldError),
) -> Option<TrackingSpec> {
    let span = |given: &Option<prost_types::Duration>, absent: Duration| match given {
        None => Some(absent),
        Some(span) => wire::duration(span),
    };
    let within = |span: Option<Duration>, least: Duration, most: Duration| {
        span.filter(|span| (least..=most).contains(span))
    };
    let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
    let half_second = Duration::from_millis(500);
    let interval = within(span(&given.interval, TRACKING_INTERVAL), half_second, hour);
    if interval.is_none() {
        collect(FieldError::new("tracking_limit.interval", "500 ms to 1 h"));
    }
    let timeout = within(
        span(&given.timeout, TRACKING_TIMEOUT),
        Duration::from_millis(1),
        day,
    );
    if timeout.is_none() {
        collect(FieldError::new(
            "tracking_limit.timeout",
            "above zero, at most 24 h",
        ));
    }
    let offset = (0..=10_000).contains(&given.price_offset_ticks);
    if !offset {
        collect(FieldError::new(
            "tracking_limit.price_offset_ticks",
            "0 to 10,000",
        ));
    }
    let attempts = match given.max_attempts {
        0 => Some(TRACKING_ATTEMPTS),
        attempts => u32::try_from(attempts)
            .ok()
            .filter(|attempts| *attempts <= 10_000),
    };
    if attempts.is_none() {
        collect(FieldError::new(
            "tracking_limit.max_attempts",
            "1 to 10,000",
        ));
    }
    Some(TrackingSpec {
        price_offset_ticks: offset.then_some(given.price_offset_ticks)?,
        interval: interval?,
        timeout: timeout?,
        attempts_max: attempts?,
        post_only: given.post_only,
    })
}

pub(crate) fn account(text: &str) -> Result<Account, OrderError> {
    Account::new(text).map_err(|error| OrderError::id("account", &error))
}

pub(crate) fn venue(text: &str) -> Result<Venue, OrderError> {
    Venue::new(text).map_err(|error| OrderError::id("venue", &error))
}

pub(crate) fn optional_venue(text: &str) -> Result<Option<Venue>, OrderError> {
    if text.is_empty() {
        Ok(None)
    } else {
        venue(text).map(Some)
    }
}

/// Checks a canonical symbol or alias by its alphabet before anything is asked about it (H45).
pub(crate) fn symbol_name(text: &str) -> Result<String, FieldError> {
    let letters = text
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
    if text.is_empty() || text.len() > SYMBOL_BYTES_MAX || !letters {
        let expected = "1 to 40 of A-Z, 0-9 and hyphens, such as SOL-USDT-PERP or SOL";
        return Err(FieldError::new("symbol", expected));
    }
    Ok(text.to_owned())
}

pub(crate) fn order_name(
    text: &str,
    index: i64,
) -> Result<(Account, ClientOrderIndex), OrderError> {
    let index = ClientOrderIndex::new(index)
        .map_err(|error| OrderError::id("client_order_index", &error))?;
    Ok((account(text)?, index))
}

/// Reads what a stream or list is filtered by.
pub(crate) fn filter(account: &str, venue: &str, symbol: &str) -> Result<Filter, OrderError> {
    let symbol = match symbol {
        "" => None,
        text => Some(Symbol::new(text).map_err(|error| OrderError::id("symbol", &error))?),
    };
    Ok(Filter {
        account: match account {
            "" => None,
            text => Some(self::account(text)?),
        },
        venue: optional_venue(venue)?,
        symbol,
    })
}

pub(crate) fn list_filter(request: &pb::ListOrdersRequest) -> Result<ListFilter, OrderError> {
    let narrow = filter(&request.account, &request.venue, &request.symbol)?;
    let mut states = Vec::new();
    for state in request.states() {
        states.push(order_state(state).ok_or_else(|| OrderError::field("states", "named states"))?);
    }
    if states.len() != request.states.len() {
        return Err(OrderError::field("states", "named states"));
    }
    let parent = match request.parent_client_order_index {
        0 => None,
        index => {
            let field = "parent_client_order_index";
            Some(ClientOrderIndex::new(index).map_err(|error| OrderError::id(field, &error))?)
        }
    };
    Ok(ListFilter {
        account: narrow.account,
        venue: narrow.venue,
        symbol: narrow.symbol,
        states,
        parent,
        before: pages::orders_before(request)?,
        count: pages::size(request.page_size)?,
    })
}

pub(crate) const fn order_state(wire: pb::OrderState) -> Option<OrderState> {
    Some(match wire {
        pb::OrderState::Unspecified => return None,
        pb::OrderState::Denied => OrderState::Denied,
        pb::OrderState::Submitting => OrderState::Submitting,
        pb::OrderState::Unknown => OrderState::Unknown,
        pb::OrderState::Open => OrderState::Open,
        pb::OrderState::PartiallyFilled => OrderState::PartiallyFilled,
        pb::OrderState::PendingCancel => OrderState::PendingCancel,
        pb::OrderState::Filled => OrderState::Filled,
        pb::OrderState::Cancelled => OrderState::Cancelled,
        pb::OrderState::Rejected => OrderState::Rejected,
        pb::OrderState::Expired => OrderState::Expired,
    })
}
