//! What the edge adds to a unary call: the same question to the same server, asked there and through
//! the gateway, which runs as a process of its own.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use chimera_contracts::market_data::v1::{
    ListTickersRequest, market_data_service_client::MarketDataServiceClient,
};
use chimera_runtime::Channel;
use serde_json::{Map, Value, json};

use super::{
    READY_WITHIN,
    error::BenchError,
    measure::{Latencies, Usage},
    rest::Reader,
    table::{Report, fields, rounded},
    venue::{BenchVenue, SYMBOL, VENUE},
};
use crate::child::{Launch, MeshProcess};

const COLUMNS: [&str; 8] = [
    "way",
    "calls",
    "p50_us",
    "p95_us",
    "p99_us",
    "max_us",
    "added_p50_us",
    "added_p99_us",
];
/// Rounds before any is counted: connections, caches and the allocator are warm then.
const WARM_UP: u64 = 500;
/// Before a server that is not ready yet is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What to measure.
#[derive(Clone, Debug)]
pub struct EdgePlan {
    /// Rounds: in each, one call on each way, one after the other.
    pub rounds: u64,
}

/// A way to the one server.
enum Way {
    Grpc(MarketDataServiceClient<Channel>),
    Rest(Reader),
}

impl Way {
    async fn ask(&mut self) -> Result<(), BenchError> {
        match self {
            Self::Rest(reader) => reader.read().await,
            Self::Grpc(client) => {
                let request = ListTickersRequest {
                    venue: VENUE.to_owned(),
                    symbols: vec![SYMBOL.to_owned()],
                };
                let answer = client.list_tickers(request).await?.into_inner();
                match answer.tickers.as_slice() {
                    [ticker] if ticker.symbol == SYMBOL => Ok(()),
                    other => Err(BenchError::Mesh(format!("{} tickers", other.len()))),
                }
            }
        }
    }
}

/// Measures.
///
/// # Errors
/// Where venue, mesh or gateway do not run, or a call fails.
pub async fn run(plan: &EdgePlan, folder: &Path) -> Result<Report, BenchError> {
    if plan.rounds == 0 {
        return Err(BenchError::Plan("rounds are above zero".to_owned()));
    }
    let mut report = Report::begin("edge", &COLUMNS);
    let venue = BenchVenue::start().await?;
    let services = [
        "connector",
        "order",
        "position",
        "market-data",
        "api-factory",
    ];
    let inner = Launch::prepare(&folder.join("inner"), &venue.configuration("os")?)?;
    let inner = inner.serve(&services).await?;
    let peers = services.map(|it| format!("  {}: \"{}\"\n", it.replace('-', "_"), inner.url));
    let edge = Launch::prepare(
        &folder.join("edge"),
        &format!(
            "gateway: {{listen: \"127.0.0.1:0\"}}\npeers:\n{}",
            peers.concat()
        ),
    )?;
    let edge = edge.serve(&["gateway"]).await?;
    let url = format!("{}/v1/tickers?venue={VENUE}&symbols={SYMBOL}", edge.url);
    let grpc = |mesh: &MeshProcess| mesh.channel().map(MarketDataServiceClient::new);
    let mut ways = [
        ("direct, gRPC", Way::Grpc(grpc(&inner)?)),
        ("edge, gRPC", Way::Grpc(grpc(&edge)?)),
        ("edge, REST", Way::Rest(Reader::new("edge", &url)?)),
    ];
    for (_, way) in &mut ways {
        answers(way).await?;
    }
    let mut took: [Latencies; 3] = Default::default();
    for round in 0..WARM_UP + plan.rounds {
        for ((_, way), took) in ways.iter_mut().zip(&mut took) {
            let begun = Instant::now();
            way.ask().await?;
            if round >= WARM_UP {
                took.record(begun.elapsed());
            }
        }
    }
    let [direct, by_grpc, by_rest] = &took;
    for ((name, _), took) in ways.iter().zip(&took) {
        report.row(row(name, took, direct));
    }
    let added = |took: &Latencies| rounded(took.share_us(0.5) - direct.share_us(0.5));
    report.headline(json!({
        "added_p50_us": added(by_grpc),
        "added_rest_p50_us": added(by_rest),
        "edge_rss_mb": rounded(Usage::of(edge.id).rss_mb),
    }));
    report.note(
        "One call at a time, the ways in turn, over kept connections. added: beyond the same share of \
         the direct calls. REST: HTTP/1.1 and JSON outside, gRPC inside.",
    );
    edge.kill().await?;
    inner.kill().await?;
    venue.shutdown().await;
    Ok(report)
}

/// Waits until a way answers.
async fn answers(way: &mut Way) -> Result<(), BenchError> {
    let begun = Instant::now();
    loop {
        match way.ask().await {
            Ok(()) => return Ok(()),
            Err(error) if begun.elapsed() > READY_WITHIN => return Err(error),
            Err(_) => tokio::time::sleep(AGAIN_AFTER).await,
        }
    }
}

fn row(name: &str, took: &Latencies, direct: &Latencies) -> Map<String, Value> {
    let (its, theirs) = (took.percentiles(), direct.percentiles());
    let added =
        |its: f64, theirs: f64| (!std::ptr::eq(took, direct)).then(|| rounded(its - theirs));
    fields(json!({
        "way": name,
        "calls": took.count(),
        "p50_us": rounded(its.p50_us),
        "p95_us": rounded(its.p95_us),
        "p99_us": rounded(its.p99_us),
        "max_us": rounded(its.max_us),
        "added_p50_us": added(its.p50_us, theirs.p50_us),
        "added_p99_us": added(its.p99_us, theirs.p99_us),
    }))
}
