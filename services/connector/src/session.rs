//! One live session an account at a venue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::SessionState;
use chimera_contracts::connector::v1::account_event::Event;
use chimera_model::report::{AccountEvent, Fill, OrderReport};
use chimera_model::{Account, UnixNanos};
use chimera_venue::{AccountContext, Credentials};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use crate::ask::Asker;
use crate::desk::Desk;
use crate::echoes::Echoes;
use crate::hub::Hub;
use crate::metrics;
use crate::session::ledger::Ledger;
use crate::session::status::{Status, StatusCell};
use crate::wire::{self, Stamp};

pub(crate) mod balances;
mod connect;
mod ledger;
mod link;
mod read;
mod run;
pub(crate) mod status;

pub(crate) use run::run;

/// What the tasks of one session share.
#[derive(Debug)]
pub(crate) struct Session {
    pub desk: Arc<Desk>,
    pub account: Account,
    pub hub: Hub,
    pub echoes: Echoes,
    pub ledger: Ledger,
    credentials: Credentials,
    status: StatusCell,
    /// Rung when the session failed, so that its connection is dropped at once.
    failed: Notify,
    /// Rung by every fill: balances and margin are others now.
    moved: Notify,
    /// The venue's newest time that its stream or a snapshot has told us, in nanoseconds.
    heard: AtomicU64,
}

impl Session {
    pub(crate) fn new(desk: Arc<Desk>, account: Account, credentials: Credentials) -> Self {
        let status = StatusCell::new(desk.now());
        Self {
            desk,
            account,
            hub: Hub::default(),
            echoes: Echoes::default(),
            ledger: Ledger::default(),
            credentials,
            status,
            failed: Notify::new(),
            moved: Notify::new(),
            heard: AtomicU64::new(0),
        }
    }

    pub(crate) fn asker(&self) -> Asker<'_> {
        Asker {
            account: self.account,
            credentials: &self.credentials,
        }
    }

    /// Returns by which instruments this account's reports are read.
    pub(crate) fn context(&self) -> AccountContext {
        let instruments = self.desk.instruments().table().clone();
        AccountContext {
            account: self.account,
            instruments,
        }
    }

    pub(crate) fn status(&self) -> Status {
        self.status.get()
    }

    /// Returns what a report that arrives now is stamped with.
    pub(crate) fn stamp(&self, received: UnixNanos) -> Stamp {
        Stamp {
            received,
            generation: self.status.get().generation,
        }
    }

    /// Notes that the private stream is known to carry data now.
    pub(crate) fn vouch(&self) {
        self.status.vouch();
    }

    /// Returns how long the private stream has been silent.
    pub(crate) fn staleness(&self) -> Duration {
        self.status.get().vouched.elapsed()
    }

    /// Notes the venue's time of something that the stream or a snapshot said.
    pub(crate) fn heard(&self, time: Option<UnixNanos>) {
        self.heard
            .fetch_max(time.map_or(0, UnixNanos::as_nanos), Ordering::AcqRel);
    }

    /// Returns the venue's newest time that was told.
    pub(crate) fn last_heard(&self) -> UnixNanos {
        UnixNanos::from_nanos(self.heard.load(Ordering::Acquire))
    }

    /// Returns the session as the contract states it.
    pub(crate) fn state(&self) -> pb::Session {
        let status = self.status.get();
        pb::Session {
            venue: self.desk.venue.to_string(),
            account: self.account.to_string(),
            state: status.state.into(),
            generation: status.generation,
            reason: status.reason,
            clock_offset: self.desk.clock_offset().map(wire::signed_duration),
            staleness: Some(wire::duration(status.vouched.elapsed())),
            since: Some(wire::timestamp(status.since)),
        }
    }

    /// Enters a state and tells the readers. Entering LIVE is told each time: it means "reconcile".
    pub(crate) fn enter(&self, state: SessionState, reason: &str) {
        let changed = self.status.enter(state, reason, self.desk.now());
        if !changed {
            return;
        }
        let (venue, account) = (self.desk.venue, self.account);
        let generation = self.status.get().generation;
        metrics::session_live(venue, account, state == SessionState::Live);
        match state {
            SessionState::Failed => error!(%venue, %account, reason, "session failed"),
            SessionState::Reconnecting => warn!(%venue, %account, reason, "session lost"),
            _ => info!(%venue, %account, ?state, generation, reason, "session"),
        }
        self.hub.publish(Event::Session(self.state()));
    }

    /// Fails the session for good: nothing is sent until an operator acts (F07, F50, F119).
    pub(crate) fn fail(&self, reason: &str) {
        self.enter(SessionState::Failed, reason);
        self.failed.notify_one();
    }

    /// Waits until the session fails. Cancel-safe.
    pub(crate) async fn until_failed(&self) {
        self.failed.notified().await;
    }

    /// Lets one connection's events pass from now on, and no older one's.
    pub(crate) fn advance(&self, generation: u64) {
        self.hub.advance(generation);
        self.status.advance(generation);
        self.echoes.clear();
    }

    /// Tells the readers what one connection of the private stream said.
    pub(crate) fn tell(&self, generation: u64, event: &AccountEvent, received: UnixNanos) {
        let stamp = Stamp {
            received,
            generation,
        };
        for words in self.words(event, stamp) {
            if !self.hub.publish_from(generation, words) {
                metrics::stale_event();
                return;
            }
        }
        self.remember(event);
    }

    /// Tells the readers what a query or an acknowledgement said.
    pub(crate) fn tell_now(&self, event: &AccountEvent, received: UnixNanos) {
        for words in self.words(event, self.stamp(received)) {
            self.hub.publish(words);
        }
        self.remember(event);
    }

    /// Tells the readers of an order that a query or an acknowledgement spoke of.
    pub(crate) fn tell_order(&self, report: &OrderReport, received: UnixNanos) {
        self.tell_now(&AccountEvent::Order(Box::new(report.clone())), received);
    }

    /// Tells the readers of a fill that a query spoke of.
    pub(crate) fn tell_fill(&self, fill: &Fill, received: UnixNanos) {
        self.tell_now(&AccountEvent::Fill(Box::new(fill.clone())), received);
    }

    /// Remembers what was told, for the time when something is missed (F39).
    fn remember(&self, event: &AccountEvent) {
        let fill = match event {
            AccountEvent::Order(report) => {
                self.ledger.touched(report.symbol);
                report.last_fill.as_ref()
            }
            AccountEvent::Fill(fill) => Some(&**fill),
            _ => None,
        };
        if let Some(fill) = fill {
            self.ledger.filled(fill);
            self.moved.notify_one();
        }
    }

    /// Returns an event in the contract's words. The fill goes before the order's new state:
    /// whoever sums fills must not see an order filled whose fills are missing.
    fn words(&self, event: &AccountEvent, stamp: Stamp) -> Vec<Event> {
        match event {
            AccountEvent::Order(report) => {
                let mut events = Vec::with_capacity(2);
                if let Some(fill) = &report.last_fill {
                    events.push(Event::Fill(wire::fill(fill, stamp)));
                }
                match wire::order(report, &self.desk.instruments(), stamp) {
                    Ok(report) => events.push(Event::Order(report)),
                    Err(error) => self.unstated(&error.to_string()),
                }
                events
            }
            AccountEvent::Fill(fill) => vec![Event::Fill(wire::fill(fill, stamp))],
            AccountEvent::Position(report) => vec![Event::Position(wire::position(report, stamp))],
            AccountEvent::Balance(report) => vec![Event::Balance(wire::balance(report, stamp))],
            AccountEvent::Margin(report) => vec![Event::Margin(wire::margin(report, stamp))],
            AccountEvent::Cash(report) => vec![Event::Cash(wire::cash(report))],
            AccountEvent::Config(_)
            | AccountEvent::MarginCall { .. }
            | AccountEvent::SessionExpired
            | AccountEvent::Shutdown
            | AccountEvent::Unmapped(_)
            | AccountEvent::Ignored { .. } => Vec::new(),
        }
    }

    /// Counts a report that cannot be stated in steps. Its fill, if any, was told: money is not
    /// lost.
    fn unstated(&self, cause: &str) {
        metrics::unstated_report();
        warn!(venue = %self.desk.venue, account = %self.account, cause, "order report not stated");
        self.desk.instruments_wanted.notify_one();
    }
}
