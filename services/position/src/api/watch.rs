//! One reader's stream, frame by frame.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::position::v1 as pb;
use chimera_contracts::position::v1::watch_positions_response::Frame;
use chimera_runtime::clock::Clock;
use chimera_runtime::drain::Hold;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tonic::Status;

use crate::hub::{Change, End, Filter, Item, Reader};
use crate::render;
use crate::service::{Start, Subscription, moment};
use crate::token::{Place, Tokens};

/// How long a reader that was too slow should wait: long enough to take in what it was sent.
const SLOW_RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// How long readers of a draining server should wait: about as long as the next one takes to start.
const DRAIN_RECONNECT_AFTER: Duration = Duration::from_millis(500);

/// What a stream is made from.
struct Stream {
    /// Frames that go before the reader's.
    first: VecDeque<Frame>,
    reader: Option<Reader>,
    place: Place,
    filter: Filter,
    tokens: Arc<Tokens>,
    clock: Clock,
    /// Keeps the drain open until the goodbye is read.
    _hold: Hold,
}

/// Returns the frames of a subscription: the acknowledgement, the snapshot or what was missed, then
/// every change, and a goodbye at an orderly end.
pub(super) fn frames(
    subscription: Subscription,
    filter: Filter,
    tokens: Arc<Tokens>,
    clock: Clock,
    hold: Hold,
) -> BoxStream<'static, Result<pb::WatchPositionsResponse, Status>> {
    let Subscription { start, reader } = subscription;
    let mut first = VecDeque::from([Frame::Ack(acknowledgement(&tokens, &filter))]);
    let place = match start {
        Start::Snapshot(snapshot) => {
            let seq = snapshot.seq;
            first.push_back(Frame::Snapshot(*snapshot));
            Place {
                seq,
                last_sent: seq,
            }
        }
        Start::Resumed { mut place, missed } => {
            for change in &missed {
                first.push_back(change_frame(change, &mut place, &tokens, &filter));
            }
            place
        }
    };
    let stream = Stream {
        first,
        reader: Some(reader),
        place,
        filter,
        tokens,
        clock,
        _hold: hold,
    };
    stream::unfold(stream, |mut stream| async move {
        let frame = stream.next().await?;
        Some((
            Ok(pb::WatchPositionsResponse { frame: Some(frame) }),
            stream,
        ))
    })
    .boxed()
}

impl Stream {
    async fn next(&mut self) -> Option<Frame> {
        if let Some(frame) = self.first.pop_front() {
            return Some(frame);
        }
        let reader = self.reader.as_mut()?;
        let frame = match reader.next().await {
            Some(Item::Change(change)) => {
                change_frame(&change, &mut self.place, &self.tokens, &self.filter)
            }
            Some(Item::Heartbeat { seq, staleness }) => {
                self.place.seq = self.place.seq.max(seq);
                Frame::Heartbeat(common::StreamHeartbeat {
                    last_seq: self.place.last_sent,
                    staleness: staleness.map(render::duration),
                    sent_time: Some(render::timestamp(moment(&self.clock).unix)),
                    resume_token: self.tokens.write(self.place, &self.filter),
                })
            }
            None => {
                let end = reader.end();
                self.reader = None;
                self.goodbye(end)
            }
        };
        Some(frame)
    }

    fn goodbye(&self, end: End) -> Frame {
        let (reason, after) = match end {
            End::Slow => (common::StreamEndReason::SlowReader, SLOW_RECONNECT_AFTER),
            End::Draining => (common::StreamEndReason::Draining, DRAIN_RECONNECT_AFTER),
        };
        Frame::Goodbye(common::StreamGoodbye {
            reason: reason.into(),
            reconnect_after: Some(render::duration(after)),
            resume_token: self.tokens.write(self.place, &self.filter),
        })
    }
}

fn acknowledgement(tokens: &Tokens, filter: &Filter) -> common::StreamAck {
    let or_all = |name: Option<String>| name.unwrap_or_else(|| "*".to_owned());
    let account = or_all(filter.account.map(|account| account.to_string()));
    let venue = or_all(filter.venue.map(|venue| venue.to_string()));
    common::StreamAck {
        epoch: tokens.epoch().to_owned(),
        items: vec![common::StreamItemStatus {
            item: format!("{account}/{venue}"),
            accepted: true,
            reason: String::new(),
            message: String::new(),
        }],
    }
}

/// Returns a change's frame and steps past it.
fn change_frame(change: &Change, place: &mut Place, tokens: &Tokens, filter: &Filter) -> Frame {
    let prev_seq = place.last_sent;
    *place = Place {
        seq: change.seq,
        last_sent: change.seq,
    };
    Frame::Change(pb::PositionChange {
        prev_seq,
        seq: change.seq,
        change: Some(change.body.clone()),
        resume_token: tokens.write(*place, filter),
    })
}
