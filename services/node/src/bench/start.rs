//! How long a mesh takes from its start to its readiness, and what it takes when idle.

use std::{path::Path, time::Duration};

use serde_json::json;

use super::{
    READY_WITHIN,
    error::BenchError,
    measure::{Latencies, Usage},
    table::{Report, fields, rounded},
    venue::BenchVenue,
};
use crate::child::Launch;

const COLUMNS: [&str; 6] = [
    "mesh",
    "starts",
    "ready_p50_ms",
    "ready_max_ms",
    "idle_mb",
    "idle_cores",
];

/// What to measure.
#[derive(Clone, Debug)]
pub struct StartPlan {
    /// Starts, each with an empty folder.
    pub rounds: u32,
    /// How long a mesh idles before its memory is read.
    pub idle: Duration,
}

/// What the starts of one kind of mesh took.
#[derive(Default)]
struct Outcome {
    ready: Latencies,
    idle_mb: f64,
    idle_cores: f64,
}

/// Measures.
///
/// # Errors
/// Where venue or mesh do not run.
pub async fn run(plan: &StartPlan, folder: &Path) -> Result<Report, BenchError> {
    if plan.rounds == 0 || plan.idle.is_zero() {
        let wanted = "rounds and idle time are above zero";
        return Err(BenchError::Plan(wanted.to_owned()));
    }
    let mut report = Report::begin("start", &COLUMNS);
    let venue = BenchVenue::start().await?;
    let outside = venue.configuration("full")?;
    // Without a venue the mesh simulates one itself.
    let kinds = [
        ("venue outside", outside.as_str()),
        ("venue simulated inside", "{}"),
    ];
    let mut outcomes = [Outcome::default(), Outcome::default()];
    for round in 0..plan.rounds {
        for (kind, ((_, configuration), outcome)) in kinds.iter().zip(&mut outcomes).enumerate() {
            let launch = Launch::prepare(&folder.join(format!("{kind}-{round}")), configuration)?;
            let mesh = launch.start().await?;
            outcome.ready.record(mesh.ready(READY_WITHIN).await?);
            let before = Usage::of(mesh.id);
            tokio::time::sleep(plan.idle).await;
            let after = Usage::of(mesh.id);
            outcome.idle_mb = outcome.idle_mb.max(after.rss_mb);
            let cores = (after.cpu_s - before.cpu_s) / plan.idle.as_secs_f64();
            outcome.idle_cores = outcome.idle_cores.max(cores);
            mesh.kill().await?;
        }
    }
    for ((name, _), outcome) in kinds.iter().zip(&outcomes) {
        report.row(outcome.row(name));
    }
    let [outside, _] = &outcomes;
    report.headline(json!({
        "ready_p50_ms": rounded(outside.ready.share_us(0.5) / 1e3),
        "idle_mb": rounded(outside.idle_mb),
    }));
    report.note(
        "ready: from the start of the process to its word that it is ready, with an empty folder. \
         Memory and processor when idle are the worst of all rounds.",
    );
    venue.shutdown().await;
    Ok(report)
}

impl Outcome {
    fn row(&self, name: &str) -> serde_json::Map<String, serde_json::Value> {
        let ready = self.ready.percentiles();
        fields(json!({
            "mesh": name,
            "starts": self.ready.count(),
            "ready_p50_ms": rounded(ready.p50_us / 1e3),
            "ready_max_ms": rounded(ready.max_us / 1e3),
            "idle_mb": rounded(self.idle_mb),
            "idle_cores": rounded(self.idle_cores),
        }))
    }
}
