//! What all sessions of one venue share: its adapter, the way to it, its clock and its instruments.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use chimera_egress::Egress;
use chimera_model::{UnixNanos, Venue};
use chimera_runtime::Clock;
use chimera_venue::{InstrumentTable, VenueAdapter};
use tokio::sync::{Notify, watch};

use crate::clock_offset::{ClockOffset, Probe};
use crate::instruments::Instruments;
use crate::policy;

/// Shared by the tasks of one venue.
#[derive(Debug)]
pub(crate) struct Desk {
    pub adapter: Arc<dyn VenueAdapter>,
    pub venue: Venue,
    pub clock: Clock,
    /// Rung when the instruments are to be read again before their time.
    pub instruments_wanted: Notify,
    /// Rung when the clock is to be measured again before its time.
    pub clock_wanted: Notify,
    egress: Egress,
    cluster: String,
    instruments: watch::Sender<Arc<Instruments>>,
    ready: watch::Sender<bool>,
    offset: Mutex<ClockOffset>,
}

impl Desk {
    pub(crate) fn new(adapter: Arc<dyn VenueAdapter>, egress: Egress, clock: Clock) -> Self {
        let table = InstrumentTable::new(adapter.aliases().clone());
        let epoch = u64::try_from(clock.now_millis()).unwrap_or(0);
        Self {
            venue: adapter.venue(),
            cluster: policy::cluster_name(adapter.venue()),
            instruments_wanted: Notify::new(),
            clock_wanted: Notify::new(),
            instruments: watch::Sender::new(Arc::new(Instruments::new(table, epoch))),
            ready: watch::Sender::new(false),
            offset: Mutex::new(ClockOffset::default()),
            adapter,
            clock,
            egress,
        }
    }

    pub(crate) fn egress(&self) -> &Egress {
        &self.egress
    }

    pub(crate) fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Returns the instruments as they stand.
    pub(crate) fn instruments(&self) -> Arc<Instruments> {
        self.instruments.borrow().clone()
    }

    /// Returns a reader that is woken by every change of the instruments.
    pub(crate) fn watch_instruments(&self) -> watch::Receiver<Arc<Instruments>> {
        self.instruments.subscribe()
    }

    /// Puts new instruments in the place of the old ones.
    pub(crate) fn set_instruments(&self, instruments: Instruments) {
        self.instruments.send_replace(Arc::new(instruments));
        self.note_ready();
    }

    /// Waits until instruments and the venue's clock are known: nothing can be signed or stated
    /// before. Cancel-safe.
    pub(crate) async fn ready(&self) {
        // The sender lives in this value, so the wait cannot fail.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Returns whether instruments and the venue's clock are known.
    pub(crate) fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    fn note_ready(&self) {
        let ready = !self.instruments.borrow().is_empty() && self.clock_offset().is_some();
        self.ready
            .send_if_modified(|before| std::mem::replace(before, ready) != ready);
    }

    /// Takes a measurement of the venue's clock; returns whether it could be believed.
    pub(crate) fn measure_clock(&self, probes: &[Probe]) -> bool {
        let believed = self.offset().measure(probes, self.clock.monotonic());
        self.note_ready();
        believed
    }

    /// Returns the venue's clock minus ours in nanoseconds; nothing before it was measured.
    pub(crate) fn clock_offset(&self) -> Option<i64> {
        self.offset().at(self.clock.monotonic())
    }

    /// Returns our time.
    pub(crate) fn now(&self) -> UnixNanos {
        UnixNanos::from_nanos(u64::try_from(self.clock.now_nanos()).unwrap_or(0))
    }

    /// Returns the venue's time, as well as it is known.
    pub(crate) fn venue_now(&self) -> UnixNanos {
        self.venue_time_at(self.clock.now_nanos())
    }

    /// Returns the venue's time at a moment of ours.
    pub(crate) fn venue_time_of(&self, ours: UnixNanos) -> UnixNanos {
        self.venue_time_at(i64::try_from(ours.as_nanos()).unwrap_or(i64::MAX))
    }

    fn venue_time_at(&self, ours: i64) -> UnixNanos {
        let theirs = ours.saturating_add(self.clock_offset().unwrap_or(0));
        UnixNanos::from_nanos(u64::try_from(theirs).unwrap_or(0))
    }

    fn offset(&self) -> MutexGuard<'_, ClockOffset> {
        // A measurement is complete before the lock goes, whatever panics elsewhere.
        self.offset.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn unix_nanos(time: SystemTime) -> UnixNanos {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixNanos::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
