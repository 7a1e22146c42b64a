//! One stream of status changes out of the streams of all processes.

use std::time::Duration;

use chimera_contracts::{
    api_factory::v1::{
        ProcessCluster, StatusEvent, StatusSnapshot, WatchStatusResponse,
        watch_status_response::Frame,
    },
    common::v1::{
        StreamAck, StreamEndReason, StreamGoodbye, StreamHeartbeat, StreamItemStatus, StreamLagged,
    },
    egress::v1::{self as egress, Cluster, Status as Health, StatusChange},
};
use futures::stream::{self, BoxStream, StreamExt as _};
use prost_types::Timestamp;
use tokio::{sync::mpsc, time::Instant};
use tonic::Status;

use crate::{api::FactoryApi, gather::Process};

/// Frames of all processes that wait for one reader; status changes are rare, and each process's stream
/// conflates by itself beyond this.
const WAITING_MAX: usize = 256;
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Between two attempts to reach a process.
const REDIAL: Duration = Duration::from_secs(1);
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// What one process said.
type Said = (String, egress::watch_status_response::Frame);

struct Watch {
    api: FactoryApi,
    frames: mpsc::Receiver<Said>,
    seq: u64,
    next_heartbeat: Instant,
    last_input: Instant,
    state: State,
}

enum State {
    Ack(String),
    Live,
    Ended,
}

/// Opens the stream: ack, the clusters of each process as it is reached, then changes.
pub fn watch(
    api: &FactoryApi,
    cluster: String,
) -> BoxStream<'static, Result<WatchStatusResponse, Status>> {
    let (sender, frames) = mpsc::channel(WAITING_MAX);
    for process in api.processes.clone() {
        let (sender, cluster) = (sender.clone(), cluster.clone());
        let tasks = api.tasks.clone();
        api.tasks.spawn("status of a process", async move {
            tokio::select! {
                () = tasks.cancelled() => {}
                () = follow(process, cluster, sender) => {}
            }
        });
    }
    let now = Instant::now();
    let watch = Watch {
        api: api.clone(),
        frames,
        seq: 0,
        next_heartbeat: now + HEARTBEAT,
        last_input: now,
        state: State::Ack(cluster),
    };
    stream::unfold(watch, |mut watch| async move {
        let frame = watch.next().await?;
        Some((Ok(WatchStatusResponse { frame: Some(frame) }), watch))
    })
    .boxed()
}

/// Hands on what one process says, redialling for as long as somebody reads.
async fn follow(process: Process, cluster: String, sender: mpsc::Sender<Said>) {
    loop {
        let request = egress::WatchStatusRequest {
            cluster: cluster.clone(),
        };
        if let Ok(answer) = process.client().watch_status(request).await {
            let mut frames = answer.into_inner();
            while let Ok(Some(message)) = frames.message().await {
                if let Some(frame) = message.frame
                    && sender.send((process.name.clone(), frame)).await.is_err()
                {
                    return;
                }
            }
        }
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(REDIAL) => {}
        }
    }
}

impl Watch {
    async fn next(&mut self) -> Option<Frame> {
        match std::mem::replace(&mut self.state, State::Live) {
            State::Ack(cluster) => {
                let item = if cluster.is_empty() {
                    "all clusters".to_owned()
                } else {
                    cluster
                };
                let items = vec![StreamItemStatus {
                    item,
                    accepted: true,
                    ..StreamItemStatus::default()
                }];
                return Some(Frame::Ack(StreamAck {
                    epoch: String::new(),
                    items,
                }));
            }
            State::Ended => {
                self.state = State::Ended;
                return None;
            }
            State::Live => {}
        }
        loop {
            tokio::select! {
                biased;
                () = self.api.drain.draining() => {
                    self.state = State::Ended;
                    return Some(Frame::Goodbye(StreamGoodbye {
                        reason: StreamEndReason::Draining.into(),
                        reconnect_after: prost_types::Duration::try_from(RECONNECT_AFTER).ok(),
                        resume_token: String::new(),
                    }));
                }
                said = self.frames.recv() => {
                    let (process, frame) = said?;
                    self.last_input = Instant::now();
                    if let Some(frame) = self.translate(process, frame) {
                        self.next_heartbeat = Instant::now() + HEARTBEAT;
                        return Some(frame);
                    }
                }
                () = tokio::time::sleep_until(self.next_heartbeat) => {
                    self.next_heartbeat = Instant::now() + HEARTBEAT;
                    return Some(Frame::Heartbeat(StreamHeartbeat {
                        last_seq: self.seq,
                        staleness: prost_types::Duration::try_from(self.last_input.elapsed()).ok(),
                        sent_time: Some(self.now()),
                        resume_token: String::new(),
                    }));
                }
            }
        }
    }

    fn translate(
        &mut self,
        process: String,
        frame: egress::watch_status_response::Frame,
    ) -> Option<Frame> {
        use egress::watch_status_response::Frame as Theirs;
        match frame {
            Theirs::Snapshot(snapshot) => {
                let entry = |cluster: Cluster| ProcessCluster {
                    process: process.clone(),
                    cluster: Some(cluster),
                };
                Some(Frame::Snapshot(StatusSnapshot {
                    seq: self.seq,
                    clusters: snapshot.clusters.into_iter().map(entry).collect(),
                }))
            }
            Theirs::Change(change) => Some(Frame::Event(self.event(process, change))),
            Theirs::Lagged(lagged) => Some(Frame::Lagged(StreamLagged {
                dropped: lagged.dropped,
                from_seq: self.seq,
                to_seq: self.seq,
                item: process,
            })),
            // Their acks, heartbeats and goodbyes are about their stream, not this one.
            Theirs::Ack(_) | Theirs::Heartbeat(_) | Theirs::Goodbye(_) => None,
        }
    }

    fn event(&mut self, process: String, change: StatusChange) -> StatusEvent {
        let cluster = change.cluster.unwrap_or_default();
        let status = match cluster.status() {
            Health::Up if change.recovered => "recovered",
            Health::Degraded => "degraded",
            Health::Down => "down",
            Health::Up | Health::Unspecified => "up",
        };
        let prev_seq = self.seq;
        self.seq += 1;
        StatusEvent {
            prev_seq,
            seq: self.seq,
            process,
            api_name: cluster.name,
            status: status.to_owned(),
            reason: cluster.reason,
            event_time: cluster.since,
        }
    }

    fn now(&self) -> Timestamp {
        let nanos = self.api.clock.now_nanos();
        Timestamp {
            seconds: nanos.div_euclid(1_000_000_000),
            nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0),
        }
    }
}
