//! A reader of the account.

use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::account_event::Event;
use chimera_contracts::connector::v1::connector_service_client::ConnectorServiceClient;
use chimera_contracts::connector::v1::watch_account_response::Frame;
use chimera_runtime::Channel;
use tokio::time::timeout;
use tonic::Streaming;

use super::mesh::{ACCOUNT, SOON, VENUE};

/// A reader of the account that checks every sequence on the way.
pub(super) struct Watch {
    frames: Streaming<pb::WatchAccountResponse>,
    pub snapshot: pb::AccountSnapshot,
    seq: u64,
}

impl Watch {
    pub(super) async fn open(client: &ConnectorServiceClient<Channel>) -> Self {
        let request = pb::WatchAccountRequest {
            account: ACCOUNT.into(),
            venue: VENUE.into(),
        };
        let mut frames = client
            .clone()
            .watch_account(request)
            .await
            .unwrap()
            .into_inner();
        let ack = next(&mut frames).await;
        assert!(matches!(ack, Some(Frame::Ack(_))), "{ack:?}");
        let Some(Frame::Snapshot(snapshot)) = next(&mut frames).await else {
            panic!("the second frame is the snapshot");
        };
        let seq = snapshot.seq;
        Self {
            frames,
            snapshot,
            seq,
        }
    }

    /// Returns the next event; heartbeats pass.
    pub(super) async fn event(&mut self) -> Event {
        loop {
            match next(&mut self.frames).await {
                Some(Frame::Event(event)) => {
                    assert_eq!(event.prev_seq, self.seq, "no event is left out");
                    self.seq = event.seq;
                    return event.event.expect("an event holds something");
                }
                Some(Frame::Heartbeat(_)) => {}
                other => panic!("not an event: {other:?}"),
            }
        }
    }

    /// Returns the first event that `wanted` turns into something.
    pub(super) async fn find<T>(&mut self, wanted: impl Fn(Event) -> Option<T>) -> T {
        let find = async {
            loop {
                if let Some(found) = wanted(self.event().await) {
                    return found;
                }
            }
        };
        timeout(SOON, find).await.expect("the event comes")
    }

    /// Returns the next report of an order in a state, by a channel.
    pub(super) async fn order(
        &mut self,
        index: i64,
        status: pb::ReportedStatus,
        source: pb::ReportSource,
    ) -> pb::OrderReport {
        self.find(|event| match event {
            Event::Order(report)
                if report.client_order_index == index
                    && report.status() == status
                    && report.source() == source =>
            {
                Some(report)
            }
            _ => None,
        })
        .await
    }

    /// Waits until the stream has spoken of an order, by the venue's id.
    pub(super) async fn session_heard_of(&mut self, venue_order_id: &str) {
        self.find(|event| match event {
            Event::Order(report) => (report.venue_order_id == venue_order_id
                && report.source() == pb::ReportSource::Stream)
                .then_some(()),
            _ => None,
        })
        .await;
    }

    /// Returns the next change of the session to a state.
    pub(super) async fn state(&mut self, state: pb::SessionState) -> pb::Session {
        self.find(|event| match event {
            Event::Session(session) if session.state() == state => Some(session),
            _ => None,
        })
        .await
    }
}

async fn next(frames: &mut Streaming<pb::WatchAccountResponse>) -> Option<Frame> {
    let message = timeout(SOON, frames.message())
        .await
        .expect("a frame comes")
        .unwrap();
    message.and_then(|message| message.frame)
}
