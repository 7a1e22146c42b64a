//! What the mesh adds to an order: client → venue's answer → client through the gateway, against one
//! bare signed call to the same venue; and how it stands under load that does not wait.

mod peer;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use chimera_contracts::{
    common::v1::{OrderType, Side, TimeInForce},
    order::v1::{OrderState, PlaceOrderRequest, order_service_client::OrderServiceClient},
};
use chimera_model::Decimal;
use chimera_runtime::Channel;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use super::{
    READY_WITHIN,
    error::BenchError,
    measure::{Latencies, Usage},
    pace::Schedule,
    table::{Report, fields, rounded},
    venue::{
        BARE_FIRST_INDEX, Bare, BenchVenue, MESH_ACCOUNT, PEER_FIRST_INDEX, QUANTITY, SYMBOL, VENUE,
    },
};
use crate::child::{Launch, MeshProcess};
use peer::RunningPeer;
pub use peer::{OrdersPeer, OrdersPeerError};

const COLUMNS: [&str; 12] = [
    "load",
    "side",
    "placed_per_s",
    "failed",
    "p50_us",
    "p95_us",
    "p99_us",
    "max_us",
    "own_p50_us",
    "own_p95_us",
    "own_p99_us",
    "first_failure",
];
/// Pairs placed before any is counted: connections, caches and the allocator are warm then.
const WARM_UP: u64 = 300;
/// How long an order may take before it counts as failed: longer than any percentile of interest,
/// short enough that a stalled run ends.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Each rate is run so often on each side, in turn, so that a disturbance of the machine meets both.
const TURNS: u32 = 2;
/// The rate at which the house's own overhead is stated.
const OWN_RATE: u32 = 1_000;

/// What to measure.
#[derive(Clone, Debug)]
pub struct OrdersPlan {
    /// Pairs placed one after the other, mesh and bare in turn.
    pub pairs: u64,
    /// Orders due a second, one load each.
    pub rates: Vec<u32>,
    /// How long each side is loaded at each rate.
    pub seconds: u32,
    /// `os` or `full`.
    pub durability: String,
    /// Another client that places in turn with both.
    pub peer: Option<OrdersPeer>,
}

/// The ways to place an order; each side's numbers are its own.
#[derive(Clone)]
enum Way {
    Mesh(OrderServiceClient<Channel>),
    Bare(Bare),
}

/// One order that was placed.
struct Placed {
    index: i64,
    due: Instant,
    took: Duration,
    failure: Option<String>,
}

/// What one side did under one load.
#[derive(Default)]
struct Outcome {
    whole: Latencies,
    own: Latencies,
    failed: u64,
    first_failure: Option<String>,
    span: Duration,
}

/// The running processes, and the numbers given out so far.
struct Desk {
    mesh: MeshProcess,
    venue: BenchVenue,
    client: OrderServiceClient<Channel>,
    peer: Option<RunningPeer>,
    given: i64,
}

/// What the sides did in turn.
struct InTurn {
    mesh: Outcome,
    bare: Outcome,
    peer: Option<Outcome>,
}

/// Measures.
///
/// # Errors
/// Where venue or mesh do not run, or an order of the warm-up fails.
pub async fn run(plan: &OrdersPlan, folder: &Path) -> Result<Report, BenchError> {
    if plan.pairs == 0 || plan.seconds == 0 || plan.rates.contains(&0) {
        let wanted = "pairs, seconds and rates are above zero";
        return Err(BenchError::Plan(wanted.to_owned()));
    }
    let mut report = Report::begin("orders", &COLUMNS);
    let mut desk = Desk::open(plan, folder).await?;
    desk.in_turn(WARM_UP).await?.sound()?;
    let in_turn = desk.in_turn(plan.pairs).await?;
    in_turn.tell(&mut report, desk.peer.as_ref());
    report.headline(json!({ "durability": plan.durability }));
    let mut own = (None, in_turn.mesh.own);
    for rate in &plan.rates {
        let (mesh, bare) = desk.at_rate(*rate, plan.seconds).await?;
        let load = format!("{rate}/s");
        report.row(mesh.row(&load, "mesh"));
        report.row(bare.row(&load, "bare"));
        if *rate == OWN_RATE {
            own = (Some(OWN_RATE), mesh.own);
        }
    }
    report.headline(json!({
        "own_p50_us": rounded(own.1.share_us(0.50)),
        "own_p99_us": rounded(own.1.share_us(0.99)),
        "own_rate_per_s": own.0,
        "rss_mb": rounded(Usage::of(desk.mesh.id).rss_mb),
    }));
    report.note(
        "in turn: one order at a time, the sides alternating; a rate does not wait for answers.\n\
         p50 to max: from when an order was due to its answer. own: from then to its first bytes at \n\
         the venue's socket, which for the bare side is what the load itself costs.",
    );
    desk.mesh.kill().await?;
    desk.venue.shutdown().await;
    Ok(report)
}

impl InTurn {
    /// Refuses sides on which an order failed.
    fn sound(self) -> Result<(), BenchError> {
        let sides = [
            ("mesh", Some(self.mesh)),
            ("bare", Some(self.bare)),
            ("peer", self.peer),
        ];
        for (side, outcome) in sides {
            if let Some(cause) = outcome.and_then(|outcome| outcome.first_failure) {
                let words = format!("an order of the warm-up failed ({side}): {cause}");
                return Err(BenchError::Mesh(words));
            }
        }
        Ok(())
    }

    fn tell(&self, report: &mut Report, peer: Option<&RunningPeer>) {
        let (mesh, bare) = (&self.mesh.whole, &self.bare.whole);
        report.row(self.mesh.row("in turn", "mesh"));
        report.row(self.bare.row("in turn", "bare"));
        report.headline(json!({
            "ratio_p50": rounded(ratio(mesh, bare, 0.50)),
            "ratio_p99": rounded(ratio(mesh, bare, 0.99)),
        }));
        if let (Some(peer), Some(outcome)) = (peer, &self.peer) {
            report.row(outcome.row("in turn", &peer.name));
            let more = |whole: &Latencies| whole.share_us(0.50) - bare.share_us(0.50);
            report.headline(json!({
                "peer": peer.name,
                "peer_ratio_p50": rounded(ratio(&outcome.whole, bare, 0.50)),
                "peer_overhead_to_ours_p50":
                    rounded(more(&outcome.whole) / more(mesh).max(f64::MIN_POSITIVE)),
            }));
        }
    }
}

fn ratio(ours: &Latencies, theirs: &Latencies, share: f64) -> f64 {
    ours.share_us(share) / theirs.share_us(share).max(f64::MIN_POSITIVE)
}

impl Desk {
    async fn open(plan: &OrdersPlan, folder: &Path) -> Result<Self, BenchError> {
        let venue = BenchVenue::start().await?;
        let configuration = venue.configuration(&plan.durability)?;
        let mesh = Launch::prepare(folder, &configuration)?.start().await?;
        mesh.ready(READY_WITHIN).await?;
        let peer = match &plan.peer {
            Some(peer) => Some(RunningPeer::start(peer, &venue.door()?).await?),
            None => None,
        };
        Ok(Self {
            peer,
            client: OrderServiceClient::new(mesh.channel()?),
            mesh,
            venue,
            given: 0,
        })
    }

    fn ways(&self) -> [Way; 2] {
        [
            Way::Mesh(self.client.clone()),
            Way::Bare(self.venue.bare.clone()),
        ]
    }

    /// Returns the first of so many indices that nobody was given before.
    fn indices(&mut self, count: u64) -> i64 {
        let first = self.given + 1;
        self.given += i64::try_from(count).unwrap_or(i64::MAX);
        first
    }

    /// Places one order at a time: mesh, bare, peer, mesh, bare, peer.
    async fn in_turn(&mut self, pairs: u64) -> Result<InTurn, BenchError> {
        let price = self.venue.bare.price().await?;
        let first = self.indices(pairs);
        let [mesh, bare] = self.ways();
        let (mut by_mesh, mut by_bare) = (Vec::new(), Vec::new());
        let mut of_peer = self.peer.is_some().then(Outcome::default);
        self.venue.take_arrivals();
        for index in (first..).take(usize::try_from(pairs).unwrap_or(usize::MAX)) {
            by_mesh.push(mesh.clone().place(index, price, Instant::now()).await);
            by_bare.push(bare.clone().place(index, price, Instant::now()).await);
            if let (Some(peer), Some(outcome)) = (&mut self.peer, &mut of_peer) {
                let id = self.venue.bare.client_id(PEER_FIRST_INDEX + index)?;
                let placed = peer.place(&id, &price.to_string()).await?;
                outcome.count_peer(placed);
            }
        }
        let (mut of_mesh, mut of_bare) = (Outcome::default(), Outcome::default());
        let arrivals = self.venue.take_arrivals();
        for (way, outcome, placed) in [
            (&mesh, &mut of_mesh, by_mesh),
            (&bare, &mut of_bare, by_bare),
        ] {
            outcome.span = placed.iter().map(|placed| placed.took).sum();
            for placed in placed {
                let id = self.venue.bare.client_id(way.index(placed.index))?;
                outcome.count(&placed, arrivals.get(&id).copied());
            }
        }
        Ok(InTurn {
            mesh: of_mesh,
            bare: of_bare,
            peer: of_peer,
        })
    }

    /// Places orders as they become due, whatever became of those before: mesh, bare, mesh, bare.
    async fn at_rate(&mut self, rate: u32, seconds: u32) -> Result<(Outcome, Outcome), BenchError> {
        let count = u64::from(rate) * u64::from(seconds) / u64::from(TURNS);
        let mut outcomes = [Outcome::default(), Outcome::default()];
        for _ in 0..TURNS {
            let first = self.indices(count);
            for (way, outcome) in self.ways().into_iter().zip(&mut outcomes) {
                let price = self.venue.bare.price().await?;
                self.venue.take_arrivals();
                let begun = Instant::now();
                let placed = fire(&way, rate, count, first, price).await;
                outcome.span += begun.elapsed();
                let arrivals = self.venue.take_arrivals();
                for placed in placed {
                    let id = self.venue.bare.client_id(way.index(placed.index))?;
                    outcome.count(&placed, arrivals.get(&id).copied());
                }
            }
        }
        Ok(outcomes.into())
    }
}

/// Places `count` orders, each when it is due, and waits for all their answers.
async fn fire(way: &Way, rate: u32, count: u64, first: i64, price: Decimal) -> Vec<Placed> {
    let mut shots = Schedule::soon(rate).shots(count);
    let mut under_way = JoinSet::new();
    while let Some(shot) = shots.recv().await {
        let index = first.saturating_add_unsigned(shot.number);
        under_way.spawn(way.clone().place(index, price, shot.due));
    }
    under_way.join_all().await
}

impl Way {
    /// Returns the index that this side uses for the pair of an index.
    fn index(&self, index: i64) -> i64 {
        match self {
            Self::Mesh(_) => index,
            Self::Bare(_) => BARE_FIRST_INDEX + index,
        }
    }

    /// Places one order; its time counts from when it was due.
    async fn place(self, index: i64, price: Decimal, due: Instant) -> Placed {
        let own = self.index(index);
        let placing = async {
            match self {
                Self::Mesh(client) => by_mesh(client, own, price).await,
                Self::Bare(bare) => bare.place(own, price).await,
            }
        };
        let failure = match tokio::time::timeout(ANSWER_WITHIN, placing).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {} s", ANSWER_WITHIN.as_secs())),
        };
        Placed {
            index,
            due,
            took: due.elapsed(),
            failure,
        }
    }
}

/// Places one order through the gateway and checks that the venue took it.
async fn by_mesh(
    mut client: OrderServiceClient<Channel>,
    index: i64,
    price: Decimal,
) -> Result<(), BenchError> {
    let quantity = Decimal::from_scaled(QUANTITY.0, QUANTITY.1);
    let quantity = quantity.map_err(|error| BenchError::Plan(error.to_string()))?;
    let request = PlaceOrderRequest {
        account: MESH_ACCOUNT.to_owned(),
        client_order_index: Some(index),
        venue: VENUE.to_owned(),
        symbol: SYMBOL.to_owned(),
        side: Side::Buy.into(),
        r#type: OrderType::Limit.into(),
        quantity: quantity.to_string(),
        price: price.to_string(),
        time_in_force: TimeInForce::Ioc.into(),
        ..PlaceOrderRequest::default()
    };
    let order = client.place_order(request).await?.into_inner().order;
    let state = order.map_or(OrderState::Unspecified, |order| order.state());
    // Taken, whether or not its end is known already.
    if matches!(state, OrderState::Open | OrderState::Expired) {
        return Ok(());
    }
    let words = format!("an order is {}", crate::desk::state_name(state));
    Err(BenchError::Mesh(words))
}

impl Outcome {
    fn count(&mut self, placed: &Placed, arrived: Option<Instant>) {
        if let Some(arrived) = arrived {
            self.own
                .record(arrived.saturating_duration_since(placed.due));
        }
        match &placed.failure {
            None => self.whole.record(placed.took),
            Some(cause) => {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| cause.clone());
            }
        }
    }

    fn count_peer(&mut self, placed: Result<Duration, String>) {
        match placed {
            Ok(took) => {
                self.span += took;
                self.whole.record(took);
            }
            Err(cause) => {
                self.failed += 1;
                self.first_failure.get_or_insert(cause);
            }
        }
    }

    fn row(&self, load: &str, side: &str) -> Map<String, Value> {
        let (whole, own) = (self.whole.percentiles(), self.own.percentiles());
        // A peer's orders are not timed at the socket.
        let own_us = |figure: f64| (self.own.count() > 0).then(|| rounded(figure));
        let span = self.span.as_secs_f64().max(f64::MIN_POSITIVE);
        fields(json!({
            "load": load,
            "side": side,
            "placed_per_s": rounded(self.whole.count() as f64 / span),
            "failed": self.failed,
            "p50_us": rounded(whole.p50_us),
            "p95_us": rounded(whole.p95_us),
            "p99_us": rounded(whole.p99_us),
            "max_us": rounded(whole.max_us),
            "own_p50_us": own_us(own.p50_us),
            "own_p95_us": own_us(own.p95_us),
            "own_p99_us": own_us(own.p99_us),
            "first_failure": self.first_failure,
        }))
    }
}
