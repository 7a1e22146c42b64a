//! One watch stream: cursors into the topics it follows, and the frames it gets.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use chimera_contracts::{
    common::v1::{StreamAck, StreamEndReason, StreamGoodbye, StreamHeartbeat, StreamLagged},
    market_data::v1::{WatchResponse, watch_response::Frame},
};
use chimera_runtime::{clock::Clock, drain::Signal};
use tokio::time::Instant;

use crate::{
    codec, encode, metrics,
    service::StreamPermit,
    topic::{Followed, Read, Wake},
};

#[cfg(test)]
mod tests;

/// Bytes of updates put into one frame at most: a few HTTP/2 windows, so that a reader that comes
/// back after a pause is served in pieces it can take.
const FRAME_BYTES_MAX: usize = 64 * 1024;
/// While changes keep coming, those within this travel as one frame: a frame costs the transport and
/// the reader far more than what is in it. A runtime's timer fires by the millisecond, so that half of
/// one makes a frame a millisecond. The first change after a pause does not wait.
const GATHER_EVERY: Duration = Duration::from_micros(500);
/// When a reader whose stream ended in order may come back.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// A subscription that stands.
pub struct Seat {
    topic: Arc<dyn Followed>,
    follower: u64,
    cursor: u64,
    depth: usize,
}

/// What a reader needs of its surroundings.
pub struct Surroundings {
    /// How often a quiet stream says that it lives.
    pub heartbeat: Duration,
    /// Tells when the server drains.
    pub drain: Signal,
    /// Stamps heartbeats.
    pub clock: Clock,
    /// Released when the stream ends.
    pub _permit: StreamPermit,
}

/// The reader itself. Dropping it takes its seats away.
pub struct Reader {
    wake: Arc<Wake>,
    seats: Vec<Seat>,
    frames: VecDeque<Bytes>,
    /// Seats that changed and were not looked at yet, each once.
    changed: Vec<usize>,
    next_gather: Instant,
    surroundings: Surroundings,
    next_heartbeat: Instant,
    updates_sent: u64,
    ended: bool,
}

impl Reader {
    /// Returns a reader of topics, each with the depth of its snapshot, that begins with `ack` and the
    /// snapshots that there are.
    pub fn new(
        ack: StreamAck,
        topics: Vec<(Arc<dyn Followed>, usize)>,
        surroundings: Surroundings,
    ) -> Self {
        let wake = Arc::new(Wake::default());
        let now = Instant::now();
        let mut reader = Self {
            changed: Vec::new(),
            next_gather: now,
            next_heartbeat: now + surroundings.heartbeat,
            wake: wake.clone(),
            seats: Vec::with_capacity(topics.len()),
            frames: VecDeque::new(),
            surroundings,
            updates_sent: 0,
            ended: false,
        };
        reader.push(Frame::Ack(ack));
        let mut elements = Vec::new();
        for (slot, (topic, depth)) in topics.into_iter().enumerate() {
            // Seated before the snapshot is taken: what comes in between is in both, never in neither.
            let follower = topic.follow(wake.clone(), slot);
            let mut cursor = 0;
            elements.extend(topic.show(depth, &mut cursor));
            reader.seats.push(Seat {
                topic,
                follower,
                cursor,
                depth,
            });
        }
        reader.push_updates(&mut elements);
        reader
    }

    /// Returns the next frame, or `None` after the last. Cancel-safe.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                self.next_heartbeat = Instant::now() + self.surroundings.heartbeat;
                return Some(frame);
            }
            if self.ended {
                return None;
            }
            self.changed.append(&mut self.wake.take());
            if self.changed.is_empty() {
                tokio::select! {
                    biased;
                    () = self.surroundings.drain.draining() => self.say_goodbye(),
                    () = self.wake.changed() => {}
                    () = tokio::time::sleep_until(self.next_heartbeat) => self.push_heartbeat(),
                }
            } else if self.surroundings.drain.is_draining() {
                // A busy stream must not outlive the drain.
                self.say_goodbye();
            } else if Instant::now() < self.next_gather {
                tokio::select! {
                    biased;
                    () = self.surroundings.drain.draining() => self.say_goodbye(),
                    () = tokio::time::sleep_until(self.next_gather) => {}
                }
            } else {
                self.gather();
                self.next_gather = Instant::now() + GATHER_EVERY;
            }
        }
    }

    fn gather(&mut self) {
        let mut elements = Vec::new();
        for slot in std::mem::take(&mut self.changed) {
            let Some(seat) = self.seats.get_mut(slot) else {
                continue;
            };
            match seat.topic.read(seat.follower, &mut seat.cursor) {
                Read::Changes(changes) => elements.extend(changes),
                Read::Behind { from_seq, to_seq } => {
                    let item = seat.topic.name().text();
                    let fresh = seat
                        .topic
                        .make_good(seat.follower, seat.depth, &mut seat.cursor);
                    let dropped = to_seq - from_seq + 1;
                    metrics::lagged(dropped);
                    self.push_updates(&mut elements);
                    self.push(Frame::Lagged(StreamLagged {
                        dropped,
                        from_seq,
                        to_seq,
                        item,
                    }));
                    elements.extend(fresh);
                }
            }
        }
        self.push_updates(&mut elements);
    }

    fn push_updates(&mut self, elements: &mut Vec<Bytes>) {
        let mut begin = 0;
        let mut bytes = 0;
        for (at, element) in elements.iter().enumerate() {
            if at > begin && bytes + element.len() > FRAME_BYTES_MAX {
                self.frames.push_back(codec::frame(&elements[begin..at]));
                (begin, bytes) = (at, 0);
            }
            bytes += element.len();
        }
        if begin < elements.len() {
            self.frames.push_back(codec::frame(&elements[begin..]));
        }
        self.updates_sent += elements.len() as u64;
        elements.clear();
    }

    fn push_heartbeat(&mut self) {
        let now = Instant::now();
        let staleness = self
            .seats
            .iter()
            .map(|seat| seat.topic.silent_for(now))
            .min();
        let sent = self.surroundings.clock.now_nanos();
        self.push(Frame::Heartbeat(StreamHeartbeat {
            last_seq: self.updates_sent,
            staleness: staleness.map(encode::duration),
            sent_time: u64::try_from(sent)
                .ok()
                .map(|nanos| encode::time(chimera_model::UnixNanos::from_nanos(nanos))),
            resume_token: String::new(),
        }));
    }

    fn say_goodbye(&mut self) {
        self.ended = true;
        self.push(Frame::Goodbye(StreamGoodbye {
            reason: StreamEndReason::Draining.into(),
            reconnect_after: Some(encode::duration(RECONNECT_AFTER)),
            resume_token: String::new(),
        }));
    }

    fn push(&mut self, frame: Frame) {
        self.frames
            .push_back(codec::plain(&WatchResponse { frame: Some(frame) }));
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for seat in &self.seats {
            seat.topic.leave(seat.follower);
        }
    }
}
