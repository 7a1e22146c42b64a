//! The task of one venue's market: connects while anything is wanted, looks after the connection, and
//! replaces it before the venue ends it.

use std::sync::Arc;
use std::time::Duration;

use chimera_model::Symbol;
use chimera_model::market::Quote;
use chimera_runtime::tasks::Tasks;
use rand::RngExt;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tracing::{info, warn};

use super::Market;
use super::connection::{Connection, Said};
use super::tops::Top;
use crate::backoff::Backoff;
use crate::config::Timing;
use crate::desk::Within;

/// How often streams that nobody reads are looked for, and answers that are overdue.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a look at one instrument by REST may take.
const PROBE_WITHIN: Duration = Duration::from_secs(3);

/// How long to wait before a planned replacement is tried again.
const REPLACE_AGAIN: Duration = Duration::from_secs(60);

/// Looks in a row that contradict a silent stream before it counts as dead: one may have been quicker
/// than the stream.
const CONTRADICTIONS_MAX: u32 = 2;

/// Keeps the market of a venue until the tasks are cancelled.
pub(crate) async fn run(market: Arc<Market>, timing: Timing, tasks: Tasks) {
    let mut backoff = Backoff::new();
    let mut generation = 0;
    loop {
        let wanted = async {
            market.desk.ready().await;
            while market.lock().wanted.is_empty() {
                market.changed.notified().await;
            }
        };
        tokio::select! {
            biased;
            () = tasks.cancelled() => return,
            () = wanted => {}
        }
        generation += 1;
        let since = Instant::now();
        let mut keeper = Keeper {
            market: market.clone(),
            timing,
            generation,
            tasks: tasks.child(),
            probed: 0,
            contradictions: 0,
        };
        let cause = tokio::select! {
            biased;
            () = tasks.cancelled() => return,
            cause = keeper.keep() => cause,
        };
        keeper.tasks.cancel();
        {
            let mut state = market.lock();
            state.tops.disconnected(generation);
            state.touch_all();
        }
        let Some(cause) = cause else { continue };
        warn!(venue = %market.desk.venue, cause, "market stream lost");
        backoff.held(since.elapsed());
        tokio::select! {
            biased;
            () = tasks.cancelled() => return,
            () = sleep(backoff.wait()) => {}
        }
    }
}

struct Keeper {
    market: Arc<Market>,
    timing: Timing,
    generation: u64,
    tasks: Tasks,
    /// How many instruments were looked at, so that each has its turn.
    probed: usize,
    contradictions: u32,
}

impl Keeper {
    /// Returns why the connection is lost; nothing when nobody wants it any more.
    async fn keep(&mut self) -> Option<String> {
        let market = self.market.clone();
        let mut live = match Connection::open(&market, self.generation).await {
            Ok(live) => live,
            Err(cause) => return Some(cause),
        };
        market.lock().tops.connected(self.generation, Instant::now());
        info!(venue = %market.desk.venue, generation = self.generation, "market stream connected");
        let mut next: Option<Connection> = None;
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut replace_at = self.replace_at(&live);
        loop {
            tokio::select! {
                biased;
                said = live.next(&market) => match said {
                    Said::Quotes => self.contradictions = 0,
                    Said::Confirmed(symbols) => self.first_quotes(symbols),
                    Said::Closing => replace_at = Instant::now(),
                    Said::Silent => {
                        if self.is_dead().await {
                            return Some("the stream is silent about changes".to_owned());
                        }
                    }
                    Said::Ended(cause) => return Some(cause),
                },
                said = next_of(&mut next, &market) => {
                    if let Said::Ended(cause) = said {
                        warn!(venue = %market.desk.venue, cause, "not replaced yet");
                        next = None;
                        replace_at = Instant::now() + REPLACE_AGAIN;
                    }
                    let complete = |next: &Connection| next.table.complete(&market.lock().wanted);
                    if let Some(ready) = next.take_if(|next| complete(next)) {
                        live = ready;
                        replace_at = self.replace_at(&live);
                    }
                }
                () = market.changed.notified() => {
                    if let Err(cause) = live.catch_up(&market).await {
                        return Some(cause);
                    }
                }
                _ = look.tick() => {
                    if !self.forget_unread() {
                        return None;
                    }
                    if live.table.overdue(Instant::now()) {
                        return Some("a subscription was never confirmed".to_owned());
                    }
                    if let Err(cause) = live.catch_up(&market).await {
                        return Some(cause);
                    }
                }
                () = sleep_until(replace_at), if next.is_none() => {
                    match Connection::open(&market, self.generation).await {
                        Ok(opened) => next = Some(opened),
                        Err(cause) => {
                            warn!(venue = %market.desk.venue, cause, "not replaced yet");
                            replace_at = Instant::now() + REPLACE_AGAIN;
                        }
                    }
                }
            }
        }
    }

    /// Forgets what nobody reads; returns whether anything is left.
    fn forget_unread(&self) -> bool {
        let mut state = self.market.lock();
        let expired = state.wanted.expire(Instant::now());
        state.tops.forget(&expired);
        !state.wanted.is_empty()
    }

    /// Asks by REST for what the stream will only say when it changes.
    fn first_quotes(&self, symbols: Vec<Symbol>) {
        let (market, generation) = (self.market.clone(), self.generation);
        self.tasks.spawn("connector.first_quotes", async move {
            for symbol in symbols {
                if market.lock().tops.is_live(symbol, Instant::now()) {
                    continue;
                }
                if let Some(top) = ask(&market, symbol, generation).await {
                    market.put(top, true);
                }
            }
        });
    }

    /// Tells quiet from dead by looking at one instrument, another one each time (F87, F88).
    async fn is_dead(&mut self) -> bool {
        let symbols: Vec<Symbol> = self.market.lock().wanted.iter().collect();
        self.probed += 1;
        let Some(symbol) = symbols.get(self.probed % symbols.len().max(1)).copied() else {
            return false;
        };
        let looked = ask(&self.market, symbol, self.generation).await;
        let mut state = self.market.lock();
        let known = state.tops.get(symbol).map(|top| &top.quote);
        let same = |one: &Quote, other: &Quote| (one.bid, one.ask) == (other.bid, other.ask);
        match (looked, known) {
            (Some(looked), Some(known)) if same(&looked.quote, known) => {
                self.contradictions = 0;
                state.tops.vouch(self.generation, Instant::now());
            }
            (Some(_), _) => self.contradictions += 1,
            // The venue cannot be asked: the silence counts, the stream is not blamed.
            (None, _) => {}
        }
        state.touch_all();
        self.contradictions >= CONTRADICTIONS_MAX
    }

    /// Returns when a connection is to be replaced, each at another moment (F101).
    fn replace_at(&self, connection: &Connection) -> Instant {
        let age = self.market.desk.adapter.stream_rules().connection_age_max;
        let age = self.timing.connection_age(age);
        connection.opened + age.mul_f64(rand::rng().random_range(0.95..=1.0))
    }
}

async fn next_of(connection: &mut Option<Connection>, market: &Market) -> Said {
    match connection {
        Some(connection) => connection.next(market).await,
        None => std::future::pending().await,
    }
}

async fn ask(market: &Market, symbol: Symbol, generation: u64) -> Option<Top> {
    let instruments = market.desk.instruments();
    let instrument = instruments.table().by_symbol(&symbol)?;
    let call = market.desk.adapter.quote(instrument);
    let answered = market.desk.call(&call, None, Within::answer(PROBE_WITHIN)).await.ok()?;
    let quote = answered.value.ok()?;
    Some(Top { quote, received: answered.received, lag: Duration::ZERO, generation })
}
