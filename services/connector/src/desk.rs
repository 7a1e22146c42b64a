//! What all sessions of one venue share: its adapter, the way to it, its clock and its instruments.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chimera_egress::{CallError, CallRecord, Egress, HttpRequest, HttpResponse, Priority};
use chimera_model::{Account, UnixNanos, Venue};
use chimera_runtime::Clock;
use chimera_venue::{
    Answer, Auth, Call, Credentials, ErrorClass, InstrumentTable, Priority as VenuePriority,
    VenueAdapter, VenueError, VenueRequest,
};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::clock_offset::{ClockOffset, Probe};
use crate::instruments::Instruments;
use crate::{metrics, policy};

const NANOS_PER_MILLI: i64 = 1_000_000;

/// The address that no cluster covers: what must not be sent is built as a request to it, and
/// egress refuses it before a socket is touched.
const NOWHERE: &str = "unsendable:";

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

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub account: Account,
    pub credentials: &'a Credentials,
}

/// By when a request must have left, and by when its answer must be here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Within {
    pub send_by: Instant,
    pub answer_by: Instant,
}

impl Within {
    /// Returns bounds for a request that does no harm whenever it leaves.
    pub(crate) fn answer(span: Duration) -> Self {
        let answer_by = Instant::now() + span;
        Self {
            send_by: answer_by,
            answer_by,
        }
    }
}

/// A venue's answer, read.
#[derive(Debug)]
pub(crate) struct Answered<T> {
    /// What it says, or the class of doubt that it leaves.
    pub value: Result<T, VenueError>,
    pub sent: UnixNanos,
    pub received: UnixNanos,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// The request could not be built; nothing left.
    #[error(transparent)]
    NotBuilt(#[from] VenueError),
    /// It was not its turn in time; nothing left.
    #[error("it was not the request's turn in time")]
    NotInTime,
    /// Egress could not send it, or got nothing back.
    #[error(transparent)]
    Call(#[from] CallError),
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

    /// Sends one request and reads its answer. Signs at the moment of sending (F117).
    ///
    /// Not cancel-safe: when dropped after the bytes left, their outcome is unknown.
    pub(crate) async fn call<T>(
        &self,
        call: &Call<T>,
        asker: Option<Asker<'_>>,
        within: Within,
    ) -> Result<Answered<T>, NoAnswer> {
        let request = &call.request;
        if request.auth != Auth::None && asker.is_none() {
            return Err(VenueError::not_built("credentials are needed and none are given").into());
        }
        let charges = policy::charges(self.adapter.rate_limits(), request, asker);
        let charges: Vec<(&str, u64)> = charges
            .iter()
            .map(|(scope, cost)| (scope.as_ref(), *cost))
            .collect();
        let outgoing = chimera_egress::Call {
            cluster: &self.cluster,
            endpoint: request.endpoint,
            charges: &charges,
            priority: priority(request.priority),
            repeatable: request.repeatable,
            deadline: within.answer_by,
        };
        let mut refused = None;
        let sending = AtomicBool::new(false);
        let answer = {
            let build = |millis: i64| {
                let credentials = asker.map(|asker| asker.credentials);
                match self.build(request, credentials, millis, within.send_by) {
                    Ok(wire) => {
                        sending.store(true, Ordering::Relaxed);
                        wire
                    }
                    Err(error) => {
                        refused = Some(error);
                        unsendable()
                    }
                }
            };
            let answer = self.egress.call(outgoing, build);
            tokio::pin!(answer);
            tokio::select! {
                biased;
                answer = &mut answer => answer,
                // Dropped before its bytes were built, a call has sent nothing.
                () = waiting_too_long(&sending, within.send_by) => return Err(NoAnswer::NotInTime),
            }
        };
        if let Some(refused) = refused {
            return Err(refused);
        }
        let answer = answer?;
        self.observe(&answer.record, &answer.response, asker, &charges);
        let value = call.read(&Answer {
            status: answer.response.status,
            headers: &answer.response.headers,
            body: &answer.response.body,
        });
        if let Err(error) = &value {
            self.heed(error, request, &charges);
        }
        Ok(Answered {
            value,
            sent: unix_nanos(answer.record.sent_time),
            received: unix_nanos(answer.record.received_time),
        })
    }

    fn build(
        &self,
        request: &VenueRequest,
        credentials: Option<&Credentials>,
        millis: i64,
        send_by: Instant,
    ) -> Result<HttpRequest, NoAnswer> {
        if Instant::now() > send_by {
            return Err(NoAnswer::NotInTime);
        }
        let venue_now = self.venue_time_at(millis.saturating_mul(NANOS_PER_MILLI));
        let wire = self.adapter.finish(request, credentials, venue_now)?;
        Ok(HttpRequest {
            method: wire.method,
            url: wire.url,
            headers: wire.headers,
            body: wire.body,
        })
    }

    /// Takes the venue's own count out of an answer (F116).
    fn observe(
        &self,
        record: &CallRecord,
        response: &HttpResponse,
        asker: Option<Asker<'_>>,
        charges: &[(&str, u64)],
    ) {
        for usage in self.adapter.usage(&response.headers) {
            let scope = policy::scope_name(self.adapter.rate_limits(), usage.scope, asker);
            let Some(scope) = scope else { continue };
            let observed = self
                .egress
                .observe(record, &self.cluster, &scope, usage.used);
            if let Err(error) = observed {
                debug!(%error, scope = %scope, known = charges.len(), "usage of an unknown scope");
            }
        }
    }

    /// Does what an error asks of the whole venue, whoever met it.
    fn heed(&self, error: &VenueError, request: &VenueRequest, charges: &[(&str, u64)]) {
        metrics::venue_error(self.venue, request.endpoint, error.class.name());
        match error.class {
            ErrorClass::Timestamp => self.clock_wanted.notify_one(),
            ErrorClass::FilterRefused
            | ErrorClass::InstrumentUnavailable
            | ErrorClass::Unmapped => self.instruments_wanted.notify_one(),
            // The header is heeded by egress; a body may tell of a longer one (F112).
            ErrorClass::Banned => {
                let Some(span) = error.retry_after else {
                    return;
                };
                for (scope, _) in charges {
                    if let Err(error) = self.egress.ban(&self.cluster, scope, span) {
                        warn!(%error, "a ban could not be noted");
                    }
                }
            }
            _ => {}
        }
    }
}

/// Ends when a request has not begun to be sent by `send_by`.
async fn waiting_too_long(sending: &AtomicBool, send_by: Instant) {
    tokio::time::sleep_until(send_by).await;
    if sending.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

fn unsendable() -> HttpRequest {
    let nowhere = NOWHERE
        .parse()
        .expect("invariant: a scheme and a colon are an address");
    HttpRequest::new(http::Method::GET, nowhere)
}

fn priority(priority: VenuePriority) -> Priority {
    match priority {
        VenuePriority::Protect => Priority::Cancel,
        VenuePriority::Trade | VenuePriority::Read => Priority::Normal,
    }
}

pub(crate) fn unix_nanos(time: SystemTime) -> UnixNanos {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixNanos::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
