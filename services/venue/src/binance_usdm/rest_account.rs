//! Requests about positions, balances, margin, and sessions.
//!
//! Page `account/rest-api`

use chimera_model::UnixNanos;
use chimera_model::account::PositionMode;
use chimera_model::report::{BalanceReport, MarginReport, PositionReport};
use http::Method;

use super::errors;
use super::limits::WEIGHT;
use super::map_order::Mapper;
use super::wire_account as wire;
use crate::account::Listed;
use crate::answer::Call;
use crate::checked::unmapped;
use crate::credentials::SessionKey;
use crate::error::VenueError;
use crate::request::{Auth, Body, Operation, Priority, VenueRequest};

const LISTEN_KEY: &str = "/fapi/v1/listenKey";

fn ask(endpoint: &'static str, path: &'static str, weight: u64) -> VenueRequest {
    VenueRequest {
        operation: Operation::Query,
        endpoint,
        method: Method::GET,
        path,
        query: Vec::new(),
        body: Body::Empty,
        auth: Auth::Signed,
        charges: vec![(WEIGHT, weight)],
        priority: Priority::Read,
        repeatable: true,
    }
}

fn session(endpoint: &'static str, method: Method) -> VenueRequest {
    VenueRequest {
        operation: Operation::Session,
        endpoint,
        method,
        path: LISTEN_KEY,
        query: Vec::new(),
        body: Body::Empty,
        auth: Auth::Key,
        charges: vec![(WEIGHT, 1)],
        priority: Priority::Trade,
        // The venue answers with the key that lives, if one does, and extends it.
        repeatable: true,
    }
}

pub(super) fn positions(mapper: Mapper) -> Call<Listed<PositionReport>> {
    errors::call(
        ask("account.positions", "/fapi/v3/positionRisk", 5),
        move |body| {
            let positions: Vec<wire::Position<'_>> = serde_json::from_slice(body)?;
            let mut listed = Listed::default();
            for position in &positions {
                match mapper.position(position) {
                    Ok(report) => listed.items.push(report),
                    Err(error) => {
                        listed
                            .unmapped
                            .push(unmapped(&position.symbol, "position", error)?);
                    }
                }
            }
            Ok(listed)
        },
    )
}

pub(super) fn balances(mapper: Mapper) -> Call<Listed<BalanceReport>> {
    errors::call(
        ask("account.balances", "/fapi/v3/balance", 5),
        move |body| listed_balances(&mapper, body),
    )
}

/// Balances are the one answer that says of everything when it changed.
pub(super) fn last_change(mapper: Mapper) -> Call<Option<UnixNanos>> {
    errors::call(
        ask("account.balances", "/fapi/v3/balance", 5),
        move |body| {
            let balances = listed_balances(&mapper, body)?.items;
            Ok(balances.iter().filter_map(|one| one.venue_time).max())
        },
    )
}

fn listed_balances(mapper: &Mapper, body: &[u8]) -> Result<Listed<BalanceReport>, VenueError> {
    let balances: Vec<wire::Balance<'_>> = serde_json::from_slice(body)?;
    let mut listed = Listed::default();
    for balance in &balances {
        match mapper.balance(balance) {
            Ok(report) => listed.items.push(report),
            Err(error) => listed
                .unmapped
                .push(unmapped(&balance.asset, "balance", error)?),
        }
    }
    Ok(listed)
}

pub(super) fn margin(mapper: Mapper) -> Call<MarginReport> {
    errors::call(ask("account.margin", "/fapi/v3/account", 5), move |body| {
        mapper.margin(&serde_json::from_slice::<wire::Account<'_>>(body)?)
    })
}

pub(super) fn position_mode() -> Call<PositionMode> {
    errors::call(
        ask("account.position-mode", "/fapi/v1/positionSide/dual", 30),
        |body| {
            let mode: wire::PositionMode = serde_json::from_slice(body)?;
            Ok(if mode.hedge.0 {
                PositionMode::Hedge
            } else {
                PositionMode::OneWay
            })
        },
    )
}

/// Page `user-data-streams/Start-User-Data-Stream`
pub(super) fn open_session() -> Call<SessionKey> {
    errors::call(session("session.open", Method::POST), |body| {
        let key: wire::ListenKey<'_> = serde_json::from_slice(body)
            // The parser's words could quote the key.
            .map_err(|_| VenueError::unreadable("the answer holds no listen key"))?;
        if key.listen_key.is_empty() {
            return Err(VenueError::unreadable(
                "the answer holds an empty listen key",
            ));
        }
        Ok(SessionKey::new(key.listen_key))
    })
}

/// Page `user-data-streams/Keepalive-User-Data-Stream`
pub(super) fn extend_session() -> Call<()> {
    errors::call(session("session.extend", Method::PUT), |_| Ok(()))
}

/// Page `user-data-streams/Close-User-Data-Stream`
pub(super) fn close_session() -> Call<()> {
    errors::call(session("session.close", Method::DELETE), |_| Ok(()))
}
