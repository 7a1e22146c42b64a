//! The one task that owns what the mesh holds, and the handle to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::position::v1 as pb;
use chimera_model::UnixNanos;
use chimera_model::position::{Position, PositionKey};
use chimera_runtime::clock::Clock;
use chimera_runtime::drain::Signal;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::config::Config;
use crate::error::PositionError;
use crate::holdings::{AccountKey, Effects, Holdings, Moment, Notice, Subject};
use crate::hub::{Bounds, Filter, Hub};
use crate::metrics;
use crate::render;
use crate::token::Tokens;

mod message;
mod orders;
mod queries;
mod venue;

pub(crate) use message::{
    ASKS_MAX, Ask, Message, OrdersInput, PositionFilter, Reply, Start, Subscription,
};
pub(crate) use venue::VenueInput;

/// Messages that may wait for the task. Inputs wait for room, which slows their streams down; calls
/// wait within their deadlines.
const QUEUE_MAX: usize = 1_024;

/// How many times within the shortest interval the clock is looked at.
const TICKS_PER_INTERVAL: u32 = 4;

/// The longest time between two looks at the clock.
const TICK_MAX: Duration = Duration::from_millis(500);

/// The handle to the task.
#[derive(Debug, Clone)]
pub(crate) struct Positions {
    queue: mpsc::Sender<Message>,
}

impl Positions {
    /// Tells an input; waits for room. Fails when the task is gone.
    pub(crate) async fn tell(&self, message: Message) -> Result<(), PositionError> {
        self.queue
            .send(message)
            .await
            .map_err(|_| PositionError::Stopped)
    }

    /// Asks, and waits for the answer. Dropped, the answer is dropped.
    pub(crate) async fn ask<T>(
        &self,
        message: impl FnOnce(Reply<T>) -> Message,
    ) -> Result<T, PositionError> {
        let (reply, answer) = oneshot::channel();
        self.tell(message(reply)).await?;
        answer.await.map_err(|_| PositionError::Stopped)?
    }
}

/// What is shared with the task.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub tokens: Arc<Tokens>,
    /// Tells the fills' feed to read the whole history again.
    pub rebuild: Arc<Notify>,
    /// Whether positions were built.
    pub ready: watch::Receiver<bool>,
}

/// Owns what the mesh holds.
pub(crate) struct Service {
    config: Config,
    clock: Clock,
    queue: mpsc::Receiver<Message>,
    holdings: Holdings,
    /// Positions that are being built from the history of fills.
    building: Option<BTreeMap<PositionKey, Position>>,
    hub: Hub,
    feeds: BTreeMap<AccountKey, mpsc::Sender<Ask>>,
    tokens: Arc<Tokens>,
    rebuild: Arc<Notify>,
    ready: watch::Sender<bool>,
    draining: bool,
}

impl Service {
    pub(crate) fn new(config: Config, clock: Clock) -> (Self, Positions, Shared) {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let (ready, is_ready) = watch::channel(false);
        let tokens = Arc::new(Tokens::new(clock.now_nanos()));
        let rebuild = Arc::new(Notify::new());
        let bounds = Bounds {
            changes_kept: config.changes_kept,
            reader_queue: config.reader_queue,
            readers_max: config.readers_max,
        };
        let service = Self {
            holdings: Holdings::new(config.settle(), config.margin_history),
            building: None,
            hub: Hub::new(bounds),
            feeds: BTreeMap::new(),
            tokens: tokens.clone(),
            rebuild: rebuild.clone(),
            ready,
            draining: false,
            config,
            clock,
            queue,
        };
        let shared = Shared {
            tokens,
            rebuild,
            ready: is_ready,
        };
        (service, Positions { queue: sender }, shared)
    }

    /// Runs until every handle is gone.
    pub(crate) async fn run(mut self, drain: Signal) {
        let shortest = self.config.settle().min(self.config.heartbeat());
        let interval = (shortest / TICKS_PER_INTERVAL).clamp(Duration::from_millis(1), TICK_MAX);
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // A busy queue puts neither the drain nor the clock off.
            tokio::select! {
                biased;
                () = drain.draining(), if !self.draining => {
                    self.draining = true;
                    self.hub.drain();
                }
                _ = ticks.tick() => self.tick(),
                message = self.queue.recv() => match message {
                    Some(message) => self.handle(message),
                    None => return,
                },
            }
        }
    }

    fn handle(&mut self, message: Message) {
        // Whoever asked may have gone: an answer that nobody takes is no error.
        match message {
            Message::Orders(input) => self.orders(input),
            Message::Account(key, asks) => {
                self.holdings.hear_account(key, None);
                self.feeds.insert(key, asks);
            }
            Message::Venue(key, input) => self.venue(key, input),
            Message::ListPositions(filter, reply) => {
                let _ = reply.send(self.list_positions(filter));
            }
            Message::GetPnl(filter, reply) => {
                let _ = reply.send(self.pnl(filter));
            }
            Message::ListBalances(filter, reply) => {
                let _ = reply.send(Ok(self.list_balances(filter)));
            }
            Message::GetMargin {
                key,
                history,
                reply,
            } => {
                let _ = reply.send(self.margin(key, history));
            }
            Message::Subscribe {
                filter,
                resume,
                reply,
            } => {
                let _ = reply.send(self.subscribe(filter, resume.as_deref()));
            }
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        if self.holdings.is_built() {
            let effects = self.holdings.tick(now);
            self.publish(effects, now);
        }
        let holdings = &self.holdings;
        self.hub
            .beat(now.instant, self.config.heartbeat(), |filter| {
                holdings.staleness(filter, now.instant)
            });
        if let Some(staleness) = holdings.fills_staleness(now.instant) {
            metrics::fills_staleness(staleness);
        }
    }

    /// Tells readers what changed, operators what is worth an alert, and asks venues again.
    fn publish(&mut self, effects: Effects, now: Moment) {
        let Effects {
            changed,
            notices,
            ask,
        } = effects;
        for subject in changed {
            if let Some((key, body)) = self.stamp(subject, now) {
                self.hub.publish(key.account, key.venue, body, now.instant);
            }
        }
        for key in ask {
            self.ask(key, Ask::Look);
        }
        let alerts = !notices.is_empty();
        for notice in notices {
            alert(&notice);
        }
        if alerts {
            metrics::discrepancies(self.holdings.discrepancies());
        }
        metrics::positions(self.holdings.positions(Filter::default()).count());
    }

    /// Gives a change its sequence and returns it in the contract's words.
    fn stamp(
        &mut self,
        subject: Subject,
        now: Moment,
    ) -> Option<(AccountKey, pb::position_change::Change)> {
        use pb::position_change::Change;
        let seq = self.hub.seq() + 1;
        match subject {
            Subject::Position(key) => {
                if !self.holdings.is_built() {
                    return None;
                }
                let holding = self.holdings.position_mut(&key)?;
                holding.seq = seq;
                holding.updated = Some(now.unix);
                let holding = self.holdings.position(&key)?;
                let staleness = self.holdings.staleness_of(holding, now.instant);
                let position = render::position(holding, staleness)
                    .inspect_err(|error| tracing::error!(%key, %error, "position is not shown"));
                let account = AccountKey {
                    account: key.account,
                    venue: key.venue,
                };
                Some((account, Change::Position(position.ok()?)))
            }
            Subject::Balance(key, asset) => {
                let balance = self.holdings.balance(key, asset)?;
                Some((key, Change::Balance(render::balance(key, asset, balance))))
            }
            Subject::Margin(key) => {
                let margin = self.holdings.margin(key)?.latest()?;
                Some((key, Change::Margin(render::margin(key, margin))))
            }
        }
    }

    fn ask(&self, key: AccountKey, ask: Ask) {
        if let Some(feed) = self.feeds.get(&key) {
            // A full queue holds a look already, and instruments are asked for at every look.
            let _ = feed.try_send(ask);
        }
    }

    fn now(&self) -> Moment {
        moment(&self.clock)
    }
}

/// Returns the present moment.
pub(crate) fn moment(clock: &Clock) -> Moment {
    let unix = UnixNanos::from_nanos(u64::try_from(clock.now_nanos()).unwrap_or(0));
    Moment {
        instant: clock.monotonic(),
        unix,
    }
}

fn alert(notice: &Notice) {
    match notice {
        Notice::Differs { key, here, venue } => {
            tracing::error!(%key, %here, %venue, "position differs from the venue's word");
        }
        Notice::Agrees { key } => tracing::info!(%key, "position agrees with the venue again"),
        Notice::OpeningInferred { key, here, venue } => {
            metrics::opening_inferred();
            tracing::warn!(
                %key, %here, %venue,
                "an opening from before the records is taken from the venue's word"
            );
        }
    }
}
