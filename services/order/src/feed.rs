//! The stream of an account, opened again whenever it ends.

use std::time::Duration;

use chimera_contracts::connector::v1 as pb;
use pb::watch_account_response::Frame;
use tokio::sync::mpsc;

use crate::call::{Feed, FeedEvent, Told};
use crate::key::SiteKey;
use crate::market::Connector;

/// Reads the stream of one account for as long as the service runs.
pub(crate) struct AccountFeed {
    pub(crate) connector: Connector,
    pub(crate) site: SiteKey,
    pub(crate) told: mpsc::Sender<Told>,
    pub(crate) pause: Duration,
    pub(crate) pause_max: Duration,
}

impl AccountFeed {
    /// Runs until the owner of the state is gone.
    pub(crate) async fn run(mut self) {
        let mut pause = self.pause;
        for opening in 1.. {
            let (heard, words) = self.read(opening).await;
            if self.tell(opening, FeedEvent::Lost(words)).await.is_err() {
                return;
            }
            pause = if heard {
                self.pause
            } else {
                (pause * 2).min(self.pause_max)
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads one stream to its end; returns whether it said anything, and why it ended.
    async fn read(&mut self, opening: u64) -> (bool, String) {
        let request = pb::WatchAccountRequest {
            account: self.site.account.to_string(),
            venue: self.site.venue.to_string(),
        };
        let mut frames = match self.connector.watch_account(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return (false, status.message().to_owned()),
        };
        let mut heard = false;
        loop {
            let frame = match frames.message().await {
                Ok(Some(frame)) => frame.frame,
                Ok(None) => return (heard, "the stream ended".to_owned()),
                Err(status) => return (heard, status.message().to_owned()),
            };
            let event = match frame {
                Some(Frame::Snapshot(snapshot)) => FeedEvent::Opened(Box::new(snapshot)),
                Some(Frame::Event(event)) => FeedEvent::Said(Box::new(event)),
                Some(Frame::Goodbye(goodbye)) => {
                    return (
                        heard,
                        format!("the stream said goodbye: {:?}", goodbye.reason()),
                    );
                }
                Some(Frame::Ack(_) | Frame::Heartbeat(_)) | None => continue,
            };
            heard = true;
            if self.tell(opening, event).await.is_err() {
                return (heard, "the service ends".to_owned());
            }
        }
    }

    async fn tell(&self, opening: u64, what: FeedEvent) -> Result<(), ()> {
        let feed = Feed {
            site: self.site,
            opening,
            what,
        };
        self.told.send(Told::Feed(feed)).await.map_err(|_| ())
    }
}
