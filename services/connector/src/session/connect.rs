//! From nothing to a private stream that stands, and from there to an account that may be traded:
//! instruments, clock, position mode, key, stream, then what REST says of orders, fills and margin
//! (F39, F111).

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::connector::v1::account_event::Event;
use chimera_egress::{Connect, Outgoing, Pacing, WebSocket, WebSocketOptions, WebSocketRequest};
use chimera_model::UnixNanos;
use chimera_model::account::PositionMode;
use chimera_model::report::{AccountEvent, BalanceReport};
use chimera_runtime::fault::Fault;
use chimera_runtime::tasks::Tasks;
use chimera_venue::{Call, ErrorClass, FillQuery, Listed, PrivateAccess, SessionKey, VenueError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::warn;

use super::Session;
use super::link::{Link, NOTICES_MAX, Overlap};
use super::read::Reading;
use crate::ask::{Answered, NoAnswer, Terms};
use crate::config::Timing;
use crate::{policy, wire};

/// How long one step may take. Connecting is tried again, so a step that hangs must not hold it up.
const STEP_WITHIN: Duration = Duration::from_secs(10);

/// Fills are asked for from this long before the stream was lost: both clocks' errors and what was
/// on its way then. A fill that was told already is told again, and dropped by its id.
const MISSED_MARGIN: Duration = Duration::from_secs(10);

/// Pages of fills asked for at one instrument. At 500 to 1,000 fills a page, an outage that needs
/// more is left to the order service's own reconciliation.
const PAGES_MAX: usize = 10;

/// Bound on one message of a private stream; a batch of a hundred order events is 60 KB.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotConnected {
    /// Trying again cannot help: nothing is sent until an operator acts (F50, F119).
    Refused(String),
    /// Trying again may help, after so long at least.
    NotYet {
        cause: String,
        after: Option<Duration>,
    },
}

impl NotConnected {
    fn of_venue(step: &str, error: &VenueError) -> Self {
        let cause = format!("{step}: {error}");
        match error.class {
            ErrorClass::AuthFailure | ErrorClass::WrongAccountMode | ErrorClass::NotBuilt => {
                Self::Refused(cause)
            }
            _ => Self::NotYet {
                cause,
                after: error.retry_after,
            },
        }
    }

    fn of_call(step: &str, error: &NoAnswer) -> Self {
        match error {
            NoAnswer::NotBuilt(error) => Self::of_venue(step, error),
            NoAnswer::NotInTime | NoAnswer::Withdrawn(_) | NoAnswer::Halted => Self::NotYet {
                cause: format!("{step}: {error}"),
                after: None,
            },
            NoAnswer::Call { error, .. } => Self::NotYet {
                cause: format!("{step}: {}", error.cause),
                after: error.retry_after(),
            },
        }
    }
}

/// Opens a connection of the private stream and starts its reader. `held` queues what it says until
/// it is released.
pub(super) async fn open(
    session: &Arc<Session>,
    timing: &Timing,
    generation: u64,
    held: bool,
    tasks: &Tasks,
) -> Result<Link, NotConnected> {
    let desk = &session.desk;
    check_mode(session).await?;
    let key = match desk.adapter.open_session() {
        Some(call) => Some(ask(session, "session key", &call).await?.0),
        None => None,
    };
    let socket = dial(session, timing, key.as_ref()).await?;
    let (sender, notices) = mpsc::channel(NOTICES_MAX);
    let (release, waiting) = oneshot::channel();
    let overlap = Arc::new(Overlap::default());
    let tasks = tasks.child();
    let reading = Reading {
        session: session.clone(),
        generation,
        socket,
        notices: sender,
        overlap: overlap.clone(),
        held: held.then_some(waiting),
        tasks: tasks.clone(),
    };
    let reader = tasks.spawn("connector.private_stream", reading.run());
    let release = held.then_some(release);
    let opened = Instant::now();
    Ok(Link {
        key,
        opened,
        notices,
        reader,
        overlap,
        release,
        tasks,
    })
}

/// Refuses an account in hedge mode. Read at every connection and every extension, because not
/// every venue tells of a change (F50, F65).
async fn check_mode(session: &Session) -> Result<(), NotConnected> {
    let Some(mode) = session.desk.adapter.position_mode() else {
        return Ok(());
    };
    match ask(session, "position mode", &mode).await?.0 {
        PositionMode::OneWay => Ok(()),
        PositionMode::Hedge => {
            let cause = "the account is in hedge mode; only one-way mode is traded";
            Err(NotConnected::Refused(cause.to_owned()))
        }
    }
}

async fn dial(
    session: &Session,
    timing: &Timing,
    key: Option<&SessionKey>,
) -> Result<WebSocket, NotConnected> {
    let desk = &session.desk;
    let plan = || {
        let plan = desk.adapter.private_stream(&PrivateAccess {
            session: key,
            credentials: session.asker().credentials,
            venue_now: desk.venue_now(),
        });
        plan.map_err(|error| NotConnected::of_venue("private stream", &error))
    };
    let rules = desk.adapter.stream_rules();
    let options = WebSocketOptions {
        max_message_bytes: MESSAGE_BYTES_MAX,
        liveness: Some(timing.private_silence()),
        pacing: Some(Pacing {
            frames: rules.frames_per_second_max,
            per: Duration::from_secs(1),
        }),
        ..WebSocketOptions::default()
    };
    let connect = Connect {
        cluster: desk.cluster(),
        endpoint: "stream.private",
        charges: &[(policy::CONNECTIONS, 1)],
        deadline: Instant::now() + STEP_WITHIN,
        options,
    };
    let request = WebSocketRequest::new(plan()?.url.expose().clone());
    let lost = |cause: String| NotConnected::NotYet { cause, after: None };
    let opened = desk.egress().connect(connect, |_| request).await;
    let mut socket = opened.map_err(|error| {
        let error = NoAnswer::Call { error, left: None };
        NotConnected::of_call("private stream", &error)
    })?;
    // Signed as late as possible (F117): a connection may have waited for its turn.
    for frame in plan()?.frames {
        let sent = socket.send(Outgoing::Text(frame.text)).await;
        sent.map_err(|error| lost(format!("private stream: {error}")))?;
    }
    Ok(socket)
}

/// Extends the session's key (F100) and looks whether the account may still be traded.
pub(super) async fn look_after(
    session: &Session,
    key: Option<&SessionKey>,
) -> Result<(), NotConnected> {
    let extends = |key| session.desk.adapter.extend_session(key);
    if let Some(call) = key.and_then(extends) {
        ask(session, "session key", &call).await?;
    }
    check_mode(session).await
}

/// Tells the readers what REST says of the account now: open orders, the fills since the stream was
/// lost, positions, balances, margin. `lost` is when; nothing at the first connection of this
/// process.
pub(super) async fn backfill(
    session: &Session,
    lost: Option<UnixNanos>,
) -> Result<(), NotConnected> {
    let (desk, context) = (&session.desk, session.context());
    let orders = desk.adapter.open_orders(&context, None);
    let (orders, received) = ask(session, "open orders", &orders).await?;
    for report in &orders.items {
        session.tell_order(report, received);
    }
    if let Some(lost) = lost {
        fills(session, lost).await?;
    }
    let positions = desk.adapter.positions(&context);
    let (positions, received) = ask(session, "positions", &positions).await?;
    for report in positions.items {
        session.tell_now(&AccountEvent::Position(Box::new(report)), received);
    }
    let balances = funds(session).await?;
    for report in &balances.items {
        session.heard(report.venue_time);
    }
    let unmapped = orders
        .unmapped
        .iter()
        .chain(&positions.unmapped)
        .chain(&balances.unmapped);
    for what in unmapped {
        warn!(venue = %desk.venue, name = %what.venue_symbol, what = what.what, "not mapped");
        desk.instruments_wanted.notify_one();
    }
    Ok(())
}

/// Tells the readers what REST says of balances and margin now; returns the balances.
pub(super) async fn funds(session: &Session) -> Result<Listed<BalanceReport>, NotConnected> {
    let (adapter, context) = (&session.desk.adapter, session.context());
    let (balances, received) = ask(session, "balances", &adapter.balances(&context)).await?;
    for report in &balances.items {
        session.tell_now(&AccountEvent::Balance(Box::new(report.clone())), received);
    }
    let (margin, received) = ask(session, "margin", &adapter.margin(&context)).await?;
    let margin = wire::margin(&margin, session.stamp(received));
    session.hub.publish(Event::Margin(margin));
    Ok(balances)
}

/// Tells the fills of every instrument traded since the stream was lost (F39).
async fn fills(session: &Session, lost: UnixNanos) -> Result<(), NotConnected> {
    let margin = u64::try_from(MISSED_MARGIN.as_nanos()).unwrap_or(u64::MAX);
    let since = UnixNanos::from_nanos(lost.as_nanos().saturating_sub(margin));
    for (symbol, mut query) in session.ledger.missing(since) {
        let instruments = session.desk.instruments();
        let Some(instrument) = instruments.table().by_symbol(&symbol) else {
            continue;
        };
        for _ in 0..PAGES_MAX {
            let call = session
                .desk
                .adapter
                .fills(&session.context(), instrument, &query);
            let call = call.map_err(|error| NotConnected::of_venue("fills", &error))?;
            let (page, received) = ask(session, "fills", &call).await?;
            for fill in &page.list.items {
                session.tell_fill(fill, received);
            }
            match page.list.items.last() {
                Some(fill) if page.more => {
                    query = FillQuery::After {
                        trade: fill.trade_id.clone(),
                        since: Some(fill.venue_time),
                    };
                }
                _ => break,
            }
        }
    }
    Ok(())
}

/// Returns whether the account changed at the venue after the last thing the stream said: then the
/// stream is dead however alive its connection is (F87). Quiet otherwise (F88).
pub(super) async fn missed_something(session: &Session) -> Result<bool, NotConnected> {
    let desk = &session.desk;
    let change = desk.adapter.last_change(&session.context());
    let (newest, _) = ask(session, "probe", &change).await?;
    let Some(newest) = newest else {
        return Ok(false);
    };
    let settled = desk.venue_now().saturating_since(newest) > crate::echoes::ECHO_WITHIN;
    Ok(settled && newest > session.last_heard())
}

/// Asks one thing of the account; returns it with the time it was received.
async fn ask<T>(
    session: &Session,
    step: &str,
    call: &Call<T>,
) -> Result<(T, UnixNanos), NotConnected> {
    let terms = Terms::answer(STEP_WITHIN);
    match session.desk.ask(call, Some(session.asker()), terms).await {
        Ok(Answered {
            value: Ok(value),
            received,
            ..
        }) => Ok((value, received)),
        Ok(Answered {
            value: Err(error), ..
        }) => Err(NotConnected::of_venue(step, &error)),
        Err(error) => Err(NotConnected::of_call(step, &error)),
    }
}
