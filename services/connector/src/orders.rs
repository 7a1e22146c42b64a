//! Sends orders and cancels once, and says what is known of them afterwards.

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::SessionState;
use chimera_model::report::OrderReport;
use chimera_model::{ClientOrderIndex, DecimalError, Instrument};
use chimera_runtime::deadline::Deadline;
use chimera_venue::{Call, ErrorClass, NewOrder, OrderKey as VenueKey, OrderKind};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::ask::{Answered, Terms};
use crate::command::{OrderKey, Submit, SubmitKind};
use crate::latch::Permit;
use crate::outcome::{Action, Done};
use crate::session::Session;
use crate::{metrics, wire};

/// How long an order may wait for its turn. A price is seconds old by then; whoever sent it decides
/// anew.
const SEND_WITHIN: Duration = Duration::from_secs(2);

/// How long a cancel may wait for its turn: it is right however late it comes.
const CANCEL_SEND_WITHIN: Duration = Duration::from_secs(8);

/// How long an answer is waited for. Above the 10 s after which Binance itself says that it does
/// not know (-1007), so that its word is heard.
const ANSWER_WITHIN: Duration = Duration::from_secs(12);

/// Sends an order. Runs in a task of its own: whoever asked may go away, the outcome is told to the
/// account's readers all the same (F09).
pub(crate) async fn submit(
    session: Arc<Session>,
    instrument: Arc<Instrument>,
    order: Submit,
    permit: Permit,
    until: Option<Deadline>,
) -> Done {
    if let Some(why) = not_now(&session, Action::Submit) {
        return Done::not_sent("VENUE_NOT_READY", &why);
    }
    // By the rules of now, whatever stood when the order was looked up.
    let instruments = session.desk.instruments();
    let current = instruments.versions(instrument.symbol).next();
    let version = current.map(|instrument| instruments.version(instrument));
    if version != Some(order.instrument_version) {
        let words = format!("instrument_version is {} now", version.unwrap_or_default());
        return Done::not_sent("INVALID_FIELD", &words);
    }
    let new = match new_order(&instrument, &order) {
        Ok(new) => new,
        Err(error) => return Done::not_sent("NUMBER_OUT_OF_RANGE", &error.to_string()),
    };
    let adapter = &session.desk.adapter;
    if let Some(what) = adapter.capabilities().lack(instrument.kind, &new) {
        let words = format!("the venue does not offer {what}");
        return Done::not_sent("UNSUPPORTED_BY_VENUE", &words);
    }
    let call = match session
        .desk
        .adapter
        .place(&session.context(), &instrument, &new)
    {
        Ok(call) => call,
        Err(error) => return Done::refused(Action::Submit, &error),
    };
    session.ledger.touched(instrument.symbol);
    session.echoes.expect(order.index);
    let sending = Sending {
        action: Action::Submit,
        within: SEND_WITHIN,
        until,
        index: Some(order.index),
        permit: Some(&permit),
    };
    let done = send(&session, &call, sending).await;
    if done.outcome == pb::Outcome::Accepted {
        session.echoes.acknowledged(order.index, Instant::now());
    } else {
        session.echoes.settle(order.index);
    }
    log(&session, "order.submit", Some(order.index), &done);
    done
}

/// Asks the venue to cancel, as [`submit`] sends.
pub(crate) async fn cancel(
    session: Arc<Session>,
    instrument: Arc<Instrument>,
    key: OrderKey,
    until: Option<Deadline>,
) -> Done {
    if let Some(why) = not_now(&session, Action::Cancel) {
        return Done::not_sent("VENUE_NOT_READY", &why);
    }
    let index = match &key {
        OrderKey::Ours(index) => Some(*index),
        OrderKey::Venues(_) => None,
    };
    let call = session
        .desk
        .adapter
        .cancel(&session.context(), &instrument, &venue_key(key));
    let call = match call {
        Ok(call) => call,
        Err(error) => return Done::refused(Action::Cancel, &error),
    };
    let sending = Sending {
        action: Action::Cancel,
        within: CANCEL_SEND_WITHIN,
        until,
        index,
        // A cancel can only lower risk: no switch stops it (F60).
        permit: None,
    };
    let done = send(&session, &call, sending).await;
    log(&session, "order.cancel", index, &done);
    done
}

/// Returns the venue's form of a key.
pub(crate) fn venue_key(key: OrderKey) -> VenueKey {
    match key {
        OrderKey::Ours(index) => VenueKey::Index(index),
        OrderKey::Venues(id) => VenueKey::VenueId(id),
    }
}

/// How one request is sent.
struct Sending<'a> {
    action: Action,
    within: Duration,
    until: Option<Deadline>,
    index: Option<ClientOrderIndex>,
    permit: Option<&'a Permit>,
}

async fn send(session: &Session, call: &Call<OrderReport>, sending: Sending<'_>) -> Done {
    let Sending { action, index, .. } = sending;
    let now = Instant::now();
    let send_by = now + sending.within;
    // The session may have failed or been lost while the request waited for its turn.
    let provided = || not_now(session, action).map_or(Ok(()), Err);
    let terms = Terms {
        send_by: sending
            .until
            .map_or(send_by, |until| until.instant().min(send_by)),
        answer_by: now + ANSWER_WITHIN,
        provided: &provided,
        permit: sending.permit,
    };
    let answered = match session.desk.ask(call, Some(session.asker()), terms).await {
        Ok(answered) => answered,
        Err(error) => return Done::unanswered(&error),
    };
    let Answered {
        value,
        sent,
        received,
    } = answered;
    let mut done = match value {
        Ok(report) if echoed(index, &report) => {
            session.tell_order(&report, received);
            let stated = wire::order(
                &report,
                &session.desk.instruments(),
                session.stamp(received),
            );
            Done {
                outcome: pb::Outcome::Accepted,
                detail: None,
                report: stated.ok(),
                sent_time: None,
            }
        }
        // The venue answered for another order: whatever was sent to it cannot be told apart (F07).
        Ok(_) => {
            session.fail("the venue's acknowledgement names another order");
            Done::unknown(
                "ORDER_OUTCOME_UNKNOWN",
                "the acknowledgement names another order",
            )
        }
        Err(error) => {
            session.heed(&error);
            Done::refused(action, &error)
        }
    };
    done.sent_time = Some(wire::timestamp(sent));
    done
}

/// Returns whether an acknowledgement is about the order that was meant.
fn echoed(index: Option<ClientOrderIndex>, report: &OrderReport) -> bool {
    index.is_none_or(|index| report.client_order_index == Some(index))
}

fn new_order(instrument: &Instrument, order: &Submit) -> Result<NewOrder, DecimalError> {
    let kind = match order.kind {
        SubmitKind::Market => OrderKind::Market,
        SubmitKind::Limit {
            price,
            time_in_force,
            post_only,
        } => OrderKind::Limit {
            price: instrument.price(price)?,
            time_in_force,
            post_only,
        },
    };
    Ok(NewOrder {
        index: order.index,
        side: order.side,
        quantity: instrument.quantity(order.quantity)?,
        kind,
        reduce_only: order.reduce_only,
    })
}

/// Returns why nothing may be sent now. Cancels need no private stream: what they change is asked
/// for.
fn not_now(session: &Session, action: Action) -> Option<String> {
    let status = session.status();
    let sends = match status.state {
        SessionState::Live => true,
        SessionState::Connecting | SessionState::Reconnecting => action == Action::Cancel,
        _ => false,
    };
    let open = sends && session.desk.is_ready();
    (!open).then(|| format!("session {}: {}", status.state.as_str_name(), status.reason))
}

fn log(session: &Session, what: &'static str, index: Option<ClientOrderIndex>, done: &Done) {
    let (venue, account) = (session.desk.venue, session.account);
    let index = index.map(i64::from);
    let outcome = done.outcome.as_str_name();
    let detail = done.detail.clone().unwrap_or_default();
    let (reason, venue_code) = (detail.reason, detail.venue_code);
    metrics::outcome(venue, what, outcome);
    if done.outcome == pb::Outcome::Unknown {
        warn!(%venue, %account, index, what, outcome, reason, venue_code, "outcome unknown");
    } else {
        info!(%venue, %account, index, what, outcome, reason, venue_code, "outcome");
    }
}

impl Session {
    /// Does what an error of the venue asks of the session, whoever met it.
    pub(crate) fn heed(&self, error: &chimera_venue::VenueError) {
        match error.class {
            ErrorClass::AuthFailure => self.fail(&format!("the venue refused: {error}")),
            ErrorClass::WrongAccountMode => self.fail(&format!("the account's mode: {error}")),
            ErrorClass::WrongEcho => self.fail("the venue answered for another order"),
            _ => {}
        }
    }
}
