//! The clients of a run: they send orders at a rate through the public contract, cancel some, and
//! repeat with the same index whatever they were left in doubt about.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chimera_contracts::order::v1::{
    CancelOrderRequest, Order, order_service_client::OrderServiceClient,
};
use chimera_runtime::Channel;
use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tonic::{Request, Status};

use super::{
    book::Book,
    draw::{Mix, Terms},
    market::Market,
    venue::Touches,
};

/// Calls under way at one time: half a second's worth at 500 a second. When all are taken, the mesh is
/// down or slow, and a tick passes without a call.
const CALLS_MAX: usize = 256;
/// How long a client waits for an answer before it counts as lost.
const CALL_WITHIN: Duration = Duration::from_secs(5);
/// Of a hundred orders: beside how many of them another is cancelled, and a known one asked for once
/// more.
const CANCELS_PERCENT: u32 = 34;
const REPEATS_PERCENT: u32 = 3;
/// Above so many working orders of a run one is cancelled beside every new one.
const WORKING_MAX: usize = 200;

/// The clients of a run; clones share what they know.
#[derive(Clone)]
pub struct Clients {
    book: Arc<Mutex<Book>>,
    way: watch::Receiver<Option<Channel>>,
    touches: watch::Receiver<Touches>,
    calls: Arc<Semaphore>,
}

impl Clients {
    /// Returns clients that call whatever mesh `way` leads to and trade where `touches` names prices.
    pub fn new(way: watch::Receiver<Option<Channel>>, touches: watch::Receiver<Touches>) -> Self {
        Self {
            book: Arc::default(),
            way,
            touches,
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
        }
    }

    /// Returns what the clients know.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        // A panic elsewhere leaves the book whole: every change of it is one statement.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the best prices last seen.
    pub fn touches(&self) -> Touches {
        self.touches.borrow().clone()
    }

    /// Asks for `rate` orders a second until told to stop, cancels and repeats beside them, and waits
    /// for the calls under way.
    pub async fn flow(&self, rate: u32, mix: Mix, seed: u64, mut stop: watch::Receiver<bool>) {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut calls = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                // An error means that the run is gone; so are its clients.
                _ = stop.wait_for(|stop| *stop) => break,
                _ = ticks.tick() => {}
            }
            while calls.try_join_next().is_some() {}
            self.step(mix, &mut chance, &mut calls);
        }
        while calls.join_next().await.is_some() {}
    }

    /// Asks for one order; cancels one, repeats one, and asks again for one in doubt, as is drawn.
    fn step(&self, mix: Mix, chance: &mut ChaCha8Rng, calls: &mut JoinSet<()>) {
        let draw = chance.random::<u32>() as usize;
        let (cancels, repeats) = (chance.random_range(0..100), chance.random_range(0..100));
        let Some(market) = self.touches.borrow().choose(chance).copied() else {
            return;
        };
        let terms = Terms::draw(mix, market, chance);
        let permit = || self.calls.clone().try_acquire_owned().ok();
        let mut book = self.book();
        match permit() {
            Some(permit) => {
                if let Some(index) = book.begin(terms) {
                    calls.spawn(self.clone().place(index, terms, permit));
                }
            }
            None => book.omitted += 1,
        }
        let repeats = mix == Mix::All && repeats < REPEATS_PERCENT;
        let again = [
            book.doubtful(),
            repeats.then(|| book.acknowledged(draw)).flatten(),
        ];
        for (index, terms) in again.into_iter().flatten() {
            match permit() {
                Some(permit) => drop(calls.spawn(self.clone().place(index, terms, permit))),
                None => book.put_off(index),
            }
        }
        let crowded = book.working() >= WORKING_MAX;
        if mix == Mix::All
            && (crowded || cancels < CANCELS_PERCENT)
            && let Some(permit) = permit()
            && let Some((index, terms)) = book.cancellable(draw)
        {
            calls.spawn(self.clone().cancel(index, terms.market, permit));
        }
    }

    /// Places one order until it is answered; false when that takes longer than `within`.
    pub async fn place_until_answered(&self, terms: Terms, within: Duration) -> bool {
        let Some(index) = self.book().begin(terms) else {
            return false;
        };
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            let answer = self.call(index, terms).await;
            let taken = answer.is_ok();
            self.book().heard(index, answer);
            if taken {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    }

    /// Repeats whatever is in doubt until nothing is; false when that takes longer than `within`.
    pub async fn settle(&self, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            let next = self.book().doubtful();
            match next {
                Some((index, terms)) => {
                    let answer = self.call(index, terms).await;
                    self.book().heard(index, answer);
                }
                None if self.book().unanswered() == 0 => return true,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
        false
    }

    async fn place(self, index: i64, terms: Terms, _permit: OwnedSemaphorePermit) {
        let answer = self.call(index, terms).await;
        self.book().heard(index, answer);
    }

    async fn call(&self, index: i64, terms: Terms) -> Result<Order, Status> {
        let Some(channel) = self.way.borrow().clone() else {
            return Err(Status::unavailable("no mesh was started yet"));
        };
        let mut request = Request::new(terms.request(index));
        request.set_timeout(CALL_WITHIN);
        let mut client = OrderServiceClient::new(channel);
        let answer = timeout(CALL_WITHIN, client.place_order(request)).await;
        let answer = answer.map_err(|_| Status::deadline_exceeded("no answer in time"))??;
        let order = answer.into_inner().order;
        order.ok_or_else(|| Status::internal("the answer lacks `order`"))
    }

    async fn cancel(self, index: i64, market: &Market, _permit: OwnedSemaphorePermit) {
        let Some(channel) = self.way.borrow().clone() else {
            return;
        };
        let request = CancelOrderRequest {
            account: market.account.to_owned(),
            client_order_index: index,
        };
        let mut client = OrderServiceClient::new(channel);
        let answer = timeout(CALL_WITHIN, client.cancel_order(request)).await;
        // No answer, or a refusal, promises nothing.
        if let Ok(Ok(answer)) = answer
            && let Some(order) = answer.into_inner().order
        {
            self.book().cancel_heard(index, &order);
        }
    }
}
