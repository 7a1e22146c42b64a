//! The one way in which a request leaves: charged, signed at the moment of sending, read by class.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chimera_egress::{CallError, CallRecord, HttpRequest, HttpResponse, Priority};
use chimera_model::{Account, UnixNanos};
use chimera_venue::{
    Answer, Auth, Call, Credentials, ErrorClass, Priority as VenuePriority, VenueError,
    VenueRequest,
};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::desk::{Desk, unix_nanos};
use crate::latch::Permit;
use crate::{metrics, policy};

#[cfg(test)]
mod tests;

const NANOS_PER_MILLI: i64 = 1_000_000;

/// The address that no cluster covers: what must not be sent is built as a request to it, and
/// egress refuses it before a socket is touched.
const NOWHERE: &str = "unsendable:";

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub account: Account,
    pub credentials: &'a Credentials,
}

/// Under which terms a request leaves.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// By when it must have left, or it never does.
    pub send_by: Instant,
    /// By when its answer must be here.
    pub answer_by: Instant,
    /// What must hold at the moment when it leaves, and why it does not.
    pub provided: &'a (dyn Fn() -> Result<(), String> + Send + Sync),
    /// What may withdraw it while it waits for its turn.
    pub permit: Option<&'a Permit>,
}

impl Terms<'_> {
    /// Returns terms for a request that does no harm whenever it leaves.
    pub(crate) fn answer(span: Duration) -> Self {
        let answer_by = Instant::now() + span;
        Self {
            send_by: answer_by,
            answer_by,
            provided: &|| Ok(()),
            permit: None,
        }
    }

    /// Returns why the request may not leave now.
    fn allow(&self) -> Result<(), NoAnswer> {
        if Instant::now() > self.send_by {
            return Err(NoAnswer::NotInTime);
        }
        if self.permit.is_some_and(|permit| !permit.holds()) {
            return Err(NoAnswer::Halted);
        }
        (self.provided)().map_err(NoAnswer::Withdrawn)
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
    /// What had to hold no longer held when it was to leave; nothing left.
    #[error("{0}")]
    Withdrawn(String),
    /// The kill switch withdrew it; nothing left.
    #[error("trading was halted before it left")]
    Halted,
    /// Egress could not send it, or got nothing back.
    #[error("{error}")]
    Call {
        /// What egress says, and whether anything left.
        error: CallError,
        /// When it was handed over for sending, if it was.
        left: Option<UnixNanos>,
    },
}

impl Desk {
    /// Sends one request and reads its answer. Signs at the moment of sending (F117).
    ///
    /// Not cancel-safe: when dropped after the bytes left, their outcome is unknown.
    pub(crate) async fn ask<T>(
        &self,
        call: &Call<T>,
        asker: Option<Asker<'_>>,
        terms: Terms<'_>,
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
            cluster: self.cluster(),
            endpoint: request.endpoint,
            charges: &charges,
            priority: priority(request.priority),
            repeatable: request.repeatable,
            deadline: terms.answer_by,
        };
        let left = Left::default();
        let mut refused = None;
        let answer = {
            let build = |millis: i64| match self.build(request, asker, millis, &terms) {
                Ok(wire) => {
                    left.note(millis);
                    wire
                }
                Err(error) => {
                    refused = Some(error);
                    unsendable()
                }
            };
            let answer = self.egress().call(outgoing, build);
            tokio::pin!(answer);
            tokio::select! {
                biased;
                answer = &mut answer => answer,
                // Dropped before its bytes were built, a call has sent nothing.
                () = left.nothing_by(terms.send_by) => return Err(NoAnswer::NotInTime),
                () = left.nothing_and_withdrawn(terms.permit) => return Err(NoAnswer::Halted),
            }
        };
        let answer = match (answer, refused) {
            (Ok(answer), _) => answer,
            // A repetition that was refused says nothing of the attempt before it.
            (Err(_), Some(refused)) if left.at().is_none() => return Err(refused),
            (Err(error), _) => {
                return Err(NoAnswer::Call {
                    error,
                    left: left.at(),
                });
            }
        };
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
        asker: Option<Asker<'_>>,
        millis: i64,
        terms: &Terms<'_>,
    ) -> Result<HttpRequest, NoAnswer> {
        terms.allow()?;
        let credentials = asker.map(|asker| asker.credentials);
        let venue_now = self.venue_time_of(unix_millis(millis));
        let wire = self.adapter.finish(request, credentials, venue_now)?;
        Ok(HttpRequest {
            method: wire.method,
            url: wire.url,
            headers: wire.headers,
            body: wire.body,
        })
    }

    /// Takes the venue's own count out of an answer (F116).
    ///
    /// Until the venue has stated its limits ours are assumed. A count above one, in an answer that
    /// was given, says that the assumption is wrong: held against it, it would keep the very request
    /// waiting that brings the venue's statement.
    fn observe(
        &self,
        record: &CallRecord,
        response: &HttpResponse,
        asker: Option<Asker<'_>>,
        charges: &[(&str, u64)],
    ) {
        let limits = self.adapter.rate_limits();
        let assumed = self.instruments().is_empty() && response.status.is_success();
        for usage in self.adapter.usage(&response.headers) {
            let scope = policy::scope_name(limits, usage.scope, asker);
            let Some(scope) = scope else { continue };
            let mut of_scope = limits.limits.iter().filter(|it| it.scope == usage.scope);
            if assumed && of_scope.any(|limit| usage.used > limit.limit) {
                continue;
            }
            let observed = self
                .egress()
                .observe(record, self.cluster(), &scope, usage.used);
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
                    if let Err(error) = self.egress().ban(self.cluster(), scope, span) {
                        warn!(%error, "a ban could not be noted");
                    }
                }
            }
            _ => {}
        }
    }
}

/// When a request was handed over for sending; zero while it was not.
#[derive(Default)]
struct Left(AtomicI64);

impl Left {
    fn note(&self, millis: i64) {
        self.0.store(millis, Ordering::Relaxed);
    }

    fn at(&self) -> Option<UnixNanos> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(unix_millis(millis)),
        }
    }

    /// Ends when nothing was handed over by `send_by`; never when something was.
    async fn nothing_by(&self, send_by: Instant) {
        tokio::time::sleep_until(send_by).await;
        if self.at().is_some() {
            std::future::pending::<()>().await;
        }
    }

    /// Ends when the request is withdrawn before it was handed over; never when it was.
    async fn nothing_and_withdrawn(&self, permit: Option<&Permit>) {
        match permit {
            Some(permit) => permit.withdrawn().await,
            None => std::future::pending().await,
        }
        if self.at().is_some() {
            std::future::pending::<()>().await;
        }
    }
}

fn unix_millis(millis: i64) -> UnixNanos {
    let nanos = millis.saturating_mul(NANOS_PER_MILLI);
    UnixNanos::from_nanos(u64::try_from(nanos).unwrap_or(0))
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
