//! Opening the order stream, and the frames a reader gets.

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::order::v1 as pb;
use chimera_runtime::Clock;
use chimera_runtime::drain::Signal;
use futures::Stream;
use pb::watch_orders_response::Frame;
use tokio::sync::mpsc;
use tonic::Status;

use crate::error::OrderError;
use crate::follow::Waiter;
use crate::ledger::Change;
use crate::render;
use crate::service::{Desk, lock};
use crate::watch::{Filter, Opened, Token};

/// How long an ended reader waits before it comes back.
const RECONNECT_AFTER: Duration = Duration::from_millis(100);

impl Desk {
    /// Opens a stream at a moment: the snapshot holds everything before it, the changes everything
    /// after.
    pub(crate) fn watch(&mut self, filter: Filter, after: Option<u64>, reply: Waiter<Opened>) {
        let last = self.next_seq - 1;
        if after.is_some_and(|after| after > last) {
            return self.reply_read(reply, Err(OrderError::InvalidResumeToken));
        }
        let snapshot = after.is_none().then(|| {
            let open = self
                .ledger
                .open
                .iter()
                .filter_map(|key| self.ledger.get(key));
            let orders = open.filter(|entry| {
                let spec = entry.order.spec();
                filter.account.is_none_or(|account| account == spec.account)
                    && filter.venue.is_none_or(|venue| venue == spec.venue)
                    && filter.symbol.is_none_or(|symbol| symbol == spec.symbol)
            });
            let orders = orders.map(render::order).collect();
            (orders, render::trading_state(self.ledger.trading.state))
        });
        let seq = after.unwrap_or(last);
        let (hub, epoch) = (Arc::clone(&self.hub), self.epoch.clone());
        // In its place among the effects: every change before it is published, none after it is.
        self.effect(Box::new(move |_| {
            let opened = lock(&hub).open(filter, seq);
            let opened = opened.map(|(backlog, changes)| Opened {
                epoch,
                snapshot,
                seq,
                backlog,
                changes,
            });
            let _ = reply.send(opened);
        }));
    }
}

/// The frames of one reader's stream.
pub(crate) struct Frames {
    epoch: String,
    filter: Filter,
    /// The sequence of the last change sent.
    last: u64,
    backlog: std::vec::IntoIter<Arc<Change>>,
    changes: mpsc::Receiver<Arc<Change>>,
    first: std::vec::IntoIter<Frame>,
    heartbeat: Duration,
    clock: Clock,
    drain: Signal,
    ended: bool,
}

impl Frames {
    pub(crate) fn new(
        opened: Opened,
        filter: Filter,
        heartbeat: Duration,
        clock: Clock,
        drain: Signal,
    ) -> Self {
        let token = |seq| Token { seq }.text(&opened.epoch, &filter);
        let item = common::StreamItemStatus {
            item: "orders".to_owned(),
            accepted: true,
            ..Default::default()
        };
        let mut first = vec![Frame::Ack(common::StreamAck {
            epoch: opened.epoch.clone(),
            items: vec![item],
        })];
        if let Some((orders, trading_state)) = opened.snapshot {
            first.push(Frame::Snapshot(pb::OrderSnapshot {
                seq: opened.seq,
                orders,
                resume_token: token(opened.seq),
                trading_state: trading_state.into(),
            }));
        }
        Self {
            epoch: opened.epoch,
            filter,
            last: opened.seq,
            backlog: opened.backlog.into_iter(),
            changes: opened.changes,
            first: first.into_iter(),
            heartbeat,
            clock,
            drain,
            ended: false,
        }
    }

    /// Returns the frames as a stream.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<pb::WatchOrdersResponse, Status>> {
        futures::stream::unfold(self, |mut frames| async move {
            let frame = frames.next().await?;
            Some((Ok(pb::WatchOrdersResponse { frame: Some(frame) }), frames))
        })
    }

    async fn next(&mut self) -> Option<Frame> {
        if self.ended {
            return None;
        }
        if let Some(frame) = self.first.next() {
            return Some(frame);
        }
        if let Some(change) = self.backlog.next() {
            return Some(self.change(&change));
        }
        tokio::select! {
            biased;
            change = self.changes.recv() => Some(match change {
                Some(change) => self.change(&change),
                None if self.drain.is_draining() => {
                    self.goodbye(common::StreamEndReason::Draining)
                }
                None => self.goodbye(common::StreamEndReason::SlowReader),
            }),
            () = self.drain.draining() => {
                Some(self.goodbye(common::StreamEndReason::Draining))
            }
            () = tokio::time::sleep(self.heartbeat) => Some(Frame::Heartbeat(self.beat())),
        }
    }

    fn change(&mut self, change: &Change) -> Frame {
        let prev_seq = std::mem::replace(&mut self.last, change.seq);
        Frame::Change(pb::OrderChange {
            prev_seq,
            seq: change.seq,
            order: Some(change.order.clone()),
            fill: change.fill.clone(),
            cause: change.cause.to_owned(),
            resume_token: self.token(),
        })
    }

    fn beat(&self) -> common::StreamHeartbeat {
        let now = chimera_model::UnixNanos::from_nanos(
            u64::try_from(self.clock.now_nanos()).unwrap_or(0),
        );
        common::StreamHeartbeat {
            last_seq: self.last,
            // The source is this process: what it knows is on the stream.
            staleness: Some(render::duration(Duration::ZERO)),
            sent_time: Some(render::timestamp(now)),
            resume_token: self.token(),
        }
    }

    fn goodbye(&mut self, reason: common::StreamEndReason) -> Frame {
        self.ended = true;
        Frame::Goodbye(common::StreamGoodbye {
            reason: reason.into(),
            reconnect_after: Some(render::duration(RECONNECT_AFTER)),
            resume_token: self.token(),
        })
    }

    fn token(&self) -> String {
        Token { seq: self.last }.text(&self.epoch, &self.filter)
    }
}
