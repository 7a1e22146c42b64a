//! Many readers: trades from a venue's socket through the mesh to its watch streams, each timed from
//! when it was due at the venue to when a reader has it.

mod readers;
mod side;

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    READY_WITHIN,
    error::BenchError,
    feed::{self, Feed},
    measure::{Latencies, Usage},
    pace::{Schedule, Shot},
    peer::Peer,
    table::{Report, fields, rounded},
};
use crate::child::Launch;
use readers::Readers;
use side::{Publisher, Side};

const COLUMNS: [&str; 10] = [
    "load",
    "side",
    "delivered_per_s",
    "lost",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "max_ms",
    "cores",
    "rss_mb",
];
/// What readers may still get after the last trade was due; what comes later counts as lost.
const GRACE: Duration = Duration::from_secs(10);
/// What a side that was overrun gets to come to rest, so that it does not disturb the next one: its
/// readers are gone by then, and what it still holds goes nowhere.
const REST: Duration = Duration::from_secs(5);

/// What to measure.
#[derive(Clone, Debug)]
pub struct FanPlan {
    /// Instruments that trade.
    pub topics: usize,
    /// Open streams, spread evenly over the instruments.
    pub readers: usize,
    /// Connections that the streams are spread over.
    pub connections: usize,
    /// Trades due a second over all instruments, one load each.
    pub rates: Vec<u32>,
    /// How long each load lasts.
    pub seconds: u32,
    /// What else does the same work in the same run.
    pub peers: Vec<Peer>,
}

/// One load, as its readers see it.
pub struct Run {
    topics: usize,
    first_id: u64,
    per_topic: u64,
    schedule: OnceLock<Schedule>,
}

/// What one side did under one load.
struct Outcome {
    latencies: Latencies,
    lost: u64,
    span: Duration,
    usage: Option<(Usage, Usage)>,
}

impl FanPlan {
    /// Returns how many trades of each instrument a load has.
    fn per_topic(&self, rate: u32) -> u64 {
        u64::from(rate) * u64::from(self.seconds) / self.topics.max(1) as u64
    }

    fn check(&self) -> Result<(), BenchError> {
        let plan = |words: &str| Err(BenchError::Plan(words.to_owned()));
        if self.topics == 0 || self.readers == 0 || !self.readers.is_multiple_of(self.topics) {
            return plan("readers are a multiple of the instruments, and above zero");
        }
        if self.connections == 0 || self.connections > self.readers {
            return plan("there are 1 to as many connections as readers");
        }
        if self.rates.is_empty() || self.rates.iter().any(|rate| self.per_topic(*rate) == 0) {
            return plan("a load has at least one trade of each instrument");
        }
        Ok(())
    }
}

impl Run {
    /// Returns the id of an instrument's last trade.
    fn last_id(&self) -> u64 {
        self.first_id + self.per_topic - 1
    }

    /// Returns when a trade was due; nothing before the load began.
    fn due(&self, topic: usize, id: u64) -> Option<Instant> {
        let number = (id - self.first_id) * self.topics as u64 + topic as u64;
        self.schedule.get().map(|schedule| schedule.due(number))
    }
}

/// Measures.
///
/// # Errors
/// Where the mesh does not run or refuses a stream, or a peer is not there.
pub async fn run(name: &'static str, plan: &FanPlan, folder: &Path) -> Result<Report, BenchError> {
    plan.check()?;
    for peer in &plan.peers {
        peer.speaks(&["nats", "ws"])?;
    }
    let mut report = Report::begin(name, &COLUMNS);
    let feed = Feed::start(plan.topics).await?;
    let mesh = Launch::prepare(folder, &feed.configuration())?
        .start()
        .await?;
    mesh.ready(READY_WITHIN).await?;
    let mesh = Box::new(mesh);
    let mut sides = vec![Side::Mesh { mesh, feed }];
    sides.extend(plan.peers.iter().cloned().map(Side::Peer));
    let mut first_id = 1;
    for (at, rate) in plan.rates.iter().enumerate() {
        for side in &sides {
            let run = Run {
                topics: plan.topics,
                first_id,
                per_topic: plan.per_topic(*rate),
                schedule: OnceLock::new(),
            };
            let outcome = load(side, plan, run, *rate).await?;
            if at == 0 && matches!(side, Side::Mesh { .. }) {
                report.headline(outcome.headline());
            }
            report.row(outcome.row(side.name(), *rate, plan));
            if outcome.lost > 0 {
                tokio::time::sleep(REST).await;
            }
        }
        first_id += plan.per_topic(*rate);
    }
    report.headline(json!({
        "readers": plan.readers, "topics": plan.topics, "connections": plan.connections,
    }));
    report.note(
        "From when a trade was due at the venue to when a reader has it: the venue's socket, parsing \
         and fan-out are in it. Lost: due and not with its reader 10 s after the end. The figures on \
         top are the mesh's under the first load. Memory and processor are the mesh's own; load, \
         venue and readers are in this process.",
    );
    if let Side::Mesh { mesh, .. } = sides.swap_remove(0) {
        mesh.kill().await?;
    }
    Ok(report)
}

/// Opens readers, publishes at a rate, and waits until everything arrived or is lost.
async fn load(side: &Side, plan: &FanPlan, run: Run, rate: u32) -> Result<Outcome, BenchError> {
    let run = Arc::new(run);
    let readers = Readers::open(side, plan, &run).await?;
    let mut publisher = Publisher::open(side, plan.topics).await?;
    let before = side.usage();
    let schedule = Schedule::soon(rate);
    // Set once, here: the run was made for this load.
    let _ = run.schedule.set(schedule);
    let count = run.per_topic * run.topics as u64;
    let end = schedule.due(count) + GRACE;
    let published = publish(&mut publisher, &run, schedule.shots(count));
    // A side that is overrun and holds its publisher back is cut short; what it did not take is lost.
    if let Ok(published) = tokio::time::timeout_at(end.into(), published).await {
        published?;
    }
    let seen = readers.finish(end).await;
    let usage = before.zip(side.usage());
    let expected = run.per_topic * (plan.readers as u64);
    let begun = schedule.due(0);
    Ok(Outcome {
        lost: expected.saturating_sub(seen.latencies.count()),
        span: seen.last.unwrap_or(begun).duration_since(begun),
        latencies: seen.latencies,
        usage,
    })
}

/// Publishes trades as they become due, one instrument after the other.
async fn publish(
    publisher: &mut Publisher,
    run: &Run,
    mut shots: UnboundedReceiver<Shot>,
) -> Result<(), BenchError> {
    let topics = run.topics as u64;
    while let Some(shot) = shots.recv().await {
        let topic = usize::try_from(shot.number % topics).unwrap_or_default();
        let id = run.first_id + shot.number / topics;
        let text = feed::trade(topic, id, feed::now_ms());
        publisher.send(topic, text, shots.is_empty()).await?;
    }
    Ok(())
}

impl Outcome {
    fn delivered_per_s(&self) -> f64 {
        let span = self.span.as_secs_f64().max(f64::MIN_POSITIVE);
        self.latencies.count() as f64 / span
    }

    fn headline(&self) -> Value {
        let percentiles = self.latencies.percentiles();
        json!({
            "delivered_per_s": rounded(self.delivered_per_s()),
            "lost": self.lost,
            "p50_ms": rounded(percentiles.p50_us / 1e3),
            "p95_ms": rounded(percentiles.p95_us / 1e3),
            "p99_ms": rounded(percentiles.p99_us / 1e3),
            "rss_mb": self.usage.map(|(_, after)| rounded(after.rss_mb)),
        })
    }

    fn row(&self, side: &str, rate: u32, plan: &FanPlan) -> Map<String, Value> {
        let each = plan.readers / plan.topics;
        let mut row = fields(json!({
            "load": format!("{rate}/s to {each} each"),
            "side": side,
        }));
        row.extend(fields(self.headline()));
        row.insert(
            "max_ms".to_owned(),
            json!(rounded(self.latencies.percentiles().max_us / 1e3)),
        );
        let span = self.span.as_secs_f64().max(f64::MIN_POSITIVE);
        let cores = self
            .usage
            .map(|(before, after)| rounded((after.cpu_s - before.cpu_s) / span));
        row.insert("cores".to_owned(), json!(cores));
        row
    }
}
