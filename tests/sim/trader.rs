//! A client that places and cancels, and asks again for what was not answered.

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::common::v1::{OrderType, Side, TimeInForce};
use chimera_contracts::order::v1 as pb;
use chimera_runtime::fault::reason_of;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::{sleep, timeout};
use tonic::{Code, Status};

use super::desk::{Desk, Way};
use super::evidence::{Placed, Seen};
use super::hosts::{ACCOUNT, SYMBOL, VENUE};
use super::scene::{Phase, Scene};

/// How long a client waits for an answer: longer than the service itself may take.
pub const PATIENCE: Duration = Duration::from_secs(12);
/// The most that one order is for, in hundredths: a handful of them reaches the limit of exposure.
const QUANTITY_MAX: i64 = 150;

/// Trades until the faults are over. What was placed is kept by the scene, so that a client that
/// died asks again, with the same words, for what it was never told.
pub async fn trader(
    scene: Arc<Scene>,
    host: &'static str,
    number: u64,
    pace: Duration,
    way: Way,
) -> turmoil::Result {
    let born = u64::try_from(scene.now().as_nanos()).unwrap_or(u64::MAX);
    let mut trader = Trader {
        desk: Desk::at(way),
        chance: ChaCha8Rng::seed_from_u64(scene.seed ^ born ^ number.rotate_right(8)),
        scene,
    };
    while trader.scene.phase() == Phase::Faults {
        let factor = trader.chance.random_range(1..=20_u32);
        sleep(pace * factor / 10).await;
        trader.act().await;
    }
    trader.scene.seen(|seen| seen.acting.remove(host));
    std::future::pending().await
}

struct Trader {
    scene: Arc<Scene>,
    desk: Desk,
    chance: ChaCha8Rng,
}

impl Trader {
    async fn act(&mut self) {
        let unanswered = self.scene.seen(|seen| {
            let mut placed = seen.placed.iter();
            let open = |it: &Placed| it.acknowledged.is_none() && it.refused.is_none();
            placed.find(|(_, it)| open(it)).map(|(index, _)| *index)
        });
        if let Some(index) = unanswered {
            return send(&self.scene, &mut self.desk, index).await;
        }
        match self.chance.random_range(0..10) {
            0..=6 => self.place().await,
            _ => self.cancel().await,
        }
    }

    async fn place(&mut self) {
        let Some(best) = self.scene.seen(|seen| seen.books.newest().cloned()) else {
            return;
        };
        let buys = self.chance.random_bool(0.5);
        let (side, near, far) = match buys {
            true => (Side::Buy, cents(&best.bid.0), cents(&best.ask.0)),
            false => (Side::Sell, cents(&best.ask.0), cents(&best.bid.0)),
        };
        let away: i64 = if buys { -1 } else { 1 };
        let limit = OrderType::Limit;
        let (kind, price, force) = match self.chance.random_range(0..11) {
            0..=4 => {
                let price = near + away * self.chance.random_range(0..200_i64);
                (limit, price, TimeInForce::Gtc)
            }
            5..=6 => (limit, far - away * 50, TimeInForce::Gtc),
            7..=8 => (limit, far - away * 20, TimeInForce::Ioc),
            9 => (OrderType::Market, 0, TimeInForce::Unspecified),
            _ => (OrderType::TrackingLimit, 0, TimeInForce::Unspecified),
        };
        let tracking = (kind == OrderType::TrackingLimit).then(|| self.tracking());
        let reduce_only = kind != OrderType::TrackingLimit && self.chance.random_bool(0.1);
        let quantity = hundredths(self.chance.random_range(1..=QUANTITY_MAX));
        // Children of tracking limits take the indices that nobody has asked for.
        let gap = self.chance.random_range(1..30_i64);
        let index = self.scene.seen(|seen| {
            let request = pb::PlaceOrderRequest {
                side: side.into(),
                r#type: kind.into(),
                quantity,
                time_in_force: force.into(),
                reduce_only,
                tracking_limit: tracking,
                ..asking(price)
            };
            seen.note_placed(request, gap)
        });
        send(&self.scene, &mut self.desk, index).await;
    }

    /// Returns how to follow the market: for less time than the healing takes.
    fn tracking(&mut self) -> pb::TrackingLimit {
        let seconds = |seconds, millis: i32| prost_types::Duration {
            seconds,
            nanos: millis * 1_000_000,
        };
        pb::TrackingLimit {
            price_offset_ticks: self.chance.random_range(0..3),
            interval: Some(seconds(self.chance.random_range(0..2), 500)),
            timeout: Some(seconds(self.chance.random_range(2..8), 0)),
            max_attempts: self.chance.random_range(1..8),
            post_only: false,
        }
    }

    async fn cancel(&mut self) {
        let chosen = self.chance.random::<u32>() as usize;
        let index = self.scene.seen(|seen| {
            let acknowledged = seen
                .placed
                .iter()
                .filter(|(_, it)| it.acknowledged.is_some());
            let newest: Vec<i64> = acknowledged
                .rev()
                .take(6)
                .map(|(index, _)| *index)
                .collect();
            newest.get(chosen % newest.len().max(1)).copied()
        });
        let Some(index) = index else { return };
        let answer = timeout(PATIENCE, self.desk.cancel(index)).await;
        let failed = !matches!(answer, Ok(Ok(_)));
        self.scene
            .note(|| format!("cancelled {index}: failed {failed}"));
    }
}

/// Returns what every request to place has in common, at a price in hundredths; none when zero.
pub fn asking(price: i64) -> pb::PlaceOrderRequest {
    pb::PlaceOrderRequest {
        account: ACCOUNT.to_owned(),
        venue: VENUE.to_owned(),
        symbol: SYMBOL.to_owned(),
        price: match price {
            0 => String::new(),
            price => hundredths(price),
        },
        ..Default::default()
    }
}

/// Sends what was noted of an order, and notes how it is answered.
pub async fn send(scene: &Scene, desk: &mut Desk, index: i64) {
    let asked = |seen: &mut Seen| {
        let placed = seen.placed.get_mut(&index)?;
        placed.unanswered += 1;
        Some(placed.request.clone())
    };
    let Some(request) = scene.seen(asked) else {
        return;
    };
    let answer = timeout(PATIENCE, desk.place(request)).await;
    let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no patience left")));
    scene.note(|| format!("placed {index}: {}", told(&answer)));
    scene.seen(|seen| {
        seen.edged += u64::from(answer.is_ok() && desk.is_behind_edge());
        let Some(placed) = seen.placed.get_mut(&index) else {
            return;
        };
        placed.unanswered -= u32::from(answer.as_ref().err().is_none_or(says_what_became));
        match answer {
            Ok(order) => placed.acknowledged = order,
            // A child of a tracking limit has the index, or the order of another client.
            Err(status) if status.code() == Code::AlreadyExists => {
                placed.taken = placed.acknowledged.is_none();
                placed.refused = Some(status.message().to_owned());
            }
            Err(status) if definite(status.code()) => {
                placed.refused = Some(status.message().to_owned());
                placed.refused_for_good |= placed.unanswered == 0;
            }
            // Nothing is known: it is asked again.
            Err(_) => {}
        }
    });
}

fn told(answer: &Result<Option<pb::Order>, Status>) -> String {
    match answer {
        Ok(order) => {
            let state = order.as_ref().map(|order| order.state().as_str_name());
            state.unwrap_or("no order").to_owned()
        }
        Err(status) => format!("{:?} {}", status.code(), status.message()),
    }
}

/// Returns whether a failed call is known to have placed nothing.
fn says_what_became(status: &Status) -> bool {
    let lost = matches!(
        reason_of(status).as_deref(),
        None | Some("PEER_UNAVAILABLE")
    );
    !lost && status.code() != Code::DeadlineExceeded
}

/// Returns whether a refusal is the last word, so that there is nothing to ask again.
fn definite(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::PermissionDenied
            | Code::NotFound
    )
}

/// Returns a price in hundredths.
pub fn cents(price: &str) -> i64 {
    let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
    format!("{whole}{fraction:0<2}").parse().unwrap_or_default()
}

/// Returns a number of hundredths as text.
pub fn hundredths(value: i64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}
