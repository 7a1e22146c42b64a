//! Requests about positions, balances and collateral.
//!
//! Sections `Position` and `Capital`

use chimera_model::report::{BalanceReport, MarginReport, PositionReport};
use http::Method;

use super::map_order::Mapper;
use super::wire_account as wire;
use super::{errors, limits};
use crate::account::Listed;
use crate::answer::Call;
use crate::checked::unmapped;
use crate::request::{Auth, Body, Operation, Priority, VenueRequest};

fn ask(endpoint: &'static str, path: &'static str) -> VenueRequest {
    VenueRequest {
        operation: Operation::Query,
        endpoint,
        method: Method::GET,
        path,
        query: Vec::new(),
        body: Body::Empty,
        auth: Auth::Signed,
        charges: limits::signed(),
        priority: Priority::Read,
        repeatable: true,
    }
}

/// `Get open positions`
pub(super) fn positions(mapper: Mapper) -> Call<Listed<PositionReport>> {
    let request = ask("account.positions", "/api/v1/position");
    errors::call(request, move |body| {
        let positions: Vec<wire::Position<'_>> = serde_json::from_slice(body)?;
        let mut listed = Listed::default();
        for position in &positions {
            match mapper.position(position) {
                Ok(report) => listed.items.push(report),
                Err(error) => {
                    let note = unmapped(&position.symbol, "position", error)?;
                    listed.unmapped.push(note);
                }
            }
        }
        Ok(listed)
    })
}

/// `Get balances`
pub(super) fn balances(mapper: Mapper) -> Call<Listed<BalanceReport>> {
    let request = ask("account.balances", "/api/v1/capital");
    errors::call(request, move |body| {
        let balances: wire::Balances<'_> = serde_json::from_slice(body)?;
        let mut listed = Listed::default();
        for (name, balance) in &balances.0 {
            match mapper.balance(name, balance) {
                Ok(report) => listed.items.push(report),
                Err(error) => listed.unmapped.push(unmapped(name, "balance", error)?),
            }
        }
        Ok(listed)
    })
}

/// `Get collateral`
pub(super) fn margin(mapper: Mapper) -> Call<MarginReport> {
    let request = ask("account.margin", "/api/v1/capital/collateral");
    errors::call(request, move |body| {
        mapper.margin(&serde_json::from_slice(body)?)
    })
}
