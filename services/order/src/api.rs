//! The contract's requests as calls, and the answers as its responses. Decides nothing.

use std::pin::Pin;
use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::order::v1 as pb;
use chimera_model::order::{OrderKind, OrderState};
use chimera_model::{Account, ClientOrderIndex, Decimal, IdError, Symbol, Venue};
use chimera_runtime::fault::{FieldError, InvalidArgument, into_status};
use chimera_runtime::trace::TraceContext;
use futures::Stream;
use pb::order_service_server::OrderService;
use tonic::{Request, Response, Status};

use crate::admission::PlaceOrder;
use crate::attempts::TrackingSpec;
use crate::call::ListFilter;
use crate::error::OrderError;
use crate::handle::Handle;
use crate::key::SiteKey;
use crate::reconcile::{Difference, DifferenceKind};
use crate::trading::TradingState;
use crate::watch::Filter;
use crate::{pages, render, wire};

/// Longest name of an instrument; ours end at 40.
const SYMBOL_BYTES_MAX: usize = 40;

/// Longest reason of a change of the trading state, in characters.
const REASON_MAX: usize = 256;

const TRACKING_INTERVAL: Duration = Duration::from_secs(10);
const TRACKING_TIMEOUT: Duration = Duration::from_secs(600);
const TRACKING_ATTEMPTS: u32 = 100;

/// The gRPC face of the service.
pub(crate) struct OrderApi {
    orders: Handle,
}

impl OrderApi {
    pub(crate) const fn new(orders: Handle) -> Self {
        Self { orders }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl OrderService for OrderApi {
    async fn place_order(
        &self,
        request: Request<pb::PlaceOrderRequest>,
    ) -> Answer<pb::PlaceOrderResponse> {
        let order = place_order(request.into_inner()).map_err(into_status)?;
        let placed = self.orders.place(order).await.map_err(into_status)?;
        Ok(Response::new(pb::PlaceOrderResponse {
            order: Some(placed.order),
            replayed: placed.replayed,
        }))
    }

    async fn validate_order(
        &self,
        request: Request<pb::ValidateOrderRequest>,
    ) -> Answer<pb::ValidateOrderResponse> {
        let order = request.into_inner().order;
        let order = order
            .ok_or_else(|| OrderError::field("order", "required"))
            .map_err(into_status)?;
        let order = place_order(order).map_err(into_status)?;
        let (symbol, assessment) = self.orders.validate(order).await.map_err(into_status)?;
        Ok(Response::new(pb::ValidateOrderResponse {
            symbol: symbol.to_string(),
            notional: assessment.notional.to_string(),
            exposure_after: assessment.exposure_after.to_string(),
        }))
    }

    async fn cancel_order(
        &self,
        request: Request<pb::CancelOrderRequest>,
    ) -> Answer<pb::CancelOrderResponse> {
        let request = request.into_inner();
        let (account, index) =
            order_name(&request.account, request.client_order_index).map_err(into_status)?;
        let order = self
            .orders
            .cancel(account, index)
            .await
            .map_err(into_status)?;
        Ok(Response::new(pb::CancelOrderResponse {
            order: Some(order),
        }))
    }

    async fn cancel_all_orders(
        &self,
        request: Request<pb::CancelAllOrdersRequest>,
    ) -> Answer<pb::CancelAllOrdersResponse> {
        let request = request.into_inner();
        let account = account(&request.account).map_err(into_status)?;
        let venue = optional_venue(&request.venue).map_err(into_status)?;
        let symbol = match (request.symbol.as_str(), venue) {
            ("", _) => None,
            (name, Some(venue)) => Some((venue, symbol_name(name).map_err(into_status)?)),
            (_, None) => {
                let error = OrderError::field("venue", "required beside `symbol`");
                return Err(into_status(error));
            }
        };
        let orders = self
            .orders
            .cancel_all(account, venue, symbol)
            .await
            .map_err(into_status)?;
        Ok(Response::new(pb::CancelAllOrdersResponse { orders }))
    }

    async fn get_order(
        &self,
        request: Request<pb::GetOrderRequest>,
    ) -> Answer<pb::GetOrderResponse> {
        let request = request.into_inner();
        let (account, index) =
            order_name(&request.account, request.client_order_index).map_err(into_status)?;
        let order = self.orders.get(account, index).await.map_err(into_status)?;
        Ok(Response::new(pb::GetOrderResponse { order: Some(order) }))
    }

    async fn list_orders(
        &self,
        request: Request<pb::ListOrdersRequest>,
    ) -> Answer<pb::ListOrdersResponse> {
        let request = request.into_inner();
        let check = pages::orders_check(&request);
        let filter = list_filter(&request).map_err(into_status)?;
        let page = self.orders.list(filter).await.map_err(into_status)?;
        Ok(Response::new(pb::ListOrdersResponse {
            orders: page.orders,
            next_page_token: page
                .next
                .map(|key| pages::write(&key.text(), &check))
                .unwrap_or_default(),
        }))
    }

    async fn list_fills(
        &self,
        request: Request<pb::ListFillsRequest>,
    ) -> Answer<pb::ListFillsResponse> {
        let wanted = pages::fills(&request.into_inner()).map_err(into_status)?;
        let answer = pages::list_fills(&self.orders, wanted)
            .await
            .map_err(into_status)?;
        Ok(Response::new(answer))
    }

    type WatchOrdersStream =
        Pin<Box<dyn Stream<Item = Result<pb::WatchOrdersResponse, Status>> + Send>>;

    async fn watch_orders(
        &self,
        request: Request<pb::WatchOrdersRequest>,
    ) -> Answer<Self::WatchOrdersStream> {
        let request = request.into_inner();
        let filter =
            filter(&request.account, &request.venue, &request.symbol).map_err(into_status)?;
        let frames = self.orders.watch(filter, &request.resume_token).await;
        Ok(Response::new(Box::pin(frames.map_err(into_status)?)))
    }

    async fn explain_order(
        &self,
        request: Request<pb::ExplainOrderRequest>,
    ) -> Answer<pb::ExplainOrderResponse> {
        let request = request.into_inner();
        let (account, index) =
            order_name(&request.account, request.client_order_index).map_err(into_status)?;
        let (order, entries) = self
            .orders
            .explain(account, index)
            .await
            .map_err(into_status)?;
        Ok(Response::new(pb::ExplainOrderResponse {
            order: Some(order),
            entries,
        }))
    }

    async fn reconcile(
        &self,
        request: Request<pb::ReconcileRequest>,
    ) -> Answer<pb::ReconcileResponse> {
        let request = request.into_inner();
        let site = SiteKey {
            account: account(&request.account).map_err(into_status)?,
            venue: venue(&request.venue).map_err(into_status)?,
        };
        let found = self
            .orders
            .reconcile(site, request.dry_run)
            .await
            .map_err(into_status)?;
        Ok(Response::new(pb::ReconcileResponse {
            differences: found.differences.iter().map(difference).collect(),
            read_time: Some(render::timestamp(found.read_time)),
        }))
    }

    async fn set_trading_state(
        &self,
        request: Request<pb::SetTradingStateRequest>,
    ) -> Answer<pb::SetTradingStateResponse> {
        let request = request.into_inner();
        let state = match request.state() {
            pb::TradingState::Active => TradingState::Active,
            pb::TradingState::Reducing => TradingState::Reducing,
            pb::TradingState::Halted => TradingState::Halted,
            pb::TradingState::Unspecified => {
                let error = OrderError::field("state", "ACTIVE, REDUCING or HALTED");
                return Err(into_status(error));
            }
        };
        let length = request.reason.chars().count();
        if !(1..=REASON_MAX).contains(&length) || request.reason.chars().any(char::is_control) {
            let error = OrderError::field("reason", "1 to 256 printable characters");
            return Err(into_status(error));
        }
        let set = self
            .orders
            .set_trading(state, request.reason)
            .await
            .map_err(into_status)?;
        Ok(Response::new(pb::SetTradingStateResponse {
            state: render::trading_state(set.state).into(),
            since: Some(render::timestamp(set.since)),
            cancels_asked: i32::try_from(set.cancels_asked).unwrap_or(i32::MAX),
        }))
    }

    async fn get_trading_state(
        &self,
        _: Request<pb::GetTradingStateRequest>,
    ) -> Answer<pb::GetTradingStateResponse> {
        let view = self.orders.trading().await.map_err(into_status)?;
        Ok(Response::new(pb::GetTradingStateResponse {
            state: render::trading_state(view.state).into(),
            reason: view.reason,
            since: Some(render::timestamp(view.since)),
            open_orders: i32::try_from(view.open_orders).unwrap_or(i32::MAX),
            ready: view.ready,
        }))
    }
}

/// Reads an order to place; every field at fault is named at once.
fn place_order(request: pb::PlaceOrderRequest) -> Result<PlaceOrder, OrderError> {
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

const fn order_kind(wire: common::OrderType) -> Option<OrderKind> {
    match wire {
        common::OrderType::Limit => Some(OrderKind::Limit),
        common::OrderType::Market => Some(OrderKind::Market),
        common::OrderType::TrackingLimit => Some(OrderKind::TrackingLimit),
        common::OrderType::Unspecified => None,
    }
}

fn tracking(
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

fn account(text: &str) -> Result<Account, OrderError> {
    Account::new(text).map_err(|error| OrderError::id("account", &error))
}

fn venue(text: &str) -> Result<Venue, OrderError> {
    Venue::new(text).map_err(|error| OrderError::id("venue", &error))
}

fn optional_venue(text: &str) -> Result<Option<Venue>, OrderError> {
    if text.is_empty() {
        Ok(None)
    } else {
        venue(text).map(Some)
    }
}

/// Checks a canonical symbol or alias by its alphabet before anything is asked about it (H45).
fn symbol_name(text: &str) -> Result<String, FieldError> {
    let letters = text
        .bytes()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
    if text.is_empty() || text.len() > SYMBOL_BYTES_MAX || !letters {
        let expected = "1 to 40 of A-Z, 0-9 and hyphens, such as SOL-USDT-PERP or SOL";
        return Err(FieldError::new("symbol", expected));
    }
    Ok(text.to_owned())
}

fn order_name(text: &str, index: i64) -> Result<(Account, ClientOrderIndex), OrderError> {
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

fn list_filter(request: &pb::ListOrdersRequest) -> Result<ListFilter, OrderError> {
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

const fn order_state(wire: pb::OrderState) -> Option<OrderState> {
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

fn difference(found: &Difference) -> pb::Difference {
    let kind = match found.kind {
        DifferenceKind::OrderMissingHere => pb::DifferenceKind::OrderMissingHere,
        DifferenceKind::OrderMissingThere => pb::DifferenceKind::OrderMissingThere,
        DifferenceKind::OrderState => pb::DifferenceKind::OrderState,
        DifferenceKind::FillMissingHere => pb::DifferenceKind::FillMissingHere,
        DifferenceKind::Position => pb::DifferenceKind::Position,
    };
    let index = found.order.as_ref().and_then(|order| order.index());
    pb::Difference {
        id: found.id.clone(),
        kind: kind.into(),
        client_order_index: index.map_or(0, i64::from),
        venue_order_id: found.venue_order_id.clone(),
        symbol: found.symbol.to_string(),
        here: found.here.clone(),
        there: found.there.clone(),
        repair: found.repair.words(),
        applied: found.applied,
    }
}

impl From<FieldError> for OrderError {
    fn from(error: FieldError) -> Self {
        Self::Invalid(error.into())
    }
}
