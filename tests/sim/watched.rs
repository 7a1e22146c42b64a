//! What a watcher of orders puts together from its stream (I8).

use std::collections::BTreeMap;

use chimera_contracts::order::v1 as order;
use chimera_contracts::order::v1::watch_orders_response::Frame;

/// What a watcher of orders has put together from its stream.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// The newest of each order.
    pub orders: BTreeMap<i64, order::Order>,
    /// How often each fill since then was told, by order and trade.
    pub fills: BTreeMap<(i64, String), u32>,
    /// The sequence of the last snapshot: all after it was told change by change.
    pub snapshot_seq: u64,
    /// The last sequence.
    pub seq: u64,
    /// Continues the stream.
    pub token: String,
    /// How often the stream was resumed.
    pub resumed: u32,
    /// How often it began anew.
    pub begun: u32,
    /// Changes seen.
    pub changes: u64,
}

impl Watched {
    /// Takes a frame and returns what is wrong with it.
    pub fn take(&mut self, frame: Frame, resumes: bool) -> Option<String> {
        match frame {
            Frame::Ack(_) => None,
            Frame::Snapshot(snapshot) => {
                self.begun += 1;
                self.seq = snapshot.seq;
                self.snapshot_seq = snapshot.seq;
                self.token = snapshot.resume_token;
                let orders = snapshot.orders.into_iter();
                self.orders = orders.map(|it| (it.client_order_index, it)).collect();
                self.fills.clear();
                resumes.then(|| "a resumed stream began with a snapshot".to_owned())
            }
            Frame::Change(change) => {
                let (before, seq) = (change.prev_seq, change.seq);
                let follows = before == self.seq && seq > before;
                let gap = format!("change {seq} follows {before}, {} was the last", self.seq);
                self.seq = seq;
                self.token = change.resume_token;
                self.changes += 1;
                if let Some(fill) = change.fill {
                    let key = (fill.client_order_index, fill.trade_id);
                    *self.fills.entry(key).or_default() += 1;
                }
                if let Some(order) = change.order {
                    self.orders.insert(order.client_order_index, order);
                }
                (!follows).then_some(gap)
            }
            Frame::Heartbeat(heartbeat) => {
                if !heartbeat.resume_token.is_empty() {
                    self.token = heartbeat.resume_token;
                }
                let (said, last) = (heartbeat.last_seq, self.seq);
                (said > last).then(|| format!("a heartbeat speaks of {said}, {last} was the last"))
            }
            Frame::Goodbye(goodbye) => {
                if !goodbye.resume_token.is_empty() {
                    self.token = goodbye.resume_token;
                }
                None
            }
        }
    }
}
