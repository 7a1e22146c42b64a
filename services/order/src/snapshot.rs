//! The state of the book in one piece, so that a restart need not read the whole journal.

use std::collections::BTreeMap;

use bytes::Bytes;
use chimera_model::{Account, Decimal, TradeId, UnixNanos};
use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::indices::Indices;
use crate::key::OrderKey;
use crate::ledger::{Ledger, Line, Trading};

/// The version of the encoding. A snapshot of another one is not read; the journal is.
const VERSION: u16 = 2;

#[derive(Serialize, Deserialize)]
struct State {
    v: u16,
    epoch: String,
    begun: UnixNanos,
    orders: Vec<(OrderKey, Entry)>,
    closed: Vec<OrderKey>,
    indices: Vec<(Account, Indices)>,
    positions: Vec<(Line, Decimal)>,
    cursors: Vec<(Line, TradeId)>,
    adjustments: Vec<(Line, u64, String)>,
    trading: Trading,
}

/// Returns the book as bytes; nothing when it has no encoding.
pub(crate) fn encode(ledger: &Ledger, begun: UnixNanos, epoch: &str) -> Option<Bytes> {
    let state = State {
        v: VERSION,
        epoch: epoch.to_owned(),
        begun,
        orders: ledger
            .orders
            .iter()
            .map(|(key, entry)| (key.clone(), entry.clone()))
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
    };
    match serde_json::to_vec(&state) {
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
    let mut orders: BTreeMap<OrderKey, Entry> = state.orders.into_iter().collect();
    // Parents before children, so that children are counted within them.
    let (parents, rest): (Vec<_>, Vec<_>) = orders
        .iter()
        .map(|(key, it)| (key.clone(), it.tracking.is_some()))
        .partition(|it| it.1);
    let closed = state.closed;
    for (key, _) in parents.into_iter().chain(rest) {
        if let Some(entry) = orders.remove(&key) {
            ledger.restore(&key, entry);
        }
    }
    ledger.closed = closed
        .into_iter()
        .filter(|key| ledger.orders.contains_key(key))
        .collect();
    Some((ledger, state.begun, state.epoch))
}
