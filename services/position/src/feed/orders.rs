//! Fills: their history, then every new one.

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::common::v1::StreamEndReason;
use chimera_contracts::order::v1::order_service_client::OrderServiceClient;
use chimera_contracts::order::v1::watch_orders_response::Frame;
use chimera_contracts::order::v1::{
    ListFillsRequest, OrderChange, WatchOrdersRequest, WatchOrdersResponse,
};
use chimera_runtime::Channel;
use chimera_runtime::fault::reason_of;
use tokio::sync::Notify;
use tonic::Streaming;

use super::{Lost, age_of, ask, open, wait_of};
use crate::backoff::Backoff;
use crate::metrics;
use crate::service::{Message, OrdersInput, Positions};

/// Fills a page. The orders read each fill's order from the journal for it, and a page must come
/// well within a call's deadline on a busy machine.
const PAGE_SIZE: i32 = 200;

/// How a stream that was followed ended.
enum Next {
    /// It continues from the token.
    Resume { after: Duration },
    /// The history is another one.
    Rebuild,
}

/// Feeds fills.
pub(crate) struct OrdersFeed {
    pub client: OrderServiceClient<Channel>,
    pub positions: Positions,
    /// Tells to read the whole history again.
    pub rebuild: Arc<Notify>,
    pub silence: Duration,
}

impl OrdersFeed {
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new();
        loop {
            match self.history().await {
                Ok(mut token) => match self.follow_on(&mut token, &mut backoff).await {
                    Ok(()) => tracing::info!("the history of fills is read again"),
                    Err(_) => return,
                },
                Err(Lost::Stopped(_)) => return,
                Err(error) => {
                    metrics::input_lost("orders");
                    tracing::warn!(%error, "the history of fills was not read");
                }
            }
            tokio::time::sleep(backoff.wait()).await;
        }
    }

    /// Reads the whole history and returns the token with which the stream continues it.
    async fn history(&mut self) -> Result<String, Lost> {
        self.tell(OrdersInput::Rebuilding).await?;
        let mut page_token = String::new();
        loop {
            let request = ListFillsRequest {
                page_size: PAGE_SIZE,
                page_token,
                ..Default::default()
            };
            let page = ask(self.client.list_fills(request)).await?;
            self.tell(OrdersInput::History(page.fills)).await?;
            if page.next_page_token.is_empty() {
                if page.resume_token.is_empty() {
                    // Without it, fills between the list and the stream would be lost.
                    return Err(Lost::Breach("the last page of fills has no resume token"));
                }
                self.tell(OrdersInput::Rebuilt).await?;
                return Ok(page.resume_token);
            }
            page_token = page.next_page_token;
        }
    }

    /// Follows the stream over losses, until the history must be read again.
    async fn follow_on(&mut self, token: &mut String, backoff: &mut Backoff) -> Result<(), Lost> {
        loop {
            let wait = match self.follow(token, backoff).await {
                Ok(Next::Rebuild) => return Ok(()),
                Ok(Next::Resume { after }) => after,
                Err(Lost::Stopped(error)) => return Err(error.into()),
                Err(Lost::Refused(status)) if must_rebuild(&status) => {
                    tracing::warn!(%status, "the stream of fills cannot be continued");
                    return Ok(());
                }
                Err(error) => {
                    metrics::input_lost("orders");
                    tracing::warn!(%error, "the stream of fills was lost");
                    backoff.wait()
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn follow(&mut self, token: &mut String, backoff: &mut Backoff) -> Result<Next, Lost> {
        let request = WatchOrdersRequest {
            resume_token: token.clone(),
            ..Default::default()
        };
        let mut frames = open(self.client.watch_orders(request)).await?;
        let rebuild = self.rebuild.clone();
        let mut last_seq = None;
        loop {
            let frame = tokio::select! {
                biased;
                () = rebuild.notified() => return Ok(Next::Rebuild),
                frame = next(&mut frames, self.silence) => frame?,
            };
            backoff.heard();
            match frame {
                Frame::Ack(_) => {}
                // Asked to continue, the stream begins anew: what was between is not in it.
                Frame::Snapshot(_) => return Ok(Next::Rebuild),
                Frame::Change(change) => {
                    if !follows(&change, &mut last_seq) {
                        tracing::error!(seq = change.seq, "the stream of fills has a gap");
                        return Ok(Next::Rebuild);
                    }
                    let resume_token = change.resume_token;
                    match change.fill {
                        Some(fill) => self.tell(OrdersInput::Fill(Box::new(fill))).await?,
                        None => self.heard(Duration::ZERO).await?,
                    }
                    keep(token, resume_token);
                }
                Frame::Heartbeat(beat) => {
                    keep(token, beat.resume_token);
                    self.heard(age_of(beat.staleness)).await?;
                }
                Frame::Goodbye(goodbye) => {
                    keep(token, goodbye.resume_token);
                    if goodbye.reason == i32::from(StreamEndReason::EpochChanged) {
                        return Ok(Next::Rebuild);
                    }
                    // A peer that says "at once" is not dialled in a loop.
                    let after = wait_of(goodbye.reconnect_after).max(backoff.wait());
                    return Ok(Next::Resume { after });
                }
            }
        }
    }

    async fn heard(&self, staleness: Duration) -> Result<(), Lost> {
        self.tell(OrdersInput::Heard { staleness }).await
    }

    async fn tell(&self, input: OrdersInput) -> Result<(), Lost> {
        Ok(self.positions.tell(Message::Orders(input)).await?)
    }
}

async fn next(
    frames: &mut Streaming<WatchOrdersResponse>,
    silence: Duration,
) -> Result<Frame, Lost> {
    let message = tokio::time::timeout(silence, frames.message()).await;
    let message = message.map_err(|_| Lost::Silent(silence))??;
    message
        .ok_or(Lost::Ended)?
        .frame
        .ok_or(Lost::Breach("a frame is empty"))
}

/// Says whether a change comes right after the last one of this stream.
fn follows(change: &OrderChange, last_seq: &mut Option<u64>) -> bool {
    let right_after = last_seq.is_none_or(|last| change.prev_seq == last);
    *last_seq = Some(change.seq);
    right_after
}

/// Keeps the newest token; a frame without one leaves the last.
fn keep(token: &mut String, newer: String) {
    if !newer.is_empty() {
        *token = newer;
    }
}

/// Says whether the token is of no use any more.
fn must_rebuild(status: &tonic::Status) -> bool {
    let reason = reason_of(status);
    matches!(
        reason.as_deref(),
        Some("RESUME_EXPIRED" | "INVALID_RESUME_TOKEN")
    )
}
