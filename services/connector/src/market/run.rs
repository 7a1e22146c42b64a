//! The task of one venue's market: connects while anything is wanted, looks after the connection,
//! and replaces it before the venue ends it.

use std::sync::Arc;
use std::time::Duration;

use chimera_model::Symbol;
use chimera_runtime::chance;
use chimera_runtime::tasks::Tasks;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tracing::{info, warn};

use super::Market;
use super::connection::{Connection, Said};
use super::tops::Top;
use crate::ask::Terms;
use crate::backoff::Backoff;
use crate::config::Timing;

/// How often streams that nobody reads are looked for, and answers that are overdue.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a look at one instrument by REST may take.
const PROBE_WITHIN: Duration = Duration::from_secs(3);

/// How long to wait before a planned replacement is tried again.
const REPLACE_AGAIN: Duration = Duration::from_secs(60);

/// Looks in a row that contradict a silent stream before it counts as dead: one may have been
/// quicker than the stream.
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
            looked: 0,
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
    looked: usize,
    contradictions: u32,
}

/// The connection that counts, its successor, and what is asked for beside them: reading never
/// waits for any of it (F90).
struct Links {
    live: Connection,
    next: Option<Connection>,
    opening: Option<JoinHandle<Result<Connection, String>>>,
    looking: Option<JoinHandle<Option<Top>>>,
    replace_at: Instant,
}

impl Keeper {
    /// Returns why the connection is lost; nothing when nobody wants it any more.
    async fn keep(&mut self) -> Option<String> {
        let market = self.market.clone();
        let live = match Connection::open(&market, self.generation).await {
            Ok(live) => live,
            Err(cause) => return Some(cause),
        };
        market
            .lock()
            .tops
            .connected(self.generation, Instant::now());
        info!(venue = %market.desk.venue, generation = self.generation, "market stream connected");
        let replace_at = self.replace_at(&live);
        let mut links = Links {
            live,
            next: None,
            opening: None,
            looking: None,
            replace_at,
        };
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let alone = links.next.is_none() && links.opening.is_none();
            tokio::select! {
                biased;
                said = links.live.next(&market) => {
                    if let Some(cause) = self.heed(&mut links, said) {
                        return Some(cause);
                    }
                }
                said = next_of(&mut links.next, &market) => self.heed_next(&mut links, said),
                opened = joined(&mut links.opening) => match opened {
                    Some(Ok(opened)) => links.next = Some(opened),
                    Some(Err(cause)) => self.not_replaced(&mut links, &cause),
                    None => self.not_replaced(&mut links, "internal fault"),
                },
                looked = joined(&mut links.looking) => {
                    if self.is_dead(looked.flatten()) {
                        return Some("the stream is silent about changes".to_owned());
                    }
                }
                () = market.changed.notified() => {
                    if let Err(cause) = self.catch_up(&mut links).await {
                        return Some(cause);
                    }
                }
                _ = look.tick() => {
                    if !self.forget_unread() {
                        return None;
                    }
                    if let Err(cause) = self.catch_up(&mut links).await {
                        return Some(cause);
                    }
                }
                () = sleep_until(links.replace_at), if alone => {
                    let (market, generation) = (market.clone(), self.generation);
                    let open = async move { Connection::open(&market, generation).await };
                    links.opening = Some(self.tasks.spawn("connector.market_open", open));
                }
            }
        }
    }

    /// Heeds what the live connection said; returns why it is lost, when it is.
    fn heed(&mut self, links: &mut Links, said: Said) -> Option<String> {
        match said {
            Said::Quotes => self.contradictions = 0,
            Said::Confirmed(symbols) => self.first_quotes(symbols),
            Said::Closing => links.replace_at = Instant::now(),
            Said::Silent => {
                if links.looking.is_none() {
                    links.looking = self.look_at_one();
                }
            }
            Said::Ended(cause) => return Some(cause),
        }
        None
    }

    /// Heeds what the successor said: it takes over once it carries everything (F93, F101).
    fn heed_next(&self, links: &mut Links, said: Said) {
        if let Said::Ended(cause) = said {
            return self.not_replaced(links, &cause);
        }
        let complete = |next: &mut Connection| next.table.complete(&self.market.lock().wanted);
        if let Some(next) = links.next.take_if(complete) {
            links.replace_at = self.replace_at(&next);
            links.live = next;
        }
    }

    fn not_replaced(&self, links: &mut Links, cause: &str) {
        warn!(venue = %self.market.desk.venue, cause, "market stream not replaced yet");
        links.next = None;
        links.replace_at = Instant::now() + REPLACE_AGAIN;
    }

    /// Brings what both connections carry to what is wanted; returns why the live one is lost.
    async fn catch_up(&self, links: &mut Links) -> Result<(), String> {
        let caught_up = match &mut links.next {
            Some(next) => next.catch_up(&self.market).await,
            None => Ok(()),
        };
        if let Err(cause) = caught_up {
            self.not_replaced(links, &cause);
        }
        links.live.catch_up(&self.market).await
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

    /// Looks at one instrument by REST, another one each time (F87).
    fn look_at_one(&mut self) -> Option<JoinHandle<Option<Top>>> {
        let symbols: Vec<Symbol> = self.market.lock().wanted.iter().collect();
        self.looked += 1;
        let symbol = *symbols.get(self.looked % symbols.len().max(1))?;
        let (market, generation) = (self.market.clone(), self.generation);
        let look = async move { ask(&market, symbol, generation).await };
        Some(self.tasks.spawn("connector.market_look", look))
    }

    /// Tells quiet from dead by what was seen (F87, F88). A venue that cannot be asked leaves the
    /// silence to count, and the stream is not blamed.
    fn is_dead(&mut self, looked: Option<Top>) -> bool {
        let mut state = self.market.lock();
        if let Some(looked) = looked {
            let same = |known: &Top| {
                (known.quote.bid, known.quote.ask) == (looked.quote.bid, looked.quote.ask)
            };
            if state.tops.get(looked.quote.symbol).is_some_and(same) {
                self.contradictions = 0;
                state.tops.vouch(self.generation, Instant::now());
            } else {
                self.contradictions += 1;
            }
        }
        state.touch_all();
        self.contradictions >= CONTRADICTIONS_MAX
    }

    /// Returns when a connection is to be replaced, each at another moment (F101).
    fn replace_at(&self, connection: &Connection) -> Instant {
        let age = self.market.desk.adapter.stream_rules().connection_age_max;
        let age = self.timing.connection_age(age);
        connection.opened + age.mul_f64(chance::between(0.95..=1.0))
    }
}

/// Waits for a task's end; nothing when it panicked. For ever when there is none.
async fn joined<T>(task: &mut Option<JoinHandle<T>>) -> Option<T> {
    match task {
        Some(running) => {
            let ended = running.await.ok();
            *task = None;
            ended
        }
        None => std::future::pending().await,
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
    let answered = market
        .desk
        .ask(&call, None, Terms::answer(PROBE_WITHIN))
        .await
        .ok()?;
    let quote = answered.value.ok()?;
    Some(Top {
        quote,
        received: answered.received,
        lag: Duration::ZERO,
        generation,
    })
}
