//! The status stream: ack, snapshot, changes, heartbeats, and a goodbye when the process drains.

use std::collections::VecDeque;
use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::egress::v1 as pb;
use chimera_contracts::egress::v1::watch_status_response::Frame;
use chimera_runtime::drain::Signal;
use futures::{Stream, stream};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::{cluster, duration, health};
use crate::egress::Egress;
use crate::status::{StatusChange, StatusUpdate, StatusWatch};

/// Silence after which a heartbeat goes out. Each also judges the clusters anew, so that the end of
/// a ban is told within this time though nobody calls.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long a reader should wait before it asks the next instance.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

struct Watch {
    egress: Egress,
    drain: Signal,
    /// One cluster, or all when empty.
    wanted: String,
    changes: StatusWatch,
    ready: VecDeque<Frame>,
    /// Of the last change or snapshot on this stream; a filtered stream skips the others' numbers.
    last_seq: u64,
    last_news: Instant,
    ended: bool,
}

/// Returns the frames of one watcher. Nothing runs while nobody reads.
pub(super) fn frames(
    egress: Egress,
    drain: Signal,
    wanted: String,
) -> impl Stream<Item = Result<pb::WatchStatusResponse, Status>> + Send {
    let changes = egress.watch();
    let mut watch = Watch {
        egress,
        drain,
        wanted,
        changes,
        ready: VecDeque::new(),
        last_seq: 0,
        last_news: Instant::now(),
        ended: false,
    };
    watch.begin();
    stream::unfold(watch, |mut watch| async move {
        let frame = watch.next().await?;
        Some((Ok(pb::WatchStatusResponse { frame: Some(frame) }), watch))
    })
}

impl Watch {
    fn begin(&mut self) {
        let names = self.egress.cluster_names().into_iter();
        let items = names
            .filter(|name| self.wants(name))
            .map(|item| common::StreamItemStatus {
                item,
                accepted: true,
                reason: String::new(),
                message: String::new(),
            });
        let ack = common::StreamAck {
            epoch: self.egress.epoch(),
            items: items.collect(),
        };
        self.ready.push_back(Frame::Ack(ack));
        self.snapshot();
    }

    fn wants(&self, name: &str) -> bool {
        self.wanted.is_empty() || self.wanted == name
    }

    /// Puts the clusters as they stand in line.
    fn snapshot(&mut self) {
        // The sequence is read first: a change in between is in the snapshot and comes again, which
        // says the same twice; the other way round it would be lost.
        self.last_seq = self.egress.sequence();
        self.last_news = Instant::now();
        let clusters = self.egress.clusters().into_iter();
        let clusters = clusters
            .filter(|status| self.wants(&status.name))
            .map(cluster)
            .collect();
        let snapshot = pb::StatusSnapshot {
            seq: self.last_seq,
            clusters,
        };
        self.ready.push_back(Frame::Snapshot(snapshot));
    }

    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            if self.ended {
                return None;
            }
            let heartbeat_at = Instant::now() + HEARTBEAT;
            tokio::select! {
                biased;
                () = self.drain.draining() => self.goodbye(),
                update = self.changes.next() => match update {
                    Some(StatusUpdate::Change(change)) => self.change(change),
                    Some(StatusUpdate::Lagged { .. }) => self.lagged(),
                    None => self.ended = true,
                },
                () = sleep_until(heartbeat_at) => self.heartbeat(),
            }
        }
    }

    fn change(&mut self, change: StatusChange) {
        if change.sequence <= self.last_seq || !self.wants(&change.cluster.name) {
            return;
        }
        let recovered = change.recovered();
        let change = pb::StatusChange {
            prev_seq: self.last_seq,
            seq: change.sequence,
            previous: health(change.previous).into(),
            cluster: Some(cluster(change.cluster)),
            recovered,
        };
        self.last_seq = change.seq;
        self.last_news = Instant::now();
        self.ready.push_back(Frame::Change(change));
    }

    fn lagged(&mut self) {
        let from_seq = self.last_seq + 1;
        let marker = self.ready.len();
        self.snapshot();
        let lagged = common::StreamLagged {
            dropped: (self.last_seq + 1).saturating_sub(from_seq),
            from_seq,
            to_seq: self.last_seq,
            item: self.wanted.clone(),
        };
        self.ready.insert(marker, Frame::Lagged(lagged));
    }

    fn heartbeat(&mut self) {
        // May find changes; they come out of the channel next.
        let _ = self.egress.clusters();
        let heartbeat = common::StreamHeartbeat {
            last_seq: self.last_seq,
            staleness: Some(duration(self.last_news.elapsed())),
            sent_time: Some(self.egress.clock().system_time().into()),
            resume_token: String::new(),
        };
        self.ready.push_back(Frame::Heartbeat(heartbeat));
    }

    fn goodbye(&mut self) {
        self.ended = true;
        self.ready.push_back(Frame::Goodbye(common::StreamGoodbye {
            reason: common::StreamEndReason::Draining.into(),
            reconnect_after: Some(duration(RECONNECT_AFTER)),
            resume_token: String::new(),
        }));
    }
}
