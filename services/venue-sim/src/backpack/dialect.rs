//! The venue's own state beside the exchange: limits, streams, positions.

use std::collections::BTreeMap;

use super::feed::Feed;
use super::limits::Limits;
use super::positions::Positions;
use super::private_feed::PrivateFeed;
use crate::exchange::{Event, Exchange};
use crate::hub::{Hub, SocketFate, SocketKind};
use crate::venue::Dialect;

/// Backpack.
#[derive(Debug)]
pub(crate) struct BackpackDialect {
    pub(super) limits: Limits,
    pub(super) positions: Positions,
    feed: Feed,
    private: PrivateFeed,
}

impl BackpackDialect {
    /// Creates the dialect for an exchange.
    pub fn new(exchange: &Exchange, requests_1m: u32) -> Self {
        Self {
            limits: Limits::new(requests_1m),
            positions: Positions::default(),
            feed: Feed::new(exchange),
            private: PrivateFeed::default(),
        }
    }
}

impl Dialect for BackpackDialect {
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
                private => {
                    let positions = &mut self.positions;
                    self.private.tell(exchange, hub, positions, private, now_ms);
                }
            }
        }
    }

    fn tick(&mut self, exchange: &mut Exchange, hub: &mut Hub, now_ms: u64) {
        self.private.tick(hub, now_ms);
        self.feed.tick(exchange, hub, now_ms);
    }

    /// There is no session here but the connection itself.
    fn expire_sessions(&mut self, account: Option<u32>, hub: &mut Hub, _now_ms: u64) -> usize {
        let fate = SocketFate::Closed { code: 1001 };
        hub.decide(fate, Some(SocketKind::Private), account)
    }

    fn ban(&mut self, status: u16, seconds: u64, now_ms: u64) {
        self.limits.ban_all(status, now_ms + seconds * 1000);
    }

    fn counters(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([
            ("request_refusals", self.limits.request_refusals),
            ("ban_refusals", self.limits.ban_refusals),
            ("peak_requests_1m", u64::from(self.limits.peak)),
        ])
    }
}
