//! The readers of one load: open streams that time what they get, and decode nothing but trade ids.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use chimera_contracts::market_data::v1::{Channel as Subject, Subscription, WatchRequest};
use chimera_egress::{Incoming, WebSocket};
use chimera_runtime::Channel;
use http::uri::PathAndQuery;
use prost::{
    Message as _,
    bytes::{Buf as _, Bytes},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use tonic::{
    Request, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use super::{
    FanPlan, Run,
    side::{NATS_HELLO, Side},
};
use crate::{
    bench::{error::BenchError, feed, measure::Latencies, peer::Peer, venue::VENUE, walk},
    child::MeshProcess,
};

#[cfg(test)]
mod tests;

const WATCH: &str = "/chimera.market_data.v1.MarketDataService/Watch";
/// What stands before the id in the text of a trade.
const TRADE_ID: &[u8] = b"\"t\":";
/// Bytes of a NATS reader's buffer: many messages.
const NATS_BUFFER: usize = 64 * 1024;

/// What the readers of one connection saw.
#[derive(Default)]
pub struct Tally {
    /// From when a trade was due to when a reader had it.
    pub latencies: Latencies,
    /// When the last one came.
    pub last: Option<Instant>,
}

type Shared = Arc<Mutex<Tally>>;

/// Open readers.
pub struct Readers {
    tallies: Vec<Shared>,
    tasks: JoinSet<()>,
}

/// One reader's place in its stream.
struct Cursor {
    run: Arc<Run>,
    tally: Shared,
    topic: usize,
    next: u64,
}

fn lock(tally: &Shared) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Readers {
    /// Opens all streams of a plan; each has its side's word that it stands.
    pub async fn open(side: &Side, plan: &FanPlan, run: &Arc<Run>) -> Result<Self, BenchError> {
        let mut opening = JoinSet::new();
        let mut tallies = Vec::new();
        for connection in 0..plan.connections {
            let tally = Shared::default();
            tallies.push(tally.clone());
            let cursors = (connection..plan.readers)
                .step_by(plan.connections)
                .map(|reader| Cursor {
                    run: run.clone(),
                    tally: tally.clone(),
                    topic: reader % plan.topics,
                    next: run.first_id,
                })
                .collect();
            match side {
                Side::Mesh { mesh, .. } => opening.spawn(by_mesh(channel(mesh)?, cursors)),
                Side::Peer(peer) if peer.is_nats() => opening.spawn(by_nats(peer.clone(), cursors)),
                Side::Peer(peer) => opening.spawn(by_socket(peer.clone(), cursors)),
            };
        }
        let mut tasks = JoinSet::new();
        while let Some(opened) = opening.join_next().await {
            let opened = opened.map_err(|error| BenchError::Mesh(error.to_string()))?;
            for reader in opened? {
                tasks.spawn(reader);
            }
        }
        Ok(Self { tallies, tasks })
    }

    /// Waits until every reader has its last trade, or until `end`, and returns what they saw.
    pub async fn finish(mut self, end: Instant) -> Tally {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // What is not there by then is lost; the tallies say how much.
        let _ = tokio::time::timeout_at(end.into(), all).await;
        self.tasks.shutdown().await;
        let mut seen = Tally::default();
        for tally in &self.tallies {
            let tally = lock(tally);
            seen.latencies.add(&tally.latencies);
            seen.last = seen.last.max(tally.last);
        }
        seen
    }
}

impl Cursor {
    fn is_done(&self) -> bool {
        self.next > self.run.last_id()
    }

    /// Counts so many trades that follow each other, each once.
    fn count(&mut self, first: u64, trades: u64) {
        let now = Instant::now();
        let mut tally = lock(&self.tally);
        for id in first.max(self.next)..first + trades {
            if let Some(due) = self.run.due(self.topic, id) {
                tally.latencies.record(now.saturating_duration_since(due));
            }
        }
        tally.last = Some(now);
        self.next = self.next.max(first + trades);
    }
}

fn channel(mesh: &MeshProcess) -> Result<Channel, BenchError> {
    Ok(mesh.channel()?)
}

type Reader = futures::future::BoxFuture<'static, ()>;

/// Opens streams of one connection to the mesh.
async fn by_mesh(channel: Channel, cursors: Vec<Cursor>) -> Result<Vec<Reader>, BenchError> {
    let mut readers: Vec<Reader> = Vec::with_capacity(cursors.len());
    for cursor in cursors {
        let subscription = Subscription {
            venue: VENUE.to_owned(),
            symbol: feed::symbol(cursor.topic),
            channel: Subject::Trades.into(),
            ..Subscription::default()
        };
        let request = WatchRequest {
            subscriptions: vec![subscription],
        };
        let mut client = Grpc::new(channel.clone());
        let path = PathAndQuery::from_static(WATCH);
        let opened = client.server_streaming(Request::new(request), path, FrameCodec);
        let mut frames = opened.await?.into_inner();
        // The ack says that the reader is seated.
        frames.message().await?;
        readers.push(Box::pin(read_frames(frames, cursor)));
    }
    Ok(readers)
}

async fn read_frames(mut frames: Streaming<Bytes>, mut cursor: Cursor) {
    while !cursor.is_done() {
        // An end or an error loses what is still to come, and is counted as that.
        let Ok(Some(frame)) = frames.message().await else {
            return;
        };
        if let Some(seen) = walk::look(&frame)
            && seen.trades > 0
        {
            cursor.count(seen.first, seen.trades);
        }
    }
}

/// Opens subscriptions to a NATS server, each on a connection of its own.
async fn by_nats(peer: Peer, cursors: Vec<Cursor>) -> Result<Vec<Reader>, BenchError> {
    let mut readers: Vec<Reader> = Vec::with_capacity(cursors.len());
    for cursor in cursors {
        let mut socket = peer.nats().await?;
        let hello = format!("{NATS_HELLO}SUB {} 1\r\nPING\r\n", cursor.topic);
        let sent = socket.write_all(hello.as_bytes()).await;
        sent.map_err(|error| peer.refused(&error))?;
        let mut buffer = Vec::with_capacity(NATS_BUFFER);
        // The pong follows the subscription: it stands.
        while !buffer.windows(4).any(|word| word == b"PONG") {
            let read = socket.read_buf(&mut buffer).await;
            if read.map_err(|error| peer.refused(&error))? == 0 {
                return Err(peer.refused(&"it closed the connection"));
            }
        }
        buffer.clear();
        readers.push(Box::pin(read_nats(socket, cursor)));
    }
    Ok(readers)
}

async fn read_nats(mut socket: TcpStream, mut cursor: Cursor) {
    let mut buffer = Vec::with_capacity(NATS_BUFFER);
    while !cursor.is_done() {
        match socket.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let Some(whole) = buffer.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        // One line a message names its size, the next is the trade: no trade holds a line's end.
        for line in buffer[..whole].split(|byte| *byte == b'\n') {
            if line.starts_with(b"PING") && socket.write_all(b"PONG\r\n").await.is_err() {
                return;
            }
            if let Some(id) = trade_id(line) {
                cursor.count(id, 1);
            }
        }
        buffer.drain(..=whole);
    }
}

/// Opens WebSockets, one a reader.
async fn by_socket(peer: Peer, cursors: Vec<Cursor>) -> Result<Vec<Reader>, BenchError> {
    let mut readers: Vec<Reader> = Vec::with_capacity(cursors.len());
    for cursor in cursors {
        let mut socket = peer.socket("watch").await?;
        // Its first frame says that the reader is seated.
        let seated = socket.next().await;
        seated.map_err(|error| peer.refused(&error))?;
        readers.push(Box::pin(read_socket(socket, cursor)));
    }
    Ok(readers)
}

async fn read_socket(mut socket: WebSocket, mut cursor: Cursor) {
    while !cursor.is_done() {
        match socket.next().await {
            Ok(Incoming::Frame(frame)) => {
                if let Some(id) = trade_id(&frame.payload) {
                    cursor.count(id, 1);
                }
            }
            Ok(Incoming::Silent { .. }) => {}
            Err(_) => return,
        }
    }
}

/// Returns the id in the text of a trade.
fn trade_id(text: &[u8]) -> Option<u64> {
    let at = text
        .windows(TRADE_ID.len())
        .position(|part| part == TRADE_ID)?;
    let digits = text[at + TRADE_ID.len()..].iter();
    let digits = digits.take_while(|byte| byte.is_ascii_digit());
    let mut id = None;
    for digit in digits {
        id = Some(id.unwrap_or(0_u64) * 10 + u64::from(digit - b'0'));
    }
    id
}

/// Leaves frames as they come.
struct FrameCodec;

impl Codec for FrameCodec {
    type Encode = WatchRequest;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for FrameCodec {
    type Item = WatchRequest;
    type Error = Status;

    fn encode(&mut self, request: WatchRequest, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let encoded = request.encode(buffer);
        encoded.map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for FrameCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
