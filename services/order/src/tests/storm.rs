//! Everything at once, by seed: doubt, losses, disorder, strangers, crashes. Then the faults heal,
//! and what this mesh holds is compared with the venue's own ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as wire;
use chimera_contracts::order::v1 as pb;
use pb::OrderState as S;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::mesh::{Mesh, buy, market, sell, tracking, with_index};
use super::recovering::a_human_places;
use super::venue::{OnCancel, OnSubmit, State, Venue, quantity};
use crate::Config;

mod audit;

/// Seeds of one run; more by `CHIMERA_STORM_SEEDS`.
const SEEDS: u64 = 12;
const STEPS: usize = 120;

/// The cap of net exposure in quote units, and the lowest price an order is counted by.
const EXPOSURE_MAX: i64 = 3_000;

fn seeds() -> std::ops::Range<u64> {
    let of = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = of("CHIMERA_STORM_FIRST").unwrap_or(0);
    first..first + of("CHIMERA_STORM_SEEDS").unwrap_or(SEEDS)
}

struct Storm {
    seed: u64,
    rng: ChaCha8Rng,
    mesh: Option<Mesh>,
    placed: BTreeMap<i64, pb::PlaceOrderRequest>,
    next_index: i64,
    /// Whether others trade the account, and the venue fills what it has cancelled.
    strangers: bool,
}

impl Storm {
    async fn begin(seed: u64, strangers: bool) -> Self {
        let mut config = Config::default();
        config.risk.exposure_max = EXPOSURE_MAX.into();
        config.snapshot_every_records = if seed.is_multiple_of(2) { 60 } else { 100_000 };
        config.closed_orders_kept = if seed.is_multiple_of(3) { 3 } else { 1_000 };
        let mesh = Mesh::with(config, Venue::new()).await;
        Self {
            seed,
            rng: ChaCha8Rng::seed_from_u64(seed),
            mesh: Some(mesh),
            placed: BTreeMap::new(),
            next_index: 1,
            strangers,
        }
    }

    fn mesh(&self) -> &Mesh {
        self.mesh.as_ref().unwrap()
    }

    fn venue(&self) -> Venue {
        self.mesh().venue.clone()
    }

    async fn rage(&mut self) {
        for _ in 0..STEPS {
            self.step().await;
            let pause = self.rng.random_range(0..400);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..30 => self.place(),
            30..34 => self.place_parent(),
            34..37 => self.repeat(),
            37..47 => self.cancel(),
            47..62 => self.trade(),
            62..66 => self.end(),
            66..76 => self.script(),
            76..84 => self.disturb_stream(),
            84..89 => self.disturb_queries(),
            89..92 if self.strangers => self.venue().with(|state| {
                if !state
                    .orders
                    .iter()
                    .any(|order| order.index == 0 && order.is_open())
                {
                    a_human_places(state);
                }
            }),
            92..95 => self.set_trading().await,
            95..97 => {
                let mesh = self.mesh.take().unwrap();
                self.mesh = Some(mesh.crash_unready().await);
            }
            _ => {}
        }
    }

    fn send(&mut self, index: i64, request: pb::PlaceOrderRequest) {
        let request = with_index(index, request);
        self.placed.insert(index, request.clone());
        let mut client = self.mesh().client();
        tokio::spawn(async move {
            let _ = client.place_order(request).await;
        });
    }

    fn place(&mut self) {
        let lots = self.rng.random_range(1..60);
        let text = quantity(lots);
        let request = match self.rng.random_range(0..6) {
            0 => market(common::Side::Buy, &text),
            1 => market(common::Side::Sell, &text),
            2 => pb::PlaceOrderRequest {
                reduce_only: true,
                ..sell(&text, "100")
            },
            3 | 4 => buy(&text, "100"),
            _ => sell(&text, "100"),
        };
        let index = self.next_index;
        self.next_index += 1;
        self.send(index, request);
    }

    fn place_parent(&mut self) {
        let mut request = tracking(&quantity(self.rng.random_range(5..40)), 1);
        let seconds = self.rng.random_range(3..20);
        let timeout = Some(prost_types::Duration { seconds, nanos: 0 });
        request.tracking_limit.as_mut().unwrap().timeout = timeout;
        if self.rng.random_bool(0.5) {
            request.side = common::Side::Sell.into();
        }
        // Children take the indices after the highest: callers' own must not be in their way.
        let index = self.next_index;
        self.next_index += 200;
        self.send(index, request);
    }

    fn repeat(&mut self) {
        let count = self.placed.len().max(1);
        let at = self.rng.random_range(0..count);
        if let Some((index, request)) = self.placed.iter().nth(at) {
            let (index, request) = (*index, request.clone());
            self.send(index, request);
        }
    }

    fn cancel(&mut self) {
        let index = self.rng.random_range(1..self.next_index.max(2));
        let mut client = self.mesh().client();
        tokio::spawn(async move {
            let request = pb::CancelOrderRequest {
                account: "main".into(),
                client_order_index: index,
            };
            let _ = client.cancel_order(request).await;
        });
    }

    fn trade(&mut self) {
        let (draw, share) = (
            self.rng.random::<u32>() as usize,
            self.rng.random_range(1..=10),
        );
        let strangers = self.strangers;
        self.venue().with(|state| {
            let open: Vec<usize> = (0..state.orders.len())
                .filter(|at| state.orders[*at].is_open())
                .collect();
            if !open.is_empty() {
                let at = open[draw % open.len()];
                let rest = state.orders[at].lots - state.orders[at].filled;
                state.fill_at(at, (rest * share / 10).max(1));
            } else if strangers && !state.orders.is_empty() {
                let at = draw % state.orders.len();
                let cancelled = state.orders[at].status == wire::ReportedStatus::Cancelled;
                if cancelled && state.orders[at].filled < state.orders[at].lots {
                    state.fill_at(at, 1);
                }
            }
        });
    }

    fn end(&mut self) {
        let draw = self.rng.random::<u32>() as usize;
        self.venue().with(|state| {
            let open: Vec<i64> = state
                .orders
                .iter()
                .filter(|order| order.is_open() && order.index > 0)
                .map(|order| order.index)
                .collect();
            if !open.is_empty() {
                state.end(open[draw % open.len()], wire::ReportedStatus::Expired);
            }
        });
    }

    fn script(&mut self) {
        let slow = Duration::from_millis(self.rng.random_range(1..3_000));
        let submit = [
            OnSubmit::LoseReply,
            OnSubmit::LoseRequest,
            OnSubmit::AcceptLater(slow),
            OnSubmit::Break,
            OnSubmit::Slow(slow),
            OnSubmit::Reject("-2010"),
            OnSubmit::Duplicate,
            OnSubmit::NotSent("BREAKER_OPEN"),
            OnSubmit::Fill,
        ];
        let cancel = [
            OnCancel::AcceptQuietly,
            OnCancel::NotFound,
            OnCancel::LoseReply,
            OnCancel::LoseRequest,
            OnCancel::Reject,
            OnCancel::Slow(slow),
        ];
        let submit = submit[self.rng.random_range(0..submit.len())].clone();
        let cancel = cancel[self.rng.random_range(0..cancel.len())].clone();
        self.venue().on_submit([submit]);
        self.venue().on_cancel([cancel]);
    }

    fn disturb_stream(&mut self) {
        let venue = self.venue();
        match self.rng.random_range(0..5) {
            0 => venue.drop_streams(),
            1 => venue.with(|state| state.silent = true),
            2 => {
                let rng = &mut self.rng;
                venue.speak(|events| {
                    let twice = events.clone();
                    events.extend(twice);
                    events.shuffle(rng);
                });
            }
            // What was kept back is lost for good.
            3 => venue.with(|state| {
                state.silent = false;
                state.kept_back.clear();
            }),
            _ => {
                let live = venue.with(|state| state.live);
                venue.with(|state| state.set_live(!live));
            }
        }
    }

    fn disturb_queries(&mut self) {
        let count = self.rng.random_range(0..4);
        match self.rng.random_range(0..4) {
            0 => self.venue().with(|state| state.blind_queries = count),
            1 => self.venue().with(|state| state.failing_queries = count),
            2 => self.venue().with(|state| state.down = !state.down),
            _ => self
                .venue()
                .with(|state| state.no_fill_events = !state.no_fill_events),
        }
    }

    async fn set_trading(&mut self) {
        let states = [pb::TradingState::Active, pb::TradingState::Reducing];
        let state = states[self.rng.random_range(0..states.len())];
        self.mesh().set_trading(state).await;
    }

    /// Ends the faults, whatever they have done.
    fn calm(&self) {
        let venue = self.venue();
        venue.with(|state| {
            state.on_submit.clear();
            state.on_cancel.clear();
            state.silent = false;
            state.kept_back.clear();
            state.no_fill_events = false;
            (state.blind_queries, state.failing_queries, state.down) = (0, 0, false);
            state.set_live(true);
        });
        venue.drop_streams();
    }

    async fn heal(&mut self) {
        self.calm();
        self.mesh().set_trading(pb::TradingState::Active).await;
        // Parents end by their own time; a submission in doubt within its window.
        tokio::time::sleep(Duration::from_secs(45)).await;
        self.mesh().ready().await;
        self.until_nothing_is_in_doubt().await;
    }

    async fn until_nothing_is_in_doubt(&self) {
        self.mesh()
            .until("nothing is in doubt", async |mesh: &Mesh| {
                let request = pb::ListOrdersRequest {
                    states: [S::Submitting, S::Unknown, S::PendingCancel]
                        .map(i32::from)
                        .to_vec(),
                    ..Default::default()
                };
                mesh.client()
                    .list_orders(request)
                    .await
                    .unwrap()
                    .into_inner()
                    .orders
                    .is_empty()
            })
            .await;
    }
}

/// The answer to a kill is true whatever goes on, nothing is sent after it, and once the faults are
/// over nothing of ours is open, a crash in between or not.
#[tokio::test(start_paused = true)]
async fn f027_f060_f135_whatever_goes_on_a_kill_tells_the_truth_and_leaves_nothing_open() {
    for seed in seeds() {
        let mut storm = Storm::begin(2_000_000 + seed, true).await;
        storm.rage().await;
        let (venue, halted) = (storm.venue(), pb::TradingState::Halted);
        let set = storm.mesh().set_trading(halted).await;
        let sent = venue.with(|state| state.submits.len());
        let proven = !set.none_open || venue.with(ours_open).is_empty();
        assert!(proven, "seed {seed}: {set:?}");
        if seed % 2 == 1 {
            let mesh = storm.mesh.take().unwrap();
            storm.mesh = Some(mesh.crash_unready().await);
        }
        storm.calm();
        storm.mesh().ready().await;
        storm.until_nothing_is_in_doubt().await;
        let again = storm.mesh().set_trading(halted).await;
        assert!(again.settled && again.none_open, "seed {seed}: {again:?}");
        let (left, sent_after) = venue.with(|state| (ours_open(state), state.submits.len()));
        assert!(left.is_empty(), "seed {seed}: {left:?}");
        assert_eq!(sent_after, sent, "seed {seed}");
    }
}

fn ours_open(state: &mut State) -> Vec<i64> {
    let open = state.orders.iter().filter(|order| order.is_open());
    let ours = open.map(|order| order.index).filter(|index| *index > 0);
    ours.collect()
}

/// Weathers one seed: rages, heals and audits.
async fn weather(seed: u64, strangers: bool) {
    let mut storm = Storm::begin(seed, strangers).await;
    storm.rage().await;
    storm.heal().await;
    storm.audit().await;
}

/// A seed that once failed, kept by name whatever seeds the others draw; so are the next.
#[tokio::test(start_paused = true)]
async fn storm_seed_6_is_weathered() {
    weather(6, true).await;
}

/// An order that was in doubt and filled by fill events alone kept no venue order id.
#[tokio::test(start_paused = true)]
async fn storm_seed_1001877_is_weathered() {
    weather(1_001_877, false).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_the_orders_come_to_be_what_the_venue_says() {
    for seed in seeds() {
        weather(seed, true).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_exposure_at_its_worst_stays_within_the_limit() {
    for seed in seeds() {
        weather(1_000_000 + seed, false).await;
    }
}
