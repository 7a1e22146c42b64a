//! The frames of one reader of an account: acknowledgement, snapshot, then every report in its
//! place.

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::watch_account_response::Frame;
use chimera_runtime::drain::Signal;
use futures::{Stream, StreamExt, stream};
use tokio::time::timeout;

use crate::error::ConnectorError;
use crate::hub::{End, Entry, READERS_MAX, Reader};
use crate::session::Session;
use crate::wire;

#[cfg(test)]
mod tests;

/// How long nothing may be sent before a heartbeat is. Well below the half minute after which
/// proxies end quiet streams.
const HEARTBEAT_AFTER: Duration = Duration::from_secs(5);

/// When a reader that was too slow may come back: after it has reconciled, so nothing is won by
/// waiting.
const RETURN_AFTER: Duration = Duration::from_millis(250);

struct Watch {
    session: Arc<Session>,
    reader: Reader,
    drain: Signal,
    seq: u64,
    ended: bool,
}

/// Returns the frames of a new reader.
pub(crate) fn frames(
    session: Arc<Session>,
    epoch: String,
    drain: Signal,
) -> Result<impl Stream<Item = pb::WatchAccountResponse> + use<>, ConnectorError> {
    let limit = |_| ConnectorError::SubscriptionLimit {
        what: "readers of an account",
        limit: READERS_MAX,
    };
    let (seq, state, reader) = session.hub.subscribe(|| session.state()).map_err(limit)?;
    let item = common::StreamItemStatus {
        item: format!("{}/{}/account", session.desk.venue, session.account),
        accepted: true,
        ..Default::default()
    };
    let first = [
        Frame::Ack(common::StreamAck {
            epoch,
            items: vec![item],
        }),
        Frame::Snapshot(pb::AccountSnapshot {
            seq,
            session: Some(state),
        }),
    ];
    let watch = Watch {
        session,
        reader,
        drain,
        seq,
        ended: false,
    };
    let rest = stream::unfold(watch, |mut watch| async move {
        let frame = watch.next().await?;
        Some((frame, watch))
    });
    let frames = stream::iter(first).chain(rest);
    Ok(frames.map(|frame| pb::WatchAccountResponse { frame: Some(frame) }))
}

impl Watch {
    async fn next(&mut self) -> Option<Frame> {
        if self.ended {
            return None;
        }
        let drain = self.drain.clone();
        let next = tokio::select! {
            biased;
            next = timeout(HEARTBEAT_AFTER, self.reader.next()) => next,
            () = drain.draining() => Ok(Err(End::Closed)),
        };
        Some(match next {
            Ok(Ok(entry)) => self.event(&entry),
            Ok(Err(end)) => self.goodbye(end),
            Err(_) => Frame::Heartbeat(common::StreamHeartbeat {
                last_seq: self.seq,
                staleness: Some(wire::duration(self.session.staleness())),
                sent_time: Some(wire::timestamp(self.session.desk.now())),
                resume_token: String::new(),
            }),
        })
    }

    fn event(&mut self, entry: &Entry) -> Frame {
        let prev_seq = std::mem::replace(&mut self.seq, entry.seq);
        let event = Some(entry.event.clone());
        Frame::Event(pb::AccountEvent {
            prev_seq,
            seq: entry.seq,
            event,
        })
    }

    fn goodbye(&mut self, end: End) -> Frame {
        self.ended = true;
        let reason = match end {
            End::Slow => common::StreamEndReason::SlowReader,
            End::Closed => common::StreamEndReason::Draining,
        };
        Frame::Goodbye(common::StreamGoodbye {
            reason: reason.into(),
            reconnect_after: Some(wire::duration(RETURN_AFTER)),
            resume_token: String::new(),
        })
    }
}
