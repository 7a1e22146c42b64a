//! The venue's own state beside the exchange: limits, sessions, streams, countdowns.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::aggregate::AggTrade;
use super::feed::{Feed, combine};
use super::limits::{LimitConfig, Limits};
use super::orders::countdown_over;
use super::private_feed::PrivateFeed;
use super::private_frames::key_expired;
use super::sessions::{Sessions, draw};
use crate::engine::AccountId;
use crate::exchange::{Event, Exchange, InstrumentId};
use crate::hub::Hub;
use crate::venue::Dialect;

/// Letters of a client id that the venue makes up itself.
const INVENTED_ID_LENGTH: usize = 22;

/// Binance USDⓈ-M futures.
#[derive(Debug)]
pub(crate) struct BinanceUsdm {
    pub(super) limits: Limits,
    pub(super) sessions: Sessions,
    pub(super) rng: ChaCha8Rng,
    pub(super) legacy_root: bool,
    /// Sockets closed because their client said too much.
    pub(super) chatty_closed: u64,
    feed: Feed,
    private: PrivateFeed,
    countdowns: BTreeMap<(AccountId, InstrumentId), u64>,
}

impl BinanceUsdm {
    /// Creates the dialect for an exchange.
    pub fn new(exchange: &Exchange, seed: u64, limits: LimitConfig, legacy_root: bool) -> Self {
        let symbols = exchange
            .instruments()
            .iter()
            .map(|instrument| instrument.symbol.clone());
        Self {
            limits: Limits::new(limits),
            sessions: Sessions::default(),
            rng: ChaCha8Rng::seed_from_u64(seed ^ 0x0062_696e_616e_6365),
            legacy_root,
            chatty_closed: 0,
            feed: Feed::new(symbols),
            private: PrivateFeed::default(),
            countdowns: BTreeMap::new(),
        }
    }

    /// Makes up a client's order id, as the venue does where none is sent.
    pub(super) fn invent_client_id(&mut self) -> String {
        draw(&mut self.rng, INVENTED_ID_LENGTH)
    }

    /// Returns the aggregate trades of an instrument, oldest first.
    pub(super) fn aggregates(
        &self,
        id: InstrumentId,
    ) -> impl DoubleEndedIterator<Item = &AggTrade> {
        self.feed.aggregates(id)
    }

    /// Arms or disarms the countdown after which an account's orders are cancelled.
    pub(super) fn arm_countdown(&mut self, account: AccountId, id: InstrumentId, due: Option<u64>) {
        match due {
            Some(due_ms) => self.countdowns.insert((account, id), due_ms),
            None => self.countdowns.remove(&(account, id)),
        };
    }

    fn end_sessions(
        &mut self,
        account: Option<AccountId>,
        until_ms: Option<u64>,
        hub: &mut Hub,
        now_ms: u64,
    ) -> usize {
        let expired = self.sessions.expired(account, until_ms);
        for (_, session) in &expired {
            let frame = key_expired(&session.key, now_ms);
            hub.publish(&session.key, &frame, combine);
            hub.publish(
                &format!("{}@listenKeyExpired", session.key),
                &frame,
                combine,
            );
        }
        expired.len()
    }
}

impl Dialect for BinanceUsdm {
    fn publish(&mut self, events: Vec<Event>, exchange: &mut Exchange, hub: &mut Hub, now_ms: u64) {
        for event in &events {
            match event {
                Event::Book {
                    instrument,
                    first,
                    last,
                    changes,
                    time_ms,
                } => {
                    let change = (*first, *last, changes.as_slice());
                    let times = (now_ms, *time_ms);
                    self.feed.book(exchange, hub, *instrument, change, times);
                }
                Event::Trade(trade) => self.feed.trade(exchange, hub, trade, now_ms),
                private => self
                    .private
                    .tell(exchange, hub, &self.sessions, private, now_ms),
            }
        }
        self.feed.settle(exchange, hub, now_ms);
    }

    fn tick(&mut self, exchange: &mut Exchange, hub: &mut Hub, now_ms: u64) {
        let due = |(_, due_ms): &(&(AccountId, InstrumentId), &u64)| **due_ms <= now_ms;
        let over: Vec<(AccountId, InstrumentId)> = self
            .countdowns
            .iter()
            .filter(due)
            .map(|(key, _)| *key)
            .collect();
        for (account, instrument) in over {
            self.countdowns.remove(&(account, instrument));
            countdown_over(exchange, account, instrument, now_ms);
        }
        self.end_sessions(None, Some(now_ms), hub, now_ms);
        self.private.tick(hub, &self.sessions, now_ms);
        self.feed.tick(exchange, hub, now_ms);
    }

    fn expire_sessions(&mut self, account: Option<u32>, hub: &mut Hub, now_ms: u64) -> usize {
        self.end_sessions(account, None, hub, now_ms)
    }

    fn ban(&mut self, status: u16, seconds: u64, now_ms: u64) {
        self.limits.ban_all(status, now_ms + seconds * 1000);
    }

    fn counters(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("weight_refusals", self.limits.weight_refusals),
            ("ban_refusals", self.limits.ban_refusals),
            ("connection_refusals", self.limits.connection_refusals),
            ("order_refusals", self.limits.order_refusals),
            ("peak_weight_1m", u64::from(self.limits.peak_weight)),
            ("sockets_closed_for_chatter", self.chatty_closed),
        ])
    }
}
