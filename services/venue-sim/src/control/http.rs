//! The control interface over HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::command::{InstrumentChange, MarketTrade, SocketOrder};
use super::{Command, ControlError, Controlled};
use crate::config::VenueKind;
use crate::engine::{Price, Quantity};
use crate::faults::Fault;
use crate::simulator::Endpoints;

type Venues = BTreeMap<VenueKind, Arc<dyn Controlled>>;

/// What the handlers share.
struct Desk {
    endpoints: Endpoints,
    venues: Venues,
}

type Shared = State<Arc<Desk>>;
type Reply = Result<Json<Value>, ControlError>;

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
        };
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}

impl Desk {
    fn ask(&self, venue: &str, command: Command) -> Reply {
        let missing = || ControlError::NotFound {
            what: "venue",
            name: venue.to_owned(),
        };
        let kind: VenueKind = venue.parse().map_err(|_| missing())?;
        let found = self.venues.get(&kind).ok_or_else(missing)?;
        found.command(command).map(Json)
    }
}

/// Returns the HTTP service of the control interface.
pub(crate) fn service(endpoints: Endpoints, venues: Venues) -> Router {
    let venue = Router::new()
        .route("/ledger", get(ledger))
        .route("/counters", get(counters))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/faults/{id}", delete(clear_fault))
        .route("/sockets", get(sockets).post(decide_sockets))
        .route("/sessions/expire", post(expire_sessions))
        .route("/ban", post(ban))
        .route("/clock", post(clock))
        .route(
            "/instruments/{symbol}",
            get(instrument).patch(change_instrument),
        )
        .route("/market", post(pause))
        .route("/market/{symbol}/move", post(move_market))
        .route("/market/{symbol}/trade", post(trade))
        .route("/orders/{id}/fill", post(fill))
        .route("/accounts/{name}", post(account))
        .route("/funding", post(fund));
    Router::new()
        .route("/v1/venues", get(list))
        .nest("/v1/venues/{venue}", venue)
        .with_state(Arc::new(Desk { endpoints, venues }))
}

async fn list(State(desk): Shared) -> Json<Endpoints> {
    Json(desk.endpoints.clone())
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OfAccount {
    account: Option<String>,
}

async fn ledger(
    State(desk): Shared,
    Path(venue): Path<String>,
    Query(of): Query<OfAccount>,
) -> Reply {
    desk.ask(
        &venue,
        Command::Ledger {
            account: of.account,
        },
    )
}

async fn counters(State(desk): Shared, Path(venue): Path<String>) -> Reply {
    desk.ask(&venue, Command::Counters)
}

async fn faults(State(desk): Shared, Path(venue): Path<String>) -> Reply {
    desk.ask(&venue, Command::Faults)
}

async fn add_fault(
    State(desk): Shared,
    Path(venue): Path<String>,
    Json(fault): Json<Fault>,
) -> Reply {
    desk.ask(&venue, Command::AddFault(Box::new(fault)))
}

async fn clear_faults(State(desk): Shared, Path(venue): Path<String>) -> Reply {
    desk.ask(&venue, Command::ClearFaults { id: None })
}

async fn clear_fault(State(desk): Shared, Path((venue, id)): Path<(String, u64)>) -> Reply {
    desk.ask(&venue, Command::ClearFaults { id: Some(id) })
}

async fn sockets(State(desk): Shared, Path(venue): Path<String>) -> Reply {
    desk.ask(&venue, Command::Sockets)
}

async fn decide_sockets(
    State(desk): Shared,
    Path(venue): Path<String>,
    Json(order): Json<SocketOrder>,
) -> Reply {
    desk.ask(&venue, Command::DecideSockets(order))
}

async fn expire_sessions(
    State(desk): Shared,
    Path(venue): Path<String>,
    Json(of): Json<OfAccount>,
) -> Reply {
    desk.ask(
        &venue,
        Command::ExpireSessions {
            account: of.account,
        },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ban {
    status: u16,
    seconds: u64,
}

async fn ban(State(desk): Shared, Path(venue): Path<String>, Json(ban): Json<Ban>) -> Reply {
    desk.ask(
        &venue,
        Command::Ban {
            status: ban.status,
            seconds: ban.seconds,
        },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    skew_ms: i64,
}

async fn clock(State(desk): Shared, Path(venue): Path<String>, Json(clock): Json<Clock>) -> Reply {
    desk.ask(&venue, Command::Skew { ms: clock.skew_ms })
}

async fn instrument(State(desk): Shared, Path((venue, symbol)): Path<(String, String)>) -> Reply {
    desk.ask(&venue, Command::Instrument { symbol })
}

async fn change_instrument(
    State(desk): Shared,
    Path((venue, symbol)): Path<(String, String)>,
    Json(change): Json<InstrumentChange>,
) -> Reply {
    desk.ask(&venue, Command::ChangeInstrument { symbol, change })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pause {
    paused: bool,
}

async fn pause(State(desk): Shared, Path(venue): Path<String>, Json(pause): Json<Pause>) -> Reply {
    desk.ask(
        &venue,
        Command::Pause {
            paused: pause.paused,
        },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MoveTo {
    price: Price,
}

async fn move_market(
    State(desk): Shared,
    Path((venue, symbol)): Path<(String, String)>,
    Json(to): Json<MoveTo>,
) -> Reply {
    desk.ask(
        &venue,
        Command::Move {
            symbol,
            price: to.price,
        },
    )
}

async fn trade(
    State(desk): Shared,
    Path((venue, symbol)): Path<(String, String)>,
    Json(trade): Json<MarketTrade>,
) -> Reply {
    desk.ask(&venue, Command::Trade { symbol, trade })
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HowMuch {
    quantity: Option<Quantity>,
}

async fn fill(
    State(desk): Shared,
    Path((venue, order)): Path<(String, u64)>,
    Json(much): Json<HowMuch>,
) -> Reply {
    desk.ask(
        &venue,
        Command::Fill {
            order,
            quantity: much.quantity,
        },
    )
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AccountChange {
    deposit: Option<Price>,
    asset: Option<String>,
    hedge: Option<bool>,
}

async fn account(
    State(desk): Shared,
    Path((venue, name)): Path<(String, String)>,
    Json(change): Json<AccountChange>,
) -> Reply {
    let AccountChange {
        deposit,
        asset,
        hedge,
    } = change;
    desk.ask(
        &venue,
        Command::Account {
            name,
            deposit,
            asset,
            hedge,
        },
    )
}

async fn fund(State(desk): Shared, Path(venue): Path<String>) -> Reply {
    desk.ask(&venue, Command::Fund)
}
