//! Clients that place as fast as they are answered, and ask again for what was not.

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::common::v1::{OrderType, Side, TimeInForce};
use chimera_contracts::order::v1 as pb;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::sleep;

use super::Storm;
use crate::sim::desk::{Desk, Way};
use crate::sim::scene::Scene;
use crate::sim::trader::{PATIENCE, asking, cents, hundredths, send};

/// Clients that share a connection: below what a connection carries at once.
const PER_CONNECTION: usize = 32;
/// How long a client waits before it asks again, and between two orders, in milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 1..60;
/// The least and the most of an order, in hundredths: above the least notional of the venue, and so
/// that the clients together come near the limit of exposure.
const QUANTITY: std::ops::RangeInclusive<i64> = 5..=30;
/// So many orders lean to one side, then to the other, so that the limit is met at times.
const LEANING: usize = 100;

/// Runs all clients of a run, on the host that this runs on.
pub async fn client(scene: Arc<Scene>, host: &'static str, storm: Storm) -> turmoil::Result {
    let mut desk = Desk::at(Way::Straight);
    let mut clients = Vec::new();
    for number in 0..storm.clients {
        if number > 0 && number.is_multiple_of(PER_CONNECTION) {
            desk = Desk::at(Way::Straight);
        }
        let client = Client {
            desk: desk.clone(),
            chance: ChaCha8Rng::seed_from_u64(scene.seed ^ (number as u64).rotate_right(16)),
            scene: Arc::clone(&scene),
        };
        clients.push(client.place_until(storm.orders));
    }
    futures::future::join_all(clients).await;
    scene.seen(|seen| seen.acting.remove(host));
    std::future::pending().await
}

struct Client {
    scene: Arc<Scene>,
    desk: Desk,
    chance: ChaCha8Rng,
}

impl Client {
    /// Places orders until so many were placed by all clients.
    async fn place_until(mut self, orders: usize) {
        while self.scene.seen(|seen| seen.placed.len()) < orders {
            self.pause().await;
            let Some(index) = self.place() else { continue };
            // At times both of two requests are on their way (F10).
            let mut twin = self.desk.clone();
            if self.chance.random_bool(0.05) {
                let (one, other) = (&mut self.desk, &mut twin);
                let first = send(&self.scene, one, index);
                futures::future::join(first, send(&self.scene, other, index)).await;
            }
            while self.unanswered(index) {
                send(&self.scene, &mut self.desk, index).await;
                self.pause().await;
            }
            if self.rests(index) {
                self.pause().await;
                self.cancel(index).await;
            }
        }
    }

    async fn pause(&mut self) {
        sleep(Duration::from_millis(self.chance.random_range(PAUSE_MS))).await;
    }

    fn unanswered(&self, index: i64) -> bool {
        self.scene.seen(|seen| {
            let placed = seen.placed.get(&index);
            placed.is_some_and(|it| it.acknowledged.is_none() && it.refused.is_none())
        })
    }

    /// Returns whether an order may still be open, as far as its client knows.
    fn rests(&self, index: i64) -> bool {
        self.scene.seen(|seen| {
            let placed = seen.placed.get(&index);
            let order = placed.and_then(|it| it.acknowledged.as_ref());
            order.is_some_and(|order| {
                let over = matches!(
                    order.state(),
                    pb::OrderState::Filled
                        | pb::OrderState::Denied
                        | pb::OrderState::Rejected
                        | pb::OrderState::Expired
                );
                order.r#type() == OrderType::Limit && !over
            })
        })
    }

    /// Notes what is to be placed, and returns its index.
    fn place(&mut self) -> Option<i64> {
        let best = self.scene.seen(|seen| seen.books.newest().cloned())?;
        let placed = self.scene.seen(|seen| seen.placed.len());
        let buys = self.chance.random_bool(match placed / LEANING % 2 {
            0 => 0.56,
            _ => 0.44,
        });
        let (side, near, far) = match buys {
            true => (Side::Buy, cents(&best.bid.0), cents(&best.ask.0)),
            false => (Side::Sell, cents(&best.ask.0), cents(&best.bid.0)),
        };
        let away: i64 = if buys { -1 } else { 1 };
        let (limit, gtc) = (OrderType::Limit, TimeInForce::Gtc);
        let (kind, price, force) = match self.chance.random_range(0..100) {
            0..30 => (
                limit,
                near + away * self.chance.random_range(0..100_i64),
                gtc,
            ),
            30..60 => (limit, far - away * 50, gtc),
            60..80 => (limit, far - away * 20, TimeInForce::Ioc),
            80..99 => (OrderType::Market, 0, TimeInForce::Unspecified),
            _ => (OrderType::TrackingLimit, 0, TimeInForce::Unspecified),
        };
        let tracking = (kind == OrderType::TrackingLimit).then(|| self.tracking());
        let request = pb::PlaceOrderRequest {
            side: side.into(),
            r#type: kind.into(),
            quantity: hundredths(self.chance.random_range(QUANTITY)),
            time_in_force: force.into(),
            reduce_only: tracking.is_none() && self.chance.random_bool(0.05),
            tracking_limit: tracking,
            ..asking(price)
        };
        Some(self.scene.seen(|seen| seen.note_placed(request, 1)))
    }

    fn tracking(&mut self) -> pb::TrackingLimit {
        pb::TrackingLimit {
            price_offset_ticks: self.chance.random_range(0..2),
            interval: Some(prost_types::Duration {
                seconds: 1,
                nanos: 0,
            }),
            timeout: Some(prost_types::Duration {
                seconds: 4,
                nanos: 0,
            }),
            max_attempts: self.chance.random_range(1..4),
            post_only: false,
        }
    }

    /// Cancels an order, once: what is not answered is settled by the mesh, or rests.
    async fn cancel(&mut self, index: i64) {
        let answer = tokio::time::timeout(PATIENCE, self.desk.cancel(index)).await;
        let told = match answer {
            Ok(Ok(_)) => "done".to_owned(),
            Ok(Err(status)) => format!("{:?}", status.code()),
            Err(_) => "no answer".to_owned(),
        };
        self.scene.note(|| format!("cancelled {index}: {told}"));
    }
}
