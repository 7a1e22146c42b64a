//! Balances and margin of venues whose private stream does not tell them: asked for after what moves
//! them.

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::connector::v1::SessionState;
use chimera_runtime::tasks::Tasks;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

use super::{Session, connect};

/// How long after a fill the venue is asked: its books are balanced by then, and the fills of one
/// order that sweeps a book have come.
const SETTLES_WITHIN: Duration = Duration::from_millis(250);

/// Shortest time between two questions, however much is traded: two requests in two seconds are a
/// thirtieth of the tightest quota of those venues.
const SPACING: Duration = Duration::from_secs(2);

/// Keeps what the session tells of balances and margin right until the tasks are cancelled.
///
/// In a task of its own: neither the stream's reader nor an order ever waits for it.
pub(crate) async fn keep(session: Arc<Session>, tasks: Tasks) {
    loop {
        tokio::select! {
            biased;
            () = tasks.cancelled() => return,
            () = look(&session) => {}
        }
    }
}

/// Waits for the next fill, asks once, and rests.
async fn look(session: &Session) {
    session.moved.notified().await;
    sleep(SETTLES_WITHIN).await;
    let again = Instant::now() + SPACING;
    // A session that connects asks for everything by itself; one that failed asks for nothing.
    if session.status().state == SessionState::Live
        && let Err(error) = connect::funds(session).await
    {
        warn!(venue = %session.desk.venue, account = %session.account, ?error, "balances not read");
        session.moved.notify_one();
    }
    sleep_until(again).await;
}
