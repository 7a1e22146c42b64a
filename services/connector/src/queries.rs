//! Asks a venue what it knows. Repeatable, and never a conclusion: a miss is one miss (F05, F06).

use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::SessionState;
use chimera_model::report::{Fill, OrderReport, Unmapped};
use chimera_model::{Instrument, UnixNanos};
use chimera_runtime::deadline::Deadline;
use chimera_venue::{Call, ErrorClass, FillQuery, VenueError};
use tracing::warn;

use crate::ask::{Answered, Terms};
use crate::command::{ListFills, OrderKey};
use crate::error::ConnectorError;
use crate::orders::venue_key;
use crate::outcome::{query_refused, query_unanswered};
use crate::session::Session;
use crate::wire::{self, Stamp};

/// How long a query may take when its caller names no deadline.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Asks for one order; nothing when the venue does not know it now.
pub(crate) async fn order(
    session: &Session,
    instrument: &Instrument,
    key: OrderKey,
    created: Option<UnixNanos>,
) -> Result<Option<pb::OrderReport>, ConnectorError> {
    let (context, key) = (session.context(), venue_key(key));
    let adapter = &session.desk.adapter;
    let calls = adapter.order(&context, instrument, &key, created);
    for call in calls.map_err(|error| refused(session, &error))? {
        let answered = ask(session, &call).await?;
        match answered.value {
            Ok(report) => return stated(session, &report, answered.received).map(Some),
            Err(error) if matches!(error.class, ErrorClass::NotFound | ErrorClass::AlreadyGone) => {
            }
            Err(error) => return Err(refused(session, &error)),
        }
    }
    Ok(None)
}

/// Lists the orders that are open now.
pub(crate) async fn open_orders(
    session: &Session,
    instrument: Option<&Instrument>,
) -> Result<Vec<pb::OrderReport>, ConnectorError> {
    let call = session
        .desk
        .adapter
        .open_orders(&session.context(), instrument);
    let (list, received) = answer(session, &call).await?;
    complete(session, &list.unmapped)?;
    list.items
        .iter()
        .map(|report| stated(session, report, received))
        .collect()
}

/// Lists one page of fills.
pub(crate) async fn fills(
    session: &Session,
    instrument: &Instrument,
    query: &ListFills,
) -> Result<pb::ListFillsResponse, ConnectorError> {
    let asked = match (&query.order, &query.after, query.start) {
        (Some(order), _, _) => FillQuery::OfOrder(order.clone()),
        (None, Some(after), since) => FillQuery::After {
            trade: after.clone(),
            since,
        },
        (None, None, Some(start)) => FillQuery::Since(start),
        (None, None, None) => FillQuery::Newest,
    };
    let call = session
        .desk
        .adapter
        .fills(&session.context(), instrument, &asked);
    let call = call.map_err(|error| refused(session, &error))?;
    let (page, received) = answer(session, &call).await?;
    let stamp = session.stamp(received);
    let mut fills = page.list.items;
    if query.order.is_some() {
        narrow(&mut fills, query);
    }
    Ok(pb::ListFillsResponse {
        fills: fills.iter().map(|fill| wire::fill(fill, stamp)).collect(),
        more: page.more,
    })
}

/// Narrows the fills of one order down to those asked for; venues take one condition at a time.
fn narrow(fills: &mut Vec<Fill>, query: &ListFills) {
    if let Some(after) = &query.after {
        let known = fills.iter().position(|fill| fill.trade_id == *after);
        fills.drain(..known.map_or(0, |known| known + 1));
    } else if let Some(start) = query.start {
        fills.retain(|fill| fill.venue_time >= start);
    }
}

/// Asks for the positions.
pub(crate) async fn positions(
    session: &Session,
) -> Result<Vec<pb::PositionReport>, ConnectorError> {
    let call = session.desk.adapter.positions(&session.context());
    let (list, received) = answer(session, &call).await?;
    complete(session, &list.unmapped)?;
    let stamp = session.stamp(received);
    Ok(list
        .items
        .iter()
        .map(|report| wire::position(report, stamp))
        .collect())
}

/// Asks for margin and balances.
pub(crate) async fn margin(session: &Session) -> Result<pb::GetMarginResponse, ConnectorError> {
    let context = session.context();
    let call = session.desk.adapter.margin(&context);
    let (margin, received) = answer(session, &call).await?;
    let margin = wire::margin(&margin, session.stamp(received));
    let call = session.desk.adapter.balances(&context);
    let (list, received) = answer(session, &call).await?;
    let stamp: Stamp = session.stamp(received);
    let balances = list
        .items
        .iter()
        .map(|report| wire::balance(report, stamp))
        .collect();
    Ok(pb::GetMarginResponse {
        margin: Some(margin),
        balances,
    })
}

async fn answer<T>(session: &Session, call: &Call<T>) -> Result<(T, UnixNanos), ConnectorError> {
    let answered = ask(session, call).await?;
    let value = answered.value.map_err(|error| refused(session, &error))?;
    Ok((value, answered.received))
}

async fn ask<T>(session: &Session, call: &Call<T>) -> Result<Answered<T>, ConnectorError> {
    let status = session.status();
    let over = matches!(status.state, SessionState::Failed | SessionState::Closed);
    if over || !session.desk.is_ready() {
        return Err(ConnectorError::NotReady {
            venue: session.desk.venue.to_string(),
            session: format!("{}: {}", status.state.as_str_name(), status.reason),
        });
    }
    let patience = Deadline::current().map_or(ANSWER_WITHIN, Deadline::remaining);
    let terms = Terms::answer(patience.min(ANSWER_WITHIN));
    let answered = session.desk.ask(call, Some(session.asker()), terms).await;
    answered.map_err(|error| query_unanswered(session.desk.venue.as_str(), &error))
}

fn refused(session: &Session, error: &VenueError) -> ConnectorError {
    session.heed(error);
    query_refused(session.desk.venue.as_str(), session.account.as_str(), error)
}

fn stated(
    session: &Session,
    report: &OrderReport,
    received: UnixNanos,
) -> Result<pb::OrderReport, ConnectorError> {
    let stated = wire::order(report, &session.desk.instruments(), session.stamp(received));
    stated.map_err(|error| {
        session.desk.instruments_wanted.notify_one();
        ConnectorError::Unreadable {
            venue: session.desk.venue.to_string(),
            cause: error.to_string(),
        }
    })
}

/// Refuses a list that leaves something unknown out: whoever reconciles by it would take it for
/// complete. What the venue lists and this house does not trade is left out, and said to be.
fn complete(session: &Session, unmapped: &[Unmapped]) -> Result<(), ConnectorError> {
    let instruments = session.desk.instruments();
    for what in unmapped {
        let (venue, name) = (session.desk.venue, what.venue_symbol.as_str());
        warn!(%venue, account = %session.account, name, what = what.what, "not traded here");
        if !instruments.is_skipped(name) {
            session.desk.instruments_wanted.notify_one();
            return Err(ConnectorError::Unreadable {
                venue: venue.to_string(),
                cause: format!("{name} is not a known instrument"),
            });
        }
    }
    Ok(())
}
