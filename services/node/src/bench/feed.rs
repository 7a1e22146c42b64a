//! A venue that only talks: it lists instruments, confirms subscriptions, and says on its streams
//! what the load has it say. No matching engine stands behind it, so that the mesh is what is busy.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::{
        State,
        ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::{any, get},
};
use futures::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use super::{error::BenchError, venue::VENUE};

/// Frames that wait for the socket. A load at a rate never waits here unless the mesh does not read;
/// a load without a rate is held back by it.
const WAITING_MAX: usize = 4_096;
/// Frames written to the socket at once, if so many wait: a few socket buffers.
const BATCH: usize = 256;
/// How long the mesh may take to subscribe.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(30);
/// Levels a side of a book when it begins.
pub const LEVELS: i64 = 100;
/// The best bid when a book begins, in ticks of a tenth.
pub const BID_TICKS: i64 = 600_000;

/// The venue.
pub struct Feed {
    address: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// Where to put the frames of one stream.
pub type Line = mpsc::Sender<Utf8Bytes>;

struct Shared {
    instruments: usize,
    lines: Mutex<HashMap<String, Line>>,
    subscribed: Notify,
    /// The update at which books stand, for snapshots.
    update_id: AtomicU64,
}

/// What the mesh asks for.
#[derive(Deserialize)]
struct Request {
    method: String,
    params: Vec<String>,
    id: u64,
}

/// Returns the venue's time in milliseconds.
pub fn now_ms() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis()
}

/// Returns the canonical symbol of an instrument by its number.
pub fn symbol(number: usize) -> String {
    format!("COIN{number}-USDT-PERP")
}

/// Returns the text of a trade.
pub fn trade(number: usize, id: u64, time_ms: u128) -> Utf8Bytes {
    let price = BID_TICKS + i64::try_from(id % 100).unwrap_or_default();
    let (whole, tenth, buyer) = (price / 10, price % 10, id.is_multiple_of(2));
    format!(
        "{{\"e\":\"trade\",\"E\":{time_ms},\"T\":{time_ms},\"s\":\"COIN{number}USDT\",\"t\":{id},\
         \"p\":\"{whole}.{tenth}0\",\"q\":\"0.006\",\"X\":\"MARKET\",\"m\":{buyer}}}"
    )
    .into()
}

impl Feed {
    /// Starts on a free port of loopback, with so many instruments.
    pub async fn start(instruments: usize) -> Result<Self, BenchError> {
        let opening = BenchError::system("opening a port for the feed");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(&opening)?;
        let address = listener.local_addr().map_err(&opening)?.to_string();
        let shared = Arc::new(Shared {
            instruments,
            lines: Mutex::default(),
            subscribed: Notify::new(),
            update_id: AtomicU64::new(1),
        });
        let app = Router::new()
            .route("/fapi/v1/time", get(time))
            .route("/fapi/v1/exchangeInfo", get(listing))
            .route("/fapi/v1/depth", get(depth))
            .route("/public/ws", any(stream))
            .route("/market/ws", any(stream))
            .with_state(shared.clone());
        let listener = axum::serve::ListenerExt::tap_io(listener, |socket| {
            // Small frames would wait for the peer's acknowledgement; where it cannot be set they do.
            let _ = socket.set_nodelay(true);
        });
        let server = tokio::spawn(async move {
            // Ends with the task.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self {
            address,
            shared,
            server,
        })
    }

    /// Returns the configuration of a mesh that listens here and has no account.
    pub fn configuration(&self) -> String {
        let address = &self.address;
        format!(
            "connector:\n  venues:\n    {VENUE}:\n      rest_url: http://{address}\n      \
             stream_url: ws://{address}\n      allow_plain_http: true\n      accounts: []\n"
        )
    }

    /// Waits until the mesh subscribed to a stream, and returns where to put its frames.
    pub async fn line(&self, stream: &str) -> Result<Line, BenchError> {
        let subscribed = async {
            loop {
                let changed = self.shared.subscribed.notified();
                if let Some(line) = self.shared.lines().get(stream) {
                    return line.clone();
                }
                changed.await;
            }
        };
        let line = tokio::time::timeout(SUBSCRIBED_WITHIN, subscribed).await;
        line.map_err(|_| BenchError::Mesh(format!("it did not subscribe to {stream}")))
    }

    /// Says at which update books stand now; snapshots name it.
    pub fn stands_at(&self, update_id: u64) {
        self.shared.update_id.store(update_id, Ordering::SeqCst);
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn lines(&self) -> std::sync::MutexGuard<'_, HashMap<String, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn time() -> Json<Value> {
    Json(json!({ "serverTime": now_ms() }))
}

async fn listing(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let limit = |kind: &str, limit: u32| {
        json!({
            "rateLimitType": kind, "interval": "MINUTE", "intervalNum": 1, "limit": limit,
        })
    };
    let instrument = |number: usize| {
        json!({
            "symbol": format!("COIN{number}USDT"),
            "contractType": "PERPETUAL",
            "status": "TRADING",
            "baseAsset": format!("COIN{number}"),
            "quoteAsset": "USDT",
            "marginAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1000000", "tickSize": "0.1"},
                {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
                {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "100", "stepSize": "0.001"},
                {"filterType": "MIN_NOTIONAL", "notional": "5"},
            ],
        })
    };
    let instruments: Vec<Value> = (0..shared.instruments).map(instrument).collect();
    Json(json!({
        "serverTime": now_ms(),
        "rateLimits": [limit("REQUEST_WEIGHT", 2_400), limit("ORDERS", 1_200)],
        "symbols": instruments,
    }))
}

async fn depth(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let side = |step: i64, best: i64| -> Vec<[String; 2]> {
        let ticks = (0..LEVELS).map(|level| best + step * level);
        ticks
            .map(|ticks| [format!("{}.{}", ticks / 10, ticks % 10), "1.000".to_owned()])
            .collect()
    };
    Json(json!({
        "lastUpdateId": shared.update_id.load(Ordering::SeqCst),
        "E": now_ms(),
        "T": now_ms(),
        "bids": side(-1, BID_TICKS),
        "asks": side(1, BID_TICKS + 1),
    }))
}

async fn stream(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| serve(socket, shared))
}

/// Confirms what the mesh subscribes to, and writes what the load puts on its lines.
async fn serve(socket: WebSocket, shared: Arc<Shared>) {
    let (mut outgoing, mut incoming) = socket.split();
    let (line, mut waiting) = mpsc::channel::<Utf8Bytes>(WAITING_MAX);
    let writer = tokio::spawn(async move {
        let mut batch = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut batch, BATCH).await > 0 {
            for text in batch.drain(..) {
                if outgoing.feed(Message::Text(text)).await.is_err() {
                    return;
                }
            }
            if outgoing.flush().await.is_err() {
                return;
            }
        }
    });
    while let Some(Ok(message)) = incoming.next().await {
        let Message::Text(text) = message else {
            continue;
        };
        let Ok(request) = serde_json::from_str::<Request>(&text) else {
            continue;
        };
        let confirmed = json!({ "result": null, "id": request.id }).to_string();
        if line.send(confirmed.into()).await.is_err() {
            break;
        }
        if request.method == "SUBSCRIBE" {
            let streams = request.params.into_iter();
            let mut lines = shared.lines();
            lines.extend(streams.map(|stream| (stream, line.clone())));
            drop(lines);
            shared.subscribed.notify_waiters();
        }
    }
    writer.abort();
}
