//! The sides of a run: the mesh, and peers that carry the same messages to as many readers.

use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use chimera_egress::{
    Outgoing, TungsteniteDialer, WebSocket, WebSocketDialer as _, WebSocketOptions,
    WebSocketRequest, tls,
};
use chimera_runtime::clock::Clock;
use tokio::{
    io::{AsyncWriteExt as _, BufWriter},
    net::TcpStream,
    time::Instant,
};

use super::super::{
    error::BenchError,
    feed::{Feed, Line},
    measure::Usage,
    peer::Peer,
};
use crate::child::MeshProcess;

/// Says to a NATS server who we are, and that we do not wait for its word on each line.
pub const NATS_HELLO: &str = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";

/// How long a peer on this machine may take to shake hands.
const DIALLED_WITHIN: Duration = Duration::from_secs(10);
/// A peer that is overrun is slow, not gone: the run ends before this does.
const WRITTEN_WITHIN: Duration = Duration::from_secs(900);

/// One side of a run.
pub enum Side {
    /// The mesh, and the venue that it listens to.
    Mesh {
        /// The mesh.
        mesh: Box<MeshProcess>,
        /// Its venue.
        feed: Feed,
    },
    /// Something else.
    Peer(Peer),
}

impl Peer {
    /// Tells whether it is a NATS server.
    pub fn is_nats(&self) -> bool {
        self.url.scheme() == "nats"
    }

    /// Opens a connection to a NATS server.
    pub async fn nats(&self) -> Result<TcpStream, BenchError> {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().unwrap_or_default();
        let socket = TcpStream::connect((host, port)).await;
        let socket = socket.map_err(|error| self.refused(&error))?;
        socket
            .set_nodelay(true)
            .map_err(|error| self.refused(&error))?;
        Ok(socket)
    }

    /// Opens a WebSocket, to publish or to watch.
    pub async fn socket(&self, role: &str) -> Result<WebSocket, BenchError> {
        let tls = tls::client_config(None).map_err(|error| self.refused(&error))?;
        let dialer = TungsteniteDialer::new(tls, Clock::system());
        let mut url = self.url.clone();
        let path = format!("{}/{role}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let options = WebSocketOptions {
            write_timeout: WRITTEN_WITHIN,
            ..WebSocketOptions::default()
        };
        let by = Instant::now() + DIALLED_WITHIN;
        let dialed = dialer.dial(WebSocketRequest::new(url), options, by).await;
        dialed.map_err(|error| self.refused(&error))
    }
}

impl Side {
    /// Returns its name in the table.
    pub fn name(&self) -> &str {
        match self {
            Self::Mesh { .. } => "mesh",
            Self::Peer(peer) => &peer.name,
        }
    }

    /// Returns what its process takes, where that is known.
    pub fn usage(&self) -> Option<Usage> {
        match self {
            Self::Mesh { mesh, .. } => Some(Usage::of(mesh.id)),
            Self::Peer(_) => None,
        }
    }
}

/// Where messages are put.
pub enum Publisher {
    /// The venue's streams, one an instrument.
    Lines(Vec<Line>),
    /// A connection to a NATS server.
    Nats(Peer, BufWriter<TcpStream>),
    /// A WebSocket.
    Socket(Peer, Box<WebSocket>),
}

impl Publisher {
    /// Returns where to put the messages of so many instruments.
    pub async fn open(side: &Side, topics: usize) -> Result<Self, BenchError> {
        Ok(match side {
            Side::Mesh { feed, .. } => {
                let mut lines = Vec::with_capacity(topics);
                for topic in 0..topics {
                    lines.push(feed.line(&format!("coin{topic}usdt@trade")).await?);
                }
                Self::Lines(lines)
            }
            Side::Peer(peer) if peer.is_nats() => {
                let mut socket = BufWriter::new(peer.nats().await?);
                let hello = socket.write_all(NATS_HELLO.as_bytes()).await;
                hello.map_err(|error| peer.refused(&error))?;
                Self::Nats(peer.clone(), socket)
            }
            Side::Peer(peer) => Self::Socket(peer.clone(), Box::new(peer.socket("publish").await?)),
        })
    }

    /// Sends one message; `flush` when no other is due already.
    pub async fn send(
        &mut self,
        topic: usize,
        text: Utf8Bytes,
        flush: bool,
    ) -> Result<(), BenchError> {
        match self {
            Self::Lines(lines) => {
                let sent = lines[topic].send(text).await;
                sent.map_err(|_| BenchError::Mesh("it left the venue's stream".to_owned()))
            }
            Self::Nats(peer, socket) => {
                let head = format!("PUB {topic} {}\r\n", text.len());
                let parts = [head.as_bytes(), text.as_bytes(), b"\r\n"];
                for part in parts {
                    let written = socket.write_all(part).await;
                    written.map_err(|error| peer.refused(&error))?;
                }
                if flush {
                    let flushed = socket.flush().await;
                    flushed.map_err(|error| peer.refused(&error))?;
                }
                Ok(())
            }
            Self::Socket(peer, socket) => {
                let text = Outgoing::Text(text.to_string());
                let sent = socket.send(text).await;
                sent.map_err(|error| peer.refused(&error))
            }
        }
    }
}
