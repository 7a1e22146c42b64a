//! The one task that owns the state, and the handle by which callers reach it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chimera_contracts::order::v1 as pb;
use chimera_journal::Record;
use chimera_model::order::Scale;
use chimera_model::{Decimal, Symbol, UnixNanos, Venue};
use chimera_runtime::Clock;
use chimera_runtime::drain::Signal;
use chimera_runtime::tasks::Tasks;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::call::{Call, Told};
use crate::config::Config;
use crate::entry::Entry;
use crate::error::OrderError;
use crate::follow::{Follow, Waiter};
use crate::journal_log::{Body, Logged};
use crate::key::{OrderKey, SiteKey};
use crate::ledger::Ledger;
use crate::market::{Connector, Market};
use crate::offer::Offer;
use crate::parked::Parked;
use crate::recovery::Site;
use crate::risk::Rate;
use crate::saga::Saga;
use crate::store::Store;
use crate::timeline::Timeline;
use crate::trading::Switch;
use crate::verification::Verification;
use crate::watch::Hub;
use crate::writer::{Batch, Effect, Health, Stored};
use crate::{metrics, render};

/// What PlaceOrder answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The order as it stands.
    pub order: pb::Order,
    /// Whether the index was known and nothing was sent by this call.
    pub replayed: bool,
}

/// What CancelOrder answers: the order as it stands.
pub type Cancelled = pb::Order;

/// Something to be done at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// Ask the venue for an order.
    Query(OrderKey),
    /// Send a cancel again.
    Cancel(OrderKey),
    /// Fetch the fills of an order.
    Fills(OrderKey),
    /// Tell callers of CancelOrder that it is pending.
    CancelAnswer(OrderKey),
    /// Take a step of a tracking limit.
    Track(OrderKey),
    /// Compare with a venue.
    Compare(SiteKey),
    /// Go on proving that a kill left nothing open.
    Verify,
    /// Look for orders of which nothing was heard.
    Watchdog,
}

/// What every part of the owner shares.
pub(crate) struct Tools {
    pub(crate) config: Arc<Config>,
    pub(crate) connector: Connector,
    pub(crate) market: Market,
    pub(crate) clock: Clock,
    pub(crate) tasks: Tasks,
    pub(crate) drain: Signal,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) switch: Switch,
    pub(crate) health: Health,
    pub(crate) told: mpsc::Sender<Told>,
}

/// Spawns work that ends with the service, wherever it stands: as if the process had been killed.
pub(crate) fn spawn_bound(
    tasks: &Tasks,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let end = tasks.cancelled();
    tasks.spawn(name, async move {
        tokio::select! {
            biased;
            () = end => {}
            () = work => {}
        }
    });
}

/// Owns the state; every change of it happens in this one task.
pub(crate) struct Desk {
    pub(crate) tools: Tools,
    pub(crate) ledger: Ledger,
    pub(crate) next_seq: u64,
    pub(crate) epoch: String,
    pub(crate) begun: UnixNanos,
    pub(crate) sites: BTreeMap<SiteKey, Site>,
    pub(crate) follows: BTreeMap<OrderKey, Follow>,
    pub(crate) sagas: BTreeMap<OrderKey, Saga>,
    pub(crate) parked: Parked,
    pub(crate) scales: BTreeMap<(Venue, Symbol), Vec<Scale>>,
    pub(crate) rate: Rate,
    pub(crate) prices: BTreeMap<(Venue, Symbol), Decimal>,
    pub(crate) offers: BTreeMap<Venue, Offer>,
    pub(crate) hub: Arc<Mutex<Hub>>,
    pub(crate) timeline: Timeline,
    pub(crate) venues_known: bool,
    pub(crate) verification: Verification,
    pub(crate) snapshot_seq: u64,
    /// Lives while a snapshot is being kept.
    pub(crate) snapshot_kept: Weak<()>,
    timers: BTreeMap<(Instant, u64), Due>,
    timer_ids: u64,
    batch: Batch,
    batches: mpsc::Sender<Batch>,
}

/// The ends of the owner's queues.
pub(crate) struct Inbox {
    /// The kill switch comes before everything else.
    pub(crate) urgent: mpsc::Receiver<Call>,
    pub(crate) calls: mpsc::Receiver<Call>,
    pub(crate) told: mpsc::Receiver<Told>,
}

impl Desk {
    pub(crate) fn new(
        tools: Tools,
        ledger: Ledger,
        hub: Hub,
        batches: mpsc::Sender<Batch>,
        replayed: crate::recovery::Replayed,
        timeline: Timeline,
    ) -> Self {
        let hub = Arc::new(Mutex::new(hub));
        Self {
            tools,
            ledger,
            next_seq: replayed.last_seq + 1,
            epoch: replayed.epoch,
            begun: replayed.begun,
            sites: BTreeMap::new(),
            follows: BTreeMap::new(),
            sagas: BTreeMap::new(),
            parked: Parked::default(),
            scales: BTreeMap::new(),
            rate: Rate::default(),
            prices: BTreeMap::new(),
            offers: BTreeMap::new(),
            hub,
            timeline,
            venues_known: false,
            verification: Verification::default(),
            snapshot_seq: replayed.snapshot_seq,
            snapshot_kept: Weak::new(),
            timers: BTreeMap::new(),
            timer_ids: 0,
            batch: Batch::default(),
            batches,
        }
    }

    /// Runs until the tasks of the service are told to end.
    pub(crate) async fn run(mut self, mut inbox: Inbox) {
        let cancelled = self.tools.tasks.cancelled();
        tokio::pin!(cancelled);
        self.begin();
        loop {
            self.fire_due();
            if self.flush().await.is_err() {
                return;
            }
            let next = self.timers.keys().next().map(|(at, _)| *at);
            let timer = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = &mut cancelled => return,
                Some(call) = inbox.urgent.recv() => self.call(call),
                () = timer => {}
                Some(told) = inbox.told.recv() => self.hear(told),
                call = inbox.calls.recv() => match call {
                    Some(call) => self.call(call),
                    None => return,
                },
            }
        }
    }

    fn fire_due(&mut self) {
        let now = Instant::now();
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let due = entry.remove();
            self.due(due);
        }
    }

    fn due(&mut self, due: Due) {
        match due {
            Due::Query(key) => self.query_due(&key),
            Due::Cancel(key) => self.cancel_due(&key),
            Due::Fills(key) => self.fills_due(&key),
            Due::CancelAnswer(key) => self.cancel_answers_due(&key),
            Due::Track(key) => self.track(&key),
            Due::Compare(site) => self.compare_due(site),
            Due::Verify => self.verify_due(),
            Due::Watchdog => self.watchdog(),
        }
    }

    /// Remembers to do something.
    pub(crate) fn at(&mut self, when: Instant, due: Due) {
        self.timer_ids += 1;
        self.timers.insert((when, self.timer_ids), due);
    }

    /// Hands what was recorded to the writer; waits only while its queue is full.
    async fn flush(&mut self) -> Result<(), ()> {
        self.ledger.forget_oldest();
        self.snapshot_when_due();
        if self.batch.records.is_empty() && self.batch.effects.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.batch);
        self.batches.send(batch).await.map_err(|_| ())
    }

    /// Returns the time for records.
    pub(crate) fn now(&self) -> UnixNanos {
        UnixNanos::from_nanos(u64::try_from(self.tools.clock.now_nanos()).unwrap_or(0))
    }

    /// Records something: applies it to the book, queues it for the journal and, once it is there,
    /// for the streams. Returns whether it fitted.
    pub(crate) fn log(&mut self, key: Option<&OrderKey>, body: Body) -> bool {
        let logged = Logged {
            key: key.cloned(),
            body,
            recorded_time: self.now(),
        };
        let record = match logged.encode() {
            Ok(record) => record,
            Err(error) => return self.refused_record(key, &error.to_string()),
        };
        let seq = self.next_seq;
        let change = match self.ledger.apply(&logged, seq) {
            Ok(change) => change,
            Err(error) => return self.refused_record(key, &error.to_string()),
        };
        self.push_record(record);
        if let Some(change) = change {
            let hub = Arc::clone(&self.hub);
            self.effect(Box::new(move |stored| {
                if stored == Stored::Durably {
                    lock(&hub).publish(change);
                }
            }));
        }
        self.write_timeline(logged, seq);
        true
    }

    fn refused_record(&self, key: Option<&OrderKey>, error: &str) -> bool {
        metrics::noticed("illegal_record");
        let key = key.map(OrderKey::text).unwrap_or_default();
        tracing::error!(
            key,
            error,
            "a conclusion does not fit the order and is not recorded"
        );
        false
    }

    fn push_record(&mut self, record: Record) {
        if self.batch.records.is_empty() {
            self.batch.first_seq = self.next_seq;
        }
        self.batch.records.push(record);
        self.next_seq += 1;
    }

    /// Lets something happen once everything recorded so far is durable.
    pub(crate) fn effect(&mut self, effect: Effect) {
        self.batch.effects.push(effect);
    }

    /// Answers a caller once everything recorded so far is durable.
    pub(crate) fn reply<T: Send + 'static>(
        &mut self,
        waiter: Waiter<T>,
        answer: Result<T, OrderError>,
    ) {
        self.effect(Box::new(move |stored| {
            let answer = match stored {
                Stored::Durably => answer,
                Stored::Not => Err(OrderError::JournalFailed),
            };
            // A caller that went away changes nothing (F09).
            let _ = waiter.send(answer);
        }));
    }

    /// Answers a caller that only reads, in order with what it may have asked before.
    pub(crate) fn reply_read<T: Send + 'static>(
        &mut self,
        waiter: Waiter<T>,
        answer: Result<T, OrderError>,
    ) {
        self.effect(Box::new(move |_| {
            let _ = waiter.send(answer);
        }));
    }

    /// Returns what this process is doing about an order.
    pub(crate) fn follow(&mut self, key: &OrderKey) -> &mut Follow {
        self.follows
            .entry(key.clone())
            .or_insert_with(|| Follow::new(Instant::now()))
    }

    /// Answers callers of PlaceOrder who waited for the first outcome.
    pub(crate) fn answer_placing(&mut self, key: &OrderKey) {
        let Some(follow) = self.follows.get_mut(key) else {
            return;
        };
        let waiting = std::mem::take(&mut follow.placing);
        for (waiter, replayed) in waiting {
            let answer = self.rendered(key).map(|order| Placed { order, replayed });
            self.reply(waiter, answer);
        }
    }

    /// Returns an order as the contract shows it.
    pub(crate) fn rendered(&self, key: &OrderKey) -> Result<pb::Order, OrderError> {
        match (self.ledger.get(key), key) {
            (Some(entry), _) => Ok(render::order(entry)),
            (None, OrderKey::Ours { account, index }) => Err(OrderError::NotFound {
                account: *account,
                index: *index,
            }),
            (None, OrderKey::External { .. }) => Err(OrderError::Internal("an order is gone")),
        }
    }

    /// Returns the account and venue of an order.
    pub(crate) fn site_of(&self, key: &OrderKey) -> Option<SiteKey> {
        self.ledger.get(key).map(Entry::site)
    }
}

/// Locks the streams for the moment of one change.
pub(crate) fn lock(hub: &Arc<Mutex<Hub>>) -> std::sync::MutexGuard<'_, Hub> {
    hub.lock().unwrap_or_else(PoisonError::into_inner)
}
