//! A client that watches orders across every kill, resuming where it was: what it is told must be a
//! gapless chain, and every fill it hears of must be there in the end.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chimera_contracts::order::v1::{
    OrderChange, WatchOrdersRequest, WatchOrdersResponse, order_service_client::OrderServiceClient,
    watch_orders_response::Frame,
};
use chimera_runtime::Channel;
use tokio::sync::watch;
use tonic::{Code, Status};

use super::report::Findings;

/// Before a stream that ended is opened again: the mesh may be down for some hundred of these.
const REOPEN_PAUSE: Duration = Duration::from_millis(20);

/// What a watcher was told. Bounded by the fills of a run.
#[derive(Debug, Default)]
pub struct Watched {
    /// Fills by venue, trade and venue order.
    pub fills: BTreeSet<(String, String, String)>,
    /// How often history was not kept and a snapshot began anew.
    pub snapshots: u64,
    /// Gaps and repetitions.
    pub findings: Findings,
    token: String,
    last_seq: Option<u64>,
}

/// What a watcher was told, as far as it has come.
pub type SharedWatched = Arc<Mutex<Watched>>;

/// Returns what was told so far.
pub fn told(watched: &SharedWatched) -> MutexGuard<'_, Watched> {
    // Every change of it is whole, so a panic elsewhere does not spoil it.
    watched.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Watches until it is aborted, whatever becomes of the mesh.
pub async fn watch(way: watch::Receiver<Option<Channel>>, watched: SharedWatched) {
    loop {
        let channel = way.borrow().clone();
        if let Some(channel) = channel {
            follow(&watched, channel).await;
        }
        tokio::time::sleep(REOPEN_PAUSE).await;
    }
}

/// Reads one stream to its end; however it ends, the next one goes on after its last frame.
async fn follow(watched: &SharedWatched, channel: Channel) {
    let request = WatchOrdersRequest {
        resume_token: told(watched).token.clone(),
        ..WatchOrdersRequest::default()
    };
    let mut client = OrderServiceClient::new(channel);
    let mut stream = match client.watch_orders(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return told(watched).refused(&status),
    };
    loop {
        match stream.message().await {
            Ok(Some(frame)) => told(watched).take(frame),
            Ok(None) => return,
            Err(status) => return told(watched).refused(&status),
        }
    }
}

impl Watched {
    /// Returns whether it has heard all there was since it began: its history was kept all the while.
    pub fn is_unbroken(&self) -> bool {
        self.snapshots == 1
    }

    /// Returns what it heard of one venue; nothing when it could not hear of all.
    pub fn fills_at(&self, venue: &str) -> Option<BTreeSet<(String, String)>> {
        let here = self.fills.iter().filter(|(at, ..)| at == venue);
        self.is_unbroken().then(|| {
            here.map(|(_, trade, order)| (trade.clone(), order.clone()))
                .collect()
        })
    }

    /// Returns whether it has yet to hear of fills of so many; never when it cannot hear of all.
    pub fn is_behind(&self, fills: usize) -> bool {
        self.is_unbroken() && self.fills.len() < fills
    }

    fn refused(&mut self, status: &Status) {
        if status.code() == Code::OutOfRange {
            self.token.clear();
            self.last_seq = None;
        }
    }

    fn take(&mut self, frame: WatchOrdersResponse) {
        match frame.frame {
            Some(Frame::Snapshot(snapshot)) => {
                self.snapshots += 1;
                self.last_seq = Some(snapshot.seq);
                self.token = snapshot.resume_token;
            }
            Some(Frame::Change(change)) => self.change(change),
            _ => {}
        }
    }

    fn change(&mut self, change: OrderChange) {
        if let Some(last) = self.last_seq
            && change.prev_seq != last
        {
            let (prev, seq) = (change.prev_seq, change.seq);
            let words = format!("stream: after {last} came {seq}, which follows {prev}");
            self.findings.lost(words);
        }
        self.last_seq = Some(change.seq);
        self.token = change.resume_token;
        if let Some(fill) = change.fill.filter(|fill| !fill.inferred) {
            let key = (fill.venue, fill.trade_id, fill.venue_order_id);
            if let Some((venue, trade, order)) = self.fills.replace(key) {
                let words = format!("{venue} stream: trade {trade} of order {order} told twice");
                self.findings.doubled(words);
            }
        }
    }
}
