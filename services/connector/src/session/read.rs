//! Reads one connection of the private stream. Never waits for whoever listens (F90).

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use chimera_egress::{Frame, Incoming, WebSocket};
use chimera_model::UnixNanos;
use chimera_model::account::PositionMode;
use chimera_model::report::{AccountConfig, AccountEvent};
use chimera_runtime::tasks::Tasks;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};

use super::Session;
use super::link::{Notice, OVERLAP_FRAMES_MAX, Overlap};
use crate::desk::unix_nanos;
use crate::metrics;
use crate::wire;

/// Frames kept that name an instrument which is not known yet. Listings are rare; a venue that
/// names more than this many unknown ones before the list was read again is not read by us.
const PARKED_MAX: usize = 64;

/// Reads one socket until it ends or is told to.
pub(super) struct Reading {
    pub session: Arc<Session>,
    pub generation: u64,
    pub socket: WebSocket,
    pub notices: mpsc::Sender<Notice>,
    pub overlap: Arc<Overlap>,
    /// While this is there, frames are queued: the predecessor still counts.
    pub held: Option<oneshot::Receiver<HashSet<Bytes>>>,
    pub tasks: Tasks,
}

impl Reading {
    /// Returns why the connection ended.
    pub(super) async fn run(mut self) -> String {
        let mut instruments = self.session.desk.watch_instruments();
        let mut queued: VecDeque<Frame> = VecDeque::new();
        let mut parked: VecDeque<(Bytes, UnixNanos)> = VecDeque::new();
        loop {
            tokio::select! {
                biased;
                () = self.tasks.cancelled() => return "replaced".to_owned(),
                delivered = released(&mut self.held) => {
                    for frame in queued.drain(..).filter(|one| !delivered.contains(&one.payload)) {
                        self.take(&frame, &mut parked);
                    }
                }
                changed = instruments.changed(), if !parked.is_empty() => {
                    if changed.is_ok() {
                        self.reread(&mut parked);
                    }
                }
                incoming = self.socket.next() => match incoming {
                    Ok(Incoming::Frame(frame)) if self.held.is_some() => {
                        // Beyond the bound the oldest goes, and what it said is asked for.
                        if queued.len() >= OVERLAP_FRAMES_MAX {
                            queued.pop_front();
                            self.notify(Notice::Unreadable);
                        }
                        queued.push_back(frame);
                    }
                    Ok(Incoming::Frame(frame)) => {
                        self.overlap.note(&frame.payload);
                        self.take(&frame, &mut parked);
                    }
                    Ok(Incoming::Silent { .. }) => self.notify(Notice::Silent),
                    Err(error) => {
                        metrics::stream_end(self.session.desk.venue, "private", error.class());
                        return format!("private stream: {error}");
                    }
                },
            }
        }
    }

    fn take(&self, frame: &Frame, parked: &mut VecDeque<(Bytes, UnixNanos)>) {
        self.session.vouch();
        let received = unix_nanos(frame.received_time);
        if self.read(&frame.payload, received) {
            if parked.len() >= PARKED_MAX {
                parked.pop_front();
                self.count("parked_lost");
            }
            parked.push_back((frame.payload.clone(), received));
            self.session.desk.instruments_wanted.notify_one();
        }
    }

    /// Reads what was parked once more: the instruments were read again. What is unknown even now
    /// is counted and named; an operator has to look.
    fn reread(&self, parked: &mut VecDeque<(Bytes, UnixNanos)>) {
        for (payload, received) in parked.drain(..) {
            if self.read(&payload, received) {
                self.count("unmapped");
            }
        }
    }

    /// Reads one frame; returns whether it named an instrument that is not known. One bad message
    /// never ends a stream (F109).
    fn read(&self, payload: &Bytes, received: UnixNanos) -> bool {
        let session = &self.session;
        let events = match session
            .desk
            .adapter
            .read_private(&session.context(), payload)
        {
            Ok(events) => events,
            Err(error) => {
                self.count("unreadable");
                warn!(venue = %session.desk.venue, %error, bytes = payload.len(), "bad frame");
                self.notify(Notice::Unreadable);
                return false;
            }
        };
        // A session's key stands in the event that ends it; everything else may be shown to an
        // operator.
        if !events.contains(&AccountEvent::SessionExpired) {
            let text = wire::cut(&String::from_utf8_lossy(payload));
            debug!(venue = %session.desk.venue, generation = self.generation, text, "frame");
        }
        let mut unmapped = false;
        for event in &events {
            match event {
                AccountEvent::SessionExpired => self.notify(Notice::Expired),
                AccountEvent::Shutdown => self.notify(Notice::Closing),
                AccountEvent::Unmapped(what) => {
                    warn!(venue = %session.desk.venue, name = %what.venue_symbol, "not mapped");
                    let instruments = session.desk.instruments();
                    unmapped |= !instruments.is_skipped(what.venue_symbol.as_str());
                }
                AccountEvent::Ignored { kind } => {
                    self.count("ignored");
                    debug!(venue = %session.desk.venue, kind, "frame ignored");
                }
                AccountEvent::Config(config) => self.heed(config),
                AccountEvent::MarginCall { symbols, .. } => {
                    self.count("margin_call");
                    warn!(venue = %session.desk.venue, ?symbols, "margin call");
                }
                AccountEvent::Order(report) => {
                    if let Some(index) = report.client_order_index {
                        session.echoes.settle(index);
                    }
                    session.heard(report.venue_time);
                    session.tell(self.generation, event, received);
                }
                AccountEvent::Balance(report) => {
                    session.heard(report.venue_time);
                    session.tell(self.generation, event, received);
                }
                AccountEvent::Fill(_)
                | AccountEvent::Position(_)
                | AccountEvent::Margin(_)
                | AccountEvent::Cash(_) => session.tell(self.generation, event, received),
            }
        }
        unmapped
    }

    /// Heeds a change of the account's set-up that somebody else made (F50, F65).
    fn heed(&self, config: &AccountConfig) {
        match config {
            AccountConfig::PositionMode(PositionMode::Hedge) => {
                self.session.fail("the account was switched to hedge mode");
            }
            AccountConfig::PositionMode(PositionMode::OneWay) => {}
            AccountConfig::Leverage { .. }
            | AccountConfig::MarginMode { .. }
            | AccountConfig::MultiAssetMargin(_) => {
                self.count("config_changed");
                warn!(venue = %self.session.desk.venue, ?config, "the account's set-up changed");
            }
        }
    }

    fn notify(&self, notice: Notice) {
        // A full queue holds the same notice already.
        let _ = self.notices.try_send(notice);
    }

    fn count(&self, what: &'static str) {
        metrics::odd_frame(self.session.desk.venue, "private", what);
    }
}

/// Waits for a held connection to be released; for ever once it was. A predecessor that vanished
/// delivered nothing that is known.
async fn released(held: &mut Option<oneshot::Receiver<HashSet<Bytes>>>) -> HashSet<Bytes> {
    match held {
        Some(waiting) => {
            let delivered = waiting.await.unwrap_or_default();
            *held = None;
            delivered
        }
        None => std::future::pending().await,
    }
}
