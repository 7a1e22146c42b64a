//! REST reads of a ticker, under load that does not wait.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use chimera_egress::{HttpClient as _, HttpLimits, HttpRequest, ReqwestClient, tls};
use serde_json::{Map, Value, json};
use tokio::{sync::Semaphore, task::JoinSet};
use url::Url;

use super::{
    READY_WITHIN,
    error::BenchError,
    measure::{Latencies, Usage},
    pace::Schedule,
    peer::Peer,
    table::{Report, fields, rounded},
    venue::{BenchVenue, SYMBOL, VENUE},
};
use crate::child::Launch;

const COLUMNS: [&str; 11] = [
    "load",
    "side",
    "read_per_s",
    "failed",
    "p50_us",
    "p95_us",
    "p99_us",
    "max_us",
    "cores",
    "rss_mb",
    "first_failure",
];
/// Reads before any is counted; the first one also subscribes to the ticker.
const WARM_UP: u64 = 500;
/// How long an answer may take before it counts as failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Connections that one caller keeps; a side that is overrun is not also asked for thousands of them.
const CONNECTIONS_MAX: usize = 256;
/// The largest answer read: one ticker is below a kilobyte.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What to measure.
#[derive(Clone, Debug)]
pub struct RestPlan {
    /// Reads due a second, one load each.
    pub rates: Vec<u32>,
    /// How long each load lasts.
    pub seconds: u32,
    /// What else answers the same question in the same run.
    pub peers: Vec<Peer>,
}

/// Reads a ticker by REST.
#[derive(Clone)]
pub(super) struct Reader {
    side: String,
    http: Arc<ReqwestClient>,
    url: Url,
}

#[derive(Default)]
struct Outcome {
    latencies: Latencies,
    failed: u64,
    first_failure: Option<String>,
    span: Duration,
}

/// Measures.
///
/// # Errors
/// Where venue or mesh do not run, or a read of the warm-up fails.
pub async fn run(plan: &RestPlan, folder: &Path) -> Result<Report, BenchError> {
    if plan.seconds == 0 || plan.rates.is_empty() || plan.rates.contains(&0) {
        let wanted = "seconds and rates are above zero";
        return Err(BenchError::Plan(wanted.to_owned()));
    }
    for peer in &plan.peers {
        peer.speaks(&["http"])?;
    }
    let mut report = Report::begin("rest", &COLUMNS);
    let venue = BenchVenue::start().await?;
    let configuration = venue.configuration("os")?;
    let mesh = Launch::prepare(folder, &configuration)?.start().await?;
    mesh.ready(READY_WITHIN).await?;
    let ours = format!("{}/v1/tickers?venue={VENUE}&symbols={SYMBOL}", mesh.url);
    let mut readers = vec![Reader::new("mesh", &ours)?];
    for peer in &plan.peers {
        readers.push(Reader::new(&peer.name, peer.url.as_str())?);
    }
    for reader in &readers {
        for _ in 0..WARM_UP {
            reader.read().await?;
        }
    }
    for rate in &plan.rates {
        for (at, reader) in readers.iter().enumerate() {
            let before = Usage::of(mesh.id);
            let outcome = fire(reader, *rate, u64::from(*rate) * u64::from(plan.seconds)).await;
            let mut row = outcome.row(&format!("{rate}/s"), &reader.side);
            if at == 0 {
                let after = Usage::of(mesh.id);
                let cores = (after.cpu_s - before.cpu_s) / outcome.span.as_secs_f64();
                row.extend(fields(json!({
                    "cores": rounded(cores), "rss_mb": rounded(after.rss_mb),
                })));
                report.headline(outcome.headline(*rate));
            }
            report.row(row);
        }
    }
    report.note(
        "From when a read was due to its last byte, over kept HTTP/1.1 connections; each answer's \
         status and symbol are checked. The figures on top are the mesh's under the last load; \
         memory and processor are the mesh's own.",
    );
    mesh.kill().await?;
    venue.shutdown().await;
    Ok(report)
}

/// Reads when each read is due, whatever became of those before, and waits for all answers.
async fn fire(reader: &Reader, rate: u32, count: u64) -> Outcome {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let begun = Instant::now();
    let mut shots = Schedule::soon(rate).shots(count);
    let mut under_way = JoinSet::new();
    while let Some(shot) = shots.recv().await {
        let (reader, connections) = (reader.clone(), connections.clone());
        under_way.spawn(async move {
            // Never closed; waiting for a connection counts, as it does for a caller.
            let _connection = connections.acquire().await;
            let read = reader.read().await;
            (shot.due.elapsed(), read)
        });
    }
    let mut outcome = Outcome::default();
    for (took, read) in under_way.join_all().await {
        match read {
            Ok(()) => outcome.latencies.record(took),
            Err(error) => {
                outcome.failed += 1;
                outcome
                    .first_failure
                    .get_or_insert_with(|| error.to_string());
            }
        }
    }
    outcome.span = begun.elapsed();
    outcome
}

impl Outcome {
    fn headline(&self, rate: u32) -> Value {
        let percentiles = self.latencies.percentiles();
        json!({
            "rate_per_s": rate,
            "p50_us": rounded(percentiles.p50_us),
            "p95_us": rounded(percentiles.p95_us),
            "p99_us": rounded(percentiles.p99_us),
        })
    }

    fn row(&self, load: &str, side: &str) -> Map<String, Value> {
        let percentiles = self.latencies.percentiles();
        let span = self.span.as_secs_f64().max(f64::MIN_POSITIVE);
        fields(json!({
            "load": load,
            "side": side,
            "read_per_s": rounded(self.latencies.count() as f64 / span),
            "failed": self.failed,
            "p50_us": rounded(percentiles.p50_us),
            "p95_us": rounded(percentiles.p95_us),
            "p99_us": rounded(percentiles.p99_us),
            "max_us": rounded(percentiles.max_us),
            "first_failure": self.first_failure,
        }))
    }
}

impl Reader {
    pub(super) fn new(side: &str, url: &str) -> Result<Self, BenchError> {
        let words = |error: &dyn std::error::Error| BenchError::Plan(error.to_string());
        let tls = tls::client_config(None).map_err(|error| words(&error))?;
        Ok(Self {
            side: side.to_owned(),
            http: Arc::new(ReqwestClient::new(&tls).map_err(|error| words(&error))?),
            url: url
                .parse()
                .map_err(|error: url::ParseError| words(&error))?,
        })
    }

    /// Reads the ticker once and checks that the answer is one.
    pub(super) async fn read(&self) -> Result<(), BenchError> {
        let request = HttpRequest::new(http::Method::GET, self.url.clone());
        let limits = HttpLimits {
            deadline: tokio::time::Instant::now() + ANSWER_WITHIN,
            max_body_bytes: ANSWER_BYTES_MAX,
        };
        let response = self.http.send(request, limits).await;
        let response = response.map_err(|error| BenchError::Mesh(error.to_string()))?;
        let symbol = SYMBOL.as_bytes();
        let named = response
            .body
            .windows(symbol.len())
            .any(|part| part == symbol);
        if response.status.is_success() && named {
            return Ok(());
        }
        let words = format!(
            "{} answers {}, the symbol in it: {named}",
            self.side, response.status
        );
        Err(BenchError::Mesh(words))
    }
}
