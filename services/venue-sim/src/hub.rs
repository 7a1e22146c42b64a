//! Open sockets of one venue: who listens to what, and how they are cut off.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};

use crate::engine::AccountId;
use crate::transport::Switch;

/// Messages that may wait for one slow reader. At fifty events a second it is well over a
/// minute's worth; past it the connection is closed, as the venues do.
pub(crate) const QUEUE_MAX: usize = 4096;

/// Names one connection.
pub(crate) type ConnectionId = u64;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketKind {
    /// Public market data.
    Public,
    /// Private data of an account.
    Private,
}

/// What a script does to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum SocketFate {
    /// Goes on as usual.
    Open,
    /// Stays connected and says nothing, hears nothing.
    Frozen,
    /// Is closed with a close frame.
    Closed {
        /// The close code.
        #[serde(default = "going_away")]
        code: u16,
    },
    /// Is cut without a word.
    Cut,
}

fn going_away() -> u16 {
    1001
}

/// One open socket.
#[derive(Debug)]
struct Connection {
    kind: SocketKind,
    account: Option<AccountId>,
    queue: mpsc::Sender<Utf8Bytes>,
    fate: watch::Sender<SocketFate>,
    switch: Switch,
    streams: BTreeSet<String>,
    combined: bool,
}

/// The reader's end of a connection.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub id: ConnectionId,
    pub queue: mpsc::Receiver<Utf8Bytes>,
    pub fate: watch::Receiver<SocketFate>,
}

/// All open sockets of one venue.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    connections: BTreeMap<ConnectionId, Connection>,
    streams: HashMap<String, BTreeSet<ConnectionId>>,
    next: ConnectionId,
    /// Connections closed because their reader was too slow.
    pub slow_closed: u64,
    /// Connections opened so far.
    pub opened: u64,
}

impl Hub {
    /// Registers a connection.
    pub fn open(&mut self, kind: SocketKind, combined: bool, switch: Switch) -> Inbox {
        self.next += 1;
        self.opened += 1;
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        let (fate, fated) = watch::channel(SocketFate::Open);
        let connection = Connection {
            kind,
            account: None,
            queue,
            fate,
            switch,
            streams: BTreeSet::new(),
            combined,
        };
        self.connections.insert(self.next, connection);
        Inbox {
            id: self.next,
            queue: receiver,
            fate: fated,
        }
    }

    /// Forgets a connection.
    pub fn close(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        for stream in connection.streams {
            self.forget(&stream, id);
        }
    }

    /// Marks a connection as one account's private one.
    pub fn identify(&mut self, id: ConnectionId, account: AccountId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.account = Some(account);
            connection.kind = SocketKind::Private;
        }
    }

    /// Subscribes a connection to a stream.
    pub fn subscribe(&mut self, id: ConnectionId, stream: &str) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.streams.insert(stream.to_owned());
        self.streams
            .entry(stream.to_owned())
            .or_default()
            .insert(id);
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, id: ConnectionId, stream: &str) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.streams.remove(stream);
        }
        self.forget(stream, id);
    }

    /// Returns the streams of a connection.
    pub fn subscriptions(&self, id: ConnectionId) -> Vec<String> {
        let connection = self.connections.get(&id);
        connection
            .map(|connection| connection.streams.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// Sets whether a connection's messages bear the name of their stream.
    pub fn set_combined(&mut self, id: ConnectionId, combined: bool) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.combined = combined;
        }
    }

    /// Returns whether a connection's messages bear the name of their stream.
    pub fn is_combined(&self, id: ConnectionId) -> bool {
        self.connections
            .get(&id)
            .is_some_and(|connection| connection.combined)
    }

    /// Whether anybody listens to a stream.
    pub fn wants(&self, stream: &str) -> bool {
        self.streams.contains_key(stream)
    }

    /// Returns all streams that somebody listens to.
    pub fn wanted(&self) -> impl Iterator<Item = &String> {
        self.streams.keys()
    }

    /// Sends a message to all listeners of a stream; it is written once for each of two forms.
    pub fn publish(&mut self, stream: &str, raw: &str, combine: impl Fn(&str, &str) -> String) {
        let Some(listeners) = self.streams.get(stream) else {
            return;
        };
        let mut plain: Option<Utf8Bytes> = None;
        let mut wrapped: Option<Utf8Bytes> = None;
        for id in listeners {
            let Some(connection) = self.connections.get(id) else {
                continue;
            };
            if *connection.fate.borrow() == SocketFate::Frozen {
                continue;
            }
            let message = if connection.combined {
                wrapped.get_or_insert_with(|| combine(stream, raw).into())
            } else {
                plain.get_or_insert_with(|| raw.to_owned().into())
            };
            if let Err(mpsc::error::TrySendError::Full(_)) =
                connection.queue.try_send(message.clone())
            {
                self.slow_closed += 1;
                // Policy violation, and no waiting for a reader who does not read.
                let _ = connection.fate.send(SocketFate::Closed { code: 1008 });
            }
        }
    }

    /// Decides the fate of connections; returns how many it concerns.
    pub fn decide(
        &mut self,
        fate: SocketFate,
        kind: Option<SocketKind>,
        account: Option<AccountId>,
    ) -> usize {
        let mut concerned = 0;
        for connection in self.connections.values() {
            let fits = kind.is_none_or(|kind| kind == connection.kind)
                && account.is_none_or(|account| Some(account) == connection.account);
            if fits {
                concerned += 1;
                let _ = connection.fate.send(fate);
                if fate == SocketFate::Cut {
                    connection.switch.cut();
                }
            }
        }
        concerned
    }

    /// Returns kind, account and streams of all open connections.
    pub fn list(&self) -> Vec<SocketView> {
        let view = |(id, connection): (&ConnectionId, &Connection)| SocketView {
            id: *id,
            kind: connection.kind,
            account: connection.account,
            streams: connection.streams.iter().cloned().collect(),
            fate: *connection.fate.borrow(),
        };
        self.connections.iter().map(view).collect()
    }

    fn forget(&mut self, stream: &str, id: ConnectionId) {
        if let Some(listeners) = self.streams.get_mut(stream) {
            listeners.remove(&id);
            if listeners.is_empty() {
                self.streams.remove(stream);
            }
        }
    }
}

/// An open connection as the control interface shows it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SocketView {
    id: ConnectionId,
    kind: SocketKind,
    account: Option<AccountId>,
    streams: Vec<String>,
    fate: SocketFate,
}
