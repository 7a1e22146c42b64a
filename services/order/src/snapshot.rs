//! The state of the book in one piece, so that a restart need not read the whole journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chimera_model::{Account, Decimal, TradeId, UnixNanos};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::entry::Entry;
use crate::indices::Indices;
use crate::key::OrderKey;
use crate::ledger::{Ledger, Line, Trading};

/// The version of the encoding. A snapshot of another one is not read; the journal is.
const VERSION: u16 = 2;

/// An order of the book, encoded as itself.
struct Shared(Arc<Entry>);

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Entry::deserialize(deserializer).map(|entry| Self(Arc::new(entry)))
    }
}

/// What a snapshot holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct State {
    v: u16,
    epoch: String,
    begun: UnixNanos,
    orders: Vec<(OrderKey, Shared)>,
    closed: Vec<OrderKey>,
    indices: Vec<(Account, Indices)>,
    positions: Vec<(Line, Decimal)>,
    cursors: Vec<(Line, TradeId)>,
    adjustments: Vec<(Line, u64, String)>,
    trading: Trading,
}

/// Takes what a snapshot of the book holds. The bytes are made of it elsewhere: those of ten thousand
/// orders take a tenth of a second, in which no order could be worked on.
pub(crate) fn picture(ledger: &Ledger, begun: UnixNanos, epoch: &str) -> State {
    State {
        v: VERSION,
        epoch: epoch.to_owned(),
        begun,
        orders: ledger
            .orders
            .iter()
            .map(|(key, entry)| (key.clone(), Shared(Arc::clone(entry))))
            .collect(),
        closed: ledger.closed.iter().cloned().collect(),
        indices: ledger
            .indices
            .iter()
            .map(|(account, it)| (*account, it.clone()))
            .collect(),
        positions: ledger
            .holdings
            .iter()
            .map(|(line, it)| (*line, it.position))
            .collect(),
        cursors: ledger
            .cursors
            .iter()
            .map(|(line, trade)| (*line, trade.clone()))
            .collect(),
        adjustments: ledger
            .adjustments
            .iter()
            .map(|(line, count)| {
                let last = ledger
                    .last_adjustment
                    .get(line)
                    .cloned()
                    .unwrap_or_default();
                (*line, *count, last)
            })
            .collect(),
        trading: ledger.trading.clone(),
    }
}

/// Returns a picture as bytes; nothing when it has no encoding.
pub(crate) fn encode(state: &State) -> Option<Bytes> {
    match serde_json::to_vec(state) {
        Ok(bytes) => Some(Bytes::from(bytes)),
        Err(error) => {
            tracing::error!(%error, "the state cannot be encoded; no snapshot is kept");
            None
        }
    }
}

/// Returns the book that a snapshot holds, the epoch and its beginning; nothing when it cannot be
/// read.
pub(crate) fn decode(bytes: &[u8], closed_kept: usize) -> Option<(Ledger, UnixNanos, String)> {
    let state: State = match serde_json::from_slice(bytes) {
        Ok(state) => state,
        Err(error) => {
            tracing::error!(%error, "a snapshot cannot be read; the whole journal is");
            return None;
        }
    };
    if state.v != VERSION {
        return None;
    }
    let mut ledger = Ledger::new(closed_kept);
    ledger.indices = state.indices.into_iter().collect();
    ledger.trading = state.trading;
    for (line, position) in state.positions {
        ledger.holdings.entry(line).or_default().position = position;
    }
    ledger.cursors = state.cursors.into_iter().collect();
    for (line, count, last) in state.adjustments {
        ledger.adjustments.insert(line, count);
        ledger.last_adjustment.insert(line, last);
    }
    let mut orders: BTreeMap<OrderKey, Shared> = state.orders.into_iter().collect();
    // Parents before children, so that children are counted within them.
    let (parents, rest): (Vec<_>, Vec<_>) = orders
        .iter()
        .map(|(key, it)| (key.clone(), it.0.tracking.is_some()))
        .partition(|it| it.1);
    let closed = state.closed;
    for (key, _) in parents.into_iter().chain(rest) {
        if let Some(entry) = orders.remove(&key) {
            ledger.restore(&key, Arc::unwrap_or_clone(entry.0));
        }
    }
    ledger.closed = closed
        .into_iter()
        .filter(|key| ledger.orders.contains_key(key))
        .collect();
    Some((ledger, state.begun, state.epoch))
}
