//! The feed: from a venue's socket through parsing, the check of sequences and the book to what
//! readers are shown; as fast as the mesh takes it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use axum::extract::ws::Utf8Bytes;
use chimera_contracts::market_data::v1::{
    Channel as Subject, Freshness, GetOrderBookRequest, Subscription, WatchRequest, WatchResponse,
    market_data_service_client::MarketDataServiceClient, watch_response::Frame,
};
use chimera_runtime::Channel;
use serde_json::json;
use tonic::Streaming;

use super::{
    READY_WITHIN,
    error::BenchError,
    feed::{self, BID_TICKS, Feed, LEVELS, Line},
    measure::Usage,
    table::{Report, fields, rounded},
    venue::VENUE,
};
use crate::child::{Launch, MeshProcess};

const COLUMNS: [&str; 6] = [
    "messages",
    "count",
    "per_s",
    "cores",
    "per_core_s",
    "rss_mb",
];
/// How often it is asked whether the book has come to its last change: far below any run's length.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Between two changes while the mesh fetches its snapshot.
const FIRST_EVERY: Duration = Duration::from_millis(20);
/// How long a book may take to become live.
const LIVE_WITHIN: Duration = Duration::from_secs(30);
/// How long a run may take beyond all patience: a mesh that lost a frame never comes to the last one.
const RUN_WITHIN: Duration = Duration::from_secs(300);

/// What to measure.
#[derive(Clone, Debug)]
pub struct BooksPlan {
    /// Messages a run.
    pub messages: u64,
    /// Changed levels a side of each change of a book, one run each.
    pub levels: Vec<u32>,
}

/// How long a run took, and the mesh's processor time in it.
struct Outcome {
    messages: u64,
    span: Duration,
    cores_s: f64,
}

/// Measures.
///
/// # Errors
/// Where the mesh does not run, or loses the feed.
pub async fn run(plan: &BooksPlan, folder: &Path) -> Result<Report, BenchError> {
    if plan.messages == 0 || plan.levels.is_empty() || plan.levels.contains(&0) {
        let wanted = "messages and levels are above zero";
        return Err(BenchError::Plan(wanted.to_owned()));
    }
    let mut report = Report::begin("books", &COLUMNS);
    // One instrument a run: each begins with a book of its own.
    let instruments = plan.levels.len() + 1;
    let feed = Feed::start(instruments).await?;
    let mesh = Launch::prepare(folder, &feed.configuration())?
        .start()
        .await?;
    mesh.ready(READY_WITHIN).await?;
    let client = MarketDataServiceClient::new(mesh.channel()?);
    for (number, levels) in plan.levels.iter().enumerate() {
        let outcome = depth(&client, &mesh, &feed, (number, *levels), plan.messages).await?;
        if number == 0 {
            report.headline(json!({ "depth_per_core_s": rounded(outcome.per_core()) }));
        }
        let name = format!("depth, {levels} + {levels} levels");
        report.row(outcome.row(&name, &mesh));
    }
    let outcome = trades(&client, &mesh, &feed, instruments - 1, plan.messages).await?;
    report.headline(json!({ "trades_per_core_s": rounded(outcome.per_core()) }));
    report.row(outcome.row("trades", &mesh));
    report.note(
        "Messages as fast as the mesh reads them, from the first into the venue's socket until the \
         mesh shows the last. A core's worth is messages by the mesh's own processor time, the \
         socket, the kernel's part and the change shown to readers included.",
    );
    mesh.kill().await?;
    Ok(report)
}

impl Outcome {
    fn per_core(&self) -> f64 {
        self.messages as f64 / self.cores_s.max(f64::MIN_POSITIVE)
    }

    fn row(&self, name: &str, mesh: &MeshProcess) -> serde_json::Map<String, serde_json::Value> {
        let span = self.span.as_secs_f64().max(f64::MIN_POSITIVE);
        fields(json!({
            "messages": name,
            "count": self.messages,
            "per_s": rounded(self.messages as f64 / span),
            "cores": rounded(self.cores_s / span),
            "per_core_s": rounded(self.per_core()),
            "rss_mb": rounded(Usage::of(mesh.id).rss_mb),
        }))
    }
}

/// Returns the text of one change of a book: it moves so many levels a side, near the touch.
fn change(number: usize, update: u64, levels: u32, time_ms: u128) -> Utf8Bytes {
    let side = |step: i64, best: i64| -> String {
        let levels = (0..i64::from(levels)).map(|level| {
            let drawn = update
                .wrapping_mul(7)
                .wrapping_add(level.unsigned_abs() * 13);
            let away = i64::try_from(drawn % LEVELS.unsigned_abs()).unwrap_or_default();
            let ticks = best + step * away;
            let (whole, tenth, quantity) = (ticks / 10, ticks % 10, 1 + drawn % 900);
            format!("[\"{whole}.{tenth}0\",\"0.{quantity:03}\"]")
        });
        levels.collect::<Vec<_>>().join(",")
    };
    let (bids, asks, before) = (side(-1, BID_TICKS), side(1, BID_TICKS + 1), update - 1);
    format!(
        "{{\"e\":\"depthUpdate\",\"E\":{time_ms},\"T\":{time_ms},\"s\":\"COIN{number}USDT\",\
         \"U\":{update},\"u\":{update},\"pu\":{before},\"b\":[{bids}],\"a\":[{asks}]}}"
    )
    .into()
}

fn lost() -> BenchError {
    BenchError::Mesh("it left the venue's stream".to_owned())
}

fn late(what: &'static str) -> impl Fn(tokio::time::error::Elapsed) -> BenchError {
    move |_| BenchError::Mesh(format!("{what} in time"))
}

/// Puts changes of one book into the socket and waits until the book shows the last.
async fn depth(
    client: &MarketDataServiceClient<Channel>,
    mesh: &MeshProcess,
    feed: &Feed,
    (number, levels): (usize, u32),
    messages: u64,
) -> Result<Outcome, BenchError> {
    let asking = tokio::spawn(standing(client.clone(), number));
    let line = feed.line(&format!("coin{number}usdt@depth@100ms")).await?;
    let first = begin(client, feed, &line, (number, levels)).await;
    // It only woke the subscription.
    asking.abort();
    let first = first?;
    let before = Usage::of(mesh.id);
    let begun = Instant::now();
    let last = first + messages;
    for update in first + 1..=last {
        let text = change(number, update, levels, feed::now_ms());
        line.send(text).await.map_err(|_| lost())?;
    }
    let shown = async {
        while standing(client.clone(), number).await?.0 != last.to_string() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok::<_, BenchError>(())
    };
    let shown = tokio::time::timeout(RUN_WITHIN, shown).await;
    shown.map_err(late("a book did not come to its last change"))??;
    Ok(Outcome {
        messages,
        span: begun.elapsed(),
        cores_s: Usage::of(mesh.id).cpu_s - before.cpu_s,
    })
}

/// Says changes at leisure until the book is live; returns the last one's id.
async fn begin(
    client: &MarketDataServiceClient<Channel>,
    feed: &Feed,
    line: &Line,
    (number, levels): (usize, u32),
) -> Result<u64, BenchError> {
    let live = async {
        for update in 2.. {
            feed.stands_at(update);
            let text = change(number, update, levels, feed::now_ms());
            line.send(text).await.map_err(|_| lost())?;
            tokio::time::sleep(FIRST_EVERY).await;
            let (at, live) = standing(client.clone(), number).await?;
            if live && at == update.to_string() {
                return Ok(update);
            }
        }
        Err(lost())
    };
    let live = tokio::time::timeout(LIVE_WITHIN, live).await;
    live.map_err(late("a book did not become live"))?
}

/// Returns at which update a book stands, and whether it is live.
async fn standing(
    mut client: MarketDataServiceClient<Channel>,
    number: usize,
) -> Result<(String, bool), BenchError> {
    let request = GetOrderBookRequest {
        venue: VENUE.to_owned(),
        symbol: feed::symbol(number),
        depth: 1,
        require_live: false,
    };
    let book = client.get_order_book(request).await?.into_inner().book;
    let book = book.unwrap_or_default();
    let live = book.freshness() == Freshness::Live;
    Ok((book.venue_update_id, live))
}

/// Puts trades into the socket and waits until a reader has the last.
async fn trades(
    client: &MarketDataServiceClient<Channel>,
    mesh: &MeshProcess,
    feed: &Feed,
    number: usize,
    messages: u64,
) -> Result<Outcome, BenchError> {
    let request = WatchRequest {
        subscriptions: vec![Subscription {
            venue: VENUE.to_owned(),
            symbol: feed::symbol(number),
            channel: Subject::Trades.into(),
            ..Subscription::default()
        }],
    };
    let frames = client.clone().watch(request).await?.into_inner();
    let line = feed.line(&format!("coin{number}usdt@trade")).await?;
    let before = Usage::of(mesh.id);
    let begun = Instant::now();
    let seen = tokio::spawn(until_trade(frames, messages));
    for id in 1..=messages {
        let text = feed::trade(number, id, feed::now_ms());
        line.send(text).await.map_err(|_| lost())?;
    }
    let seen = tokio::time::timeout(RUN_WITHIN, seen).await;
    let seen = seen.map_err(late("the last trade did not come"))?;
    seen.map_err(|error| BenchError::Mesh(error.to_string()))??;
    Ok(Outcome {
        messages,
        span: begun.elapsed(),
        cores_s: Usage::of(mesh.id).cpu_s - before.cpu_s,
    })
}

/// Reads until so many trades came or were left out: a reader of a flood falls behind, and is told.
async fn until_trade(
    mut frames: Streaming<WatchResponse>,
    messages: u64,
) -> Result<(), BenchError> {
    let mut seen = 0;
    while seen < messages {
        let Some(frame) = frames.message().await? else {
            return Err(BenchError::Mesh("a watch stream ended".to_owned()));
        };
        match frame.frame {
            Some(Frame::Updates(updates)) => seen += updates.updates.len() as u64,
            Some(Frame::Lagged(lagged)) => seen += lagged.dropped,
            _ => {}
        }
    }
    Ok(())
}
