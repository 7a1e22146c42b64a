//! The task of one session: connects, keeps the connection, replaces it, and starts over when it is
//! lost.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::connector::v1::SessionState;
use chimera_model::UnixNanos;
use chimera_runtime::chance;
use chimera_runtime::tasks::Tasks;
use futures::FutureExt;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until};
use tracing::warn;

use super::Session;
use super::connect::{self, NotConnected};
use super::link::{Link, Notice};
use crate::backoff::Backoff;
use crate::config::Timing;
use crate::metrics;

/// How often the stream is compared with what it owes us.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a connection and its planned successor stand side by side (F101): whatever was on its
/// way when the successor subscribed has arrived by then.
const OVERLAP: Duration = Duration::from_secs(1);

/// How long to wait before a planned replacement is tried again; the old connection stands
/// meanwhile.
const REPLACE_AGAIN: Duration = Duration::from_secs(60);

/// Shortest time between two backfills that unreadable frames ask for: each costs dozens of
/// weights.
const BACKFILL_SPACING: Duration = Duration::from_secs(5);

/// Keeps a session until the tasks are cancelled or the venue refuses it. A panic is this session's
/// own: it starts over after a wait, and no other session notices (F130).
pub(crate) async fn run(session: Arc<Session>, timing: Timing, tasks: Tasks) {
    let mut keeper = Keeper {
        session,
        timing,
        tasks,
        generation: 0,
        lost: None,
    };
    let mut backoff = Backoff::new();
    loop {
        let kept = AssertUnwindSafe(keeper.keep()).catch_unwind().await;
        if kept.is_ok() {
            return;
        }
        metrics::session_panic();
        keeper.note_lost("internal fault");
        let wait = backoff.wait();
        tokio::select! {
            biased;
            () = keeper.tasks.cancelled() => return,
            () = sleep(wait) => {}
        }
    }
}

struct Keeper {
    session: Arc<Session>,
    timing: Timing,
    tasks: Tasks,
    /// The newest connection that was opened.
    generation: u64,
    /// When the account was last known to be complete; nothing before the first time.
    lost: Option<UnixNanos>,
}

/// When a live connection is looked after.
struct Timers {
    /// Nothing where the venue has no session to extend.
    extend: Option<Interval>,
    look: Interval,
    replace_at: Instant,
    unread: Unread,
}

/// Frames that could not be read: what they said is asked for, at once and then no more often than
/// [`BACKFILL_SPACING`].
#[derive(Default)]
struct Unread {
    waiting: bool,
    asked: Option<Instant>,
}

impl Unread {
    fn note(&mut self) {
        self.waiting = true;
    }

    fn asked(&mut self) {
        self.waiting = false;
        self.asked = Some(Instant::now());
    }

    async fn due(&self) {
        if !self.waiting {
            return std::future::pending().await;
        }
        if let Some(asked) = self.asked {
            sleep_until(asked + BACKFILL_SPACING).await;
        }
    }
}

/// What is due of a live connection.
enum Due {
    Failed,
    Ended(String),
    Notice(Notice),
    Backfill,
    Look,
    Extend,
    Replace,
}

async fn due(session: &Session, link: &mut Link, timers: &mut Timers) -> Due {
    tokio::select! {
        biased;
        () = session.until_failed() => Due::Failed,
        ended = &mut link.reader => {
            Due::Ended(ended.unwrap_or_else(|_| "internal fault".to_owned()))
        }
        Some(notice) = link.notices.recv() => Due::Notice(notice),
        () = timers.unread.due() => Due::Backfill,
        _ = timers.look.tick() => Due::Look,
        () = tick(timers.extend.as_mut()) => Due::Extend,
        () = sleep_until(timers.replace_at) => Due::Replace,
    }
}

/// Returns an interval that begins with a wait.
fn every(span: Duration) -> Interval {
    let mut interval = interval(span);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval.reset();
    interval
}

/// Waits for the next tick; for ever without an interval.
async fn tick(interval: Option<&mut Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// How a live connection ended.
enum Over {
    /// The session failed for good.
    Failed,
    /// The connection is lost, and why.
    Lost(String),
}

impl Keeper {
    async fn keep(&mut self) {
        let mut backoff = Backoff::new();
        loop {
            let tasks = self.tasks.clone();
            let connected = tokio::select! {
                biased;
                () = tasks.cancelled() => return self.close(),
                connected = self.connect() => connected,
            };
            let wait = match connected {
                Ok(link) => {
                    let since = Instant::now();
                    // Dropped with its link, the connection goes with it.
                    let over = tokio::select! {
                        biased;
                        () = tasks.cancelled() => return self.close(),
                        over = self.live(link) => over,
                    };
                    match over {
                        Over::Failed => return,
                        Over::Lost(cause) => self.note_lost(&cause),
                    }
                    backoff.held(since.elapsed());
                    backoff.wait()
                }
                Err(NotConnected::Refused(cause)) => return self.session.fail(&cause),
                Err(NotConnected::NotYet { cause, after }) => {
                    self.note_not_connected(&cause);
                    backoff.wait().max(after.unwrap_or_default())
                }
            };
            tokio::select! {
                biased;
                () = tasks.cancelled() => return self.close(),
                () = self.session.until_failed() => return,
                () = sleep(wait) => {}
            }
        }
    }

    /// Connects and makes the account complete; only then may orders go.
    async fn connect(&mut self) -> Result<Link, NotConnected> {
        if !self.session.desk.is_ready() {
            self.note_not_connected("instruments and the venue's clock are not known yet");
            self.session.desk.ready().await;
        }
        self.generation += 1;
        let (session, generation) = (&self.session, self.generation);
        let link = connect::open(session, &self.timing, generation, false, &self.tasks).await?;
        session.advance(generation);
        if let Err(error) = connect::backfill(session, self.lost).await {
            link.end().await;
            return Err(error);
        }
        session.enter(SessionState::Live, "");
        Ok(link)
    }

    async fn live(&mut self, mut link: Link) -> Over {
        let session = self.session.clone();
        let rules = session.desk.adapter.session_rules();
        let mut timers = Timers {
            extend: rules.map(|rules| every(self.timing.session_extend(rules.extend_interval))),
            look: every(LOOK_EVERY),
            replace_at: self.replace_at(&link),
            unread: Unread::default(),
        };
        loop {
            match due(&session, &mut link, &mut timers).await {
                Due::Failed => {
                    link.end().await;
                    return Over::Failed;
                }
                Due::Ended(cause) => return Over::Lost(cause),
                Due::Notice(Notice::Closing) => timers.replace_at = Instant::now(),
                Due::Notice(Notice::Expired) => {
                    return lose(link, "the session's key expired").await;
                }
                Due::Notice(Notice::Unreadable) => timers.unread.note(),
                Due::Notice(Notice::Silent) => match connect::missed_something(&session).await {
                    Ok(true) => return lose(link, "the stream is silent about changes").await,
                    Ok(false) => session.vouch(),
                    // Not known: the silence shows as staleness, and is looked at again.
                    Err(error) => warn!(venue = %session.desk.venue, ?error, "probe failed"),
                },
                Due::Backfill => {
                    timers.unread.asked();
                    let since = Some(session.desk.venue_now());
                    if let Err(error) = connect::backfill(&session, since).await {
                        return self.end_with(link, error).await;
                    }
                }
                Due::Look => {
                    if let Some(index) = session.echoes.overdue(Instant::now()) {
                        let cause = format!("the stream never spoke of order {index}");
                        return lose(link, &cause).await;
                    }
                }
                Due::Extend => {
                    if let Err(error) = connect::look_after(&session, link.key.as_ref()).await {
                        return self.end_with(link, error).await;
                    }
                }
                Due::Replace => {
                    let (counts, replaced) = self.replace(link).await;
                    link = counts;
                    timers.replace_at = self.replaced(&link, replaced);
                }
            }
        }
    }

    /// Returns when the next replacement is due after this one, done or not.
    fn replaced(&self, link: &Link, replaced: Result<(), NotConnected>) -> Instant {
        match replaced {
            Ok(()) => return self.replace_at(link),
            Err(NotConnected::Refused(cause)) => self.session.fail(&cause),
            Err(NotConnected::NotYet { cause, .. }) => {
                warn!(venue = %self.session.desk.venue, cause, "not replaced yet");
            }
        }
        Instant::now() + REPLACE_AGAIN
    }

    /// Opens the successor before the old connection goes (F101); gives back the one that counts.
    async fn replace(&mut self, old: Link) -> (Link, Result<(), NotConnected>) {
        self.generation += 1;
        let (session, generation) = (&self.session, self.generation);
        let opened = connect::open(session, &self.timing, generation, true, &self.tasks).await;
        let mut next = match opened {
            Ok(next) => next,
            Err(error) => return (old, Err(error)),
        };
        old.record();
        sleep(OVERLAP).await;
        let delivered = old.end().await;
        session.advance(generation);
        next.release(delivered);
        session.enter(SessionState::Live, "");
        (next, Ok(()))
    }

    /// Returns when a connection is to be replaced: before the venue ends it, and not at the same
    /// moment as every other session.
    fn replace_at(&self, link: &Link) -> Instant {
        let age = self.session.desk.adapter.stream_rules().connection_age_max;
        let age = self.timing.connection_age(age);
        link.opened + age.mul_f64(chance::between(0.95..=1.0))
    }

    async fn end_with(&self, link: Link, error: NotConnected) -> Over {
        link.end().await;
        match error {
            NotConnected::Refused(cause) => {
                self.session.fail(&cause);
                Over::Failed
            }
            NotConnected::NotYet { cause, .. } => Over::Lost(cause),
        }
    }

    fn note_lost(&mut self, cause: &str) {
        // The stream was last known to be whole when it last said something, not when the loss was
        // noticed.
        let silent = u64::try_from(self.session.staleness().as_nanos()).unwrap_or(u64::MAX);
        let heard = self
            .session
            .desk
            .venue_now()
            .as_nanos()
            .saturating_sub(silent);
        self.lost = Some(UnixNanos::from_nanos(heard));
        self.session.enter(SessionState::Reconnecting, cause);
    }

    fn note_not_connected(&self, cause: &str) {
        let state = match self.lost {
            Some(_) => SessionState::Reconnecting,
            None => SessionState::Connecting,
        };
        self.session.enter(state, cause);
    }

    fn close(&self) {
        self.session.enter(SessionState::Closed, "closed");
        self.session.hub.close();
    }
}

async fn lose(link: Link, cause: &str) -> Over {
    link.end().await;
    Over::Lost(cause.to_owned())
}
