//! Everything at once, by seed: doubt, losses, disorder, strangers, crashes. Then the faults heal,
//! and what this mesh holds is compared with the venue's own ledger.

use std::collections::{BTreeMap, BTreeSet};
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
use super::venue::{OnCancel, OnSubmit, Venue, quantity};
use crate::Config;

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

    async fn heal(&mut self) {
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
        self.mesh().set_trading(pb::TradingState::Active).await;
        // Parents end by their own time; a submission in doubt within its window.
        tokio::time::sleep(Duration::from_secs(45)).await;
        self.mesh().ready().await;
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

    async fn audit(&mut self) {
        let seed = self.seed;
        let venue = self.venue();
        let differences = self.mesh().reconcile(true).await;
        if !differences.is_empty() {
            for fill in venue.with(|state| state.fills.clone()) {
                println!(
                    "VENUE {} {} {} {:?} {}",
                    fill.trade_id,
                    fill.venue_order_id,
                    fill.client_order_index,
                    fill.side(),
                    fill.quantity
                );
            }
            for fill in self.mesh().fills().await {
                println!(
                    "MESH {} {} {} {:?} {} inferred {} late {}",
                    fill.trade_id,
                    fill.venue_order_id,
                    fill.client_order_index,
                    fill.side(),
                    fill.quantity,
                    fill.inferred,
                    fill.late
                );
            }
            for record in self.mesh().store.records() {
                if record.key == "o/main/220" {
                    println!(
                        "REC {} {}",
                        record.kind,
                        String::from_utf8_lossy(&record.payload)
                    );
                }
                if record.kind == 8 {
                    println!("ADJ {}", String::from_utf8_lossy(&record.payload));
                }
            }
        }
        assert_eq!(differences, [], "seed {seed}");
        let orders = venue.with(|state| state.orders.clone());
        let mut seen = BTreeSet::new();
        for order in orders.iter().filter(|order| order.index > 0) {
            assert!(
                seen.insert(order.index),
                "seed {seed}: two venue orders {}",
                order.index
            );
            let ours = self.mesh().get(order.index).await;
            let name = format!("seed {seed} order {}", order.index);
            assert_eq!(ours.filled_quantity, quantity(order.filled), "{name}");
            // What is all filled counts as filled, though the venue cancelled it before the last of
            // it.
            let all_filled = ours.state() == S::Filled && order.filled >= order.lots;
            assert!(
                all_filled || ours.state() == state_of(order),
                "{name}: {ours:?}"
            );
            assert_eq!(ours.venue_order_id, order.id, "{name}");
        }
        for index in self.placed.keys().filter(|index| !seen.contains(index)) {
            let request = pb::GetOrderRequest {
                account: "main".into(),
                client_order_index: *index,
            };
            if let Ok(order) = self.mesh().client().get_order(request).await {
                let order = order.into_inner().order.unwrap();
                let parent = order.tracking_progress.is_some();
                let absent = [S::Denied, S::Rejected].contains(&order.state());
                assert!(
                    parent || absent,
                    "seed {seed}: {order:?} is not at the venue"
                );
            }
        }
        self.audit_fills().await;
        self.audit_parents().await;
        if !self.strangers {
            // The best ask is 100.01, the best bid 99.99; a lot is a tenth of a unit.
            let worst = venue.with(|state| state.worst_lots);
            assert!(
                worst * 9_999 <= EXPOSURE_MAX * 1_000,
                "seed {seed}: {worst} lots"
            );
        }
        self.audit_replay().await;
    }

    /// Every trade of the venue is booked once, and nothing else is.
    async fn audit_fills(&self) {
        let mut booked: BTreeMap<(String, String), String> = BTreeMap::new();
        let mut request = pb::ListFillsRequest {
            page_size: 1_000,
            ..Default::default()
        };
        loop {
            let page = self
                .mesh()
                .client()
                .list_fills(request.clone())
                .await
                .unwrap()
                .into_inner();
            for fill in page.fills {
                let key = (fill.venue_order_id, fill.trade_id);
                let again = booked.insert(key, fill.quantity).is_some();
                assert!(
                    !again || fill.inferred,
                    "seed {}: a fill is booked twice",
                    self.seed
                );
            }
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        booked.retain(|_, quantity| quantity != "0");
        let true_fills = self.venue().with(|state| state.fills.clone());
        let truth: BTreeMap<(String, String), String> = true_fills
            .into_iter()
            .map(|fill| ((fill.venue_order_id, fill.trade_id), fill.quantity))
            .collect();
        assert_eq!(booked, truth, "seed {}", self.seed);
    }

    async fn audit_parents(&self) {
        let orders = self.venue().with(|state| state.orders.clone());
        for (index, request) in &self.placed {
            if request.tracking_limit.is_none() {
                continue;
            }
            let request = pb::GetOrderRequest {
                account: "main".into(),
                client_order_index: *index,
            };
            let Ok(parent) = self.mesh().client().get_order(request).await else {
                continue;
            };
            let parent = parent.into_inner().order.unwrap();
            let Some(progress) = parent.tracking_progress.clone() else {
                continue;
            };
            let name = format!("seed {} parent {index}: {parent:?}", self.seed);
            assert!(state_is_final(parent.state()), "{name}");
            let children: BTreeSet<i64> = progress
                .children
                .iter()
                .map(|child| child.client_order_index)
                .collect();
            let mine = orders
                .iter()
                .filter(|order| children.contains(&order.index));
            let filled: i64 = mine.clone().map(|order| order.filled).sum();
            assert_eq!(parent.filled_quantity, quantity(filled), "{name}");
            assert!(mine.clone().all(|order| !order.is_open()), "{name}");
        }
    }

    /// A restart makes the same of the journal.
    async fn audit_replay(&mut self) {
        async fn all(mesh: &Mesh) -> Vec<pb::Order> {
            let request = pb::ListOrdersRequest {
                page_size: 1_000,
                ..Default::default()
            };
            mesh.client()
                .list_orders(request)
                .await
                .unwrap()
                .into_inner()
                .orders
        }
        let before = all(self.mesh()).await;
        let mesh = self.mesh.take().unwrap().crash().await;
        let after = all(&mesh).await;
        let known: BTreeMap<_, _> = before
            .iter()
            .map(|order| {
                (
                    (order.client_order_index, order.venue_order_id.clone()),
                    order,
                )
            })
            .collect();
        for order in &after {
            let name = (order.client_order_index, order.venue_order_id.clone());
            if let Some(before) = known.get(&name) {
                assert_eq!(*before, order, "seed {}", self.seed);
            }
        }
        self.mesh = Some(mesh);
    }
}

fn state_of(order: &super::venue::VenueOrder) -> S {
    match order.status {
        wire::ReportedStatus::New => S::Open,
        wire::ReportedStatus::PartiallyFilled => S::PartiallyFilled,
        wire::ReportedStatus::Filled => S::Filled,
        wire::ReportedStatus::Cancelled => S::Cancelled,
        wire::ReportedStatus::Expired => S::Expired,
        _ => S::Rejected,
    }
}

fn state_is_final(state: S) -> bool {
    [S::Denied, S::Filled, S::Cancelled, S::Rejected, S::Expired].contains(&state)
}

/// A seed that once failed, kept by name whatever seeds the others draw.
#[tokio::test(start_paused = true)]
async fn storm_seed_6_is_weathered() {
    let mut storm = Storm::begin(6, true).await;
    storm.rage().await;
    storm.heal().await;
    storm.audit().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_the_orders_come_to_be_what_the_venue_says() {
    for seed in seeds() {
        let mut storm = Storm::begin(seed, true).await;
        storm.rage().await;
        storm.heal().await;
        storm.audit().await;
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_exposure_at_its_worst_stays_within_the_limit() {
    for seed in seeds() {
        let mut storm = Storm::begin(1_000_000 + seed, false).await;
        storm.rage().await;
        storm.heal().await;
        storm.audit().await;
    }
}
