//! One outside call: quota, breaker, request built and signed at the last moment, transport,
//! verdict.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::RETRY_AFTER;
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, Span, debug, field, info_span, warn};

use super::permit::Permit;
use super::{Cluster, Egress};
use crate::breaker::Verdict;
use crate::error::{CallError, Cause};
use crate::http::{HttpError, HttpLimits, HttpRequest, HttpResponse, Sent};
use crate::quota::{Priority, Stamp};
use crate::rate_limit::{rate_limit, retry_after};
use crate::retry::{may_end_better, pause};

/// The longest wait for quota, whatever the deadline: what could not leave within ten seconds is
/// decided anew by its caller (F114).
pub(super) const QUOTA_WAIT_MAX: Duration = Duration::from_secs(10);

/// What to call, and within what.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The endpoint, e.g. `order.place`: a literal, so that labels stay few.
    pub endpoint: &'static str,
    /// What it costs, by scope; taken from all at once.
    pub charges: &'a [(&'a str, u64)],
    /// Who goes first.
    pub priority: Priority,
    /// Whether the venue may get it twice without harm. Never true for an order.
    pub repeatable: bool,
    /// When the answer must be complete, quota wait and retries included.
    pub deadline: Instant,
}

/// An answer, whatever its status, and when it was sent and received.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What the venue said. The caller reads its limit headers and calls [`Egress::observe`].
    pub response: HttpResponse,
    /// How it came about.
    pub record: CallRecord,
}

/// How an answer came about; of the last attempt where there were several.
#[derive(Clone, Copy, Debug)]
pub struct CallRecord {
    /// Attempts made.
    pub attempts: u32,
    /// When the request left, by our clock.
    pub sent_time: SystemTime,
    /// When the answer was complete, by our clock.
    pub received_time: SystemTime,
    /// The time between, by the monotonic clock.
    pub latency: Duration,
    /// How long quota made it wait.
    pub quota_wait: Duration,
    pub(super) stamp: Stamp,
}

/// One attempt that was sent.
struct Attempt {
    outcome: Result<HttpResponse, HttpError>,
    record: CallRecord,
}

impl Egress {
    /// Calls an endpoint. `build` makes and signs the request at the moment of sending, after any
    /// wait, from our clock's milliseconds (F117); it runs once an attempt. It may return nothing
    /// instead: the last point at which a caller can think better of it, such as a kill switch.
    ///
    /// Any complete answer is `Ok`, errors of the venue included. Dropping the future gives back
    /// what was not sent; what was sent stays charged, and its outcome is unknown.
    ///
    /// # Errors
    ///
    /// When nothing may be sent, or no complete answer came; [`CallError::sent`] tells which.
    pub async fn call<R: Into<Option<HttpRequest>>>(
        &self,
        call: Call<'_>,
        mut build: impl FnMut(i64) -> R + Send,
    ) -> Result<Answer, CallError> {
        let mut build = |now: i64| build(now).into();
        let cluster = self.cluster(call.cluster, call.endpoint)?;
        // Cluster and endpoint are literals of policy and code; nothing of the request is a field.
        let span = info_span!(
            "egress.call",
            otel.kind = "client",
            cluster = call.cluster,
            endpoint = call.endpoint,
            priority = ?call.priority,
            attempts = field::Empty,
            status = field::Empty,
            outcome = field::Empty,
        );
        let began = Instant::now();
        let ended = self
            .call_within(cluster, &call, &mut build)
            .instrument(span.clone())
            .await;
        tell(cluster, &call, &span, &ended, began.elapsed());
        ended.map_err(|cause| CallError {
            cluster: call.cluster.to_owned(),
            endpoint: call.endpoint,
            cause,
        })
    }

    async fn call_within(
        &self,
        cluster: &Cluster,
        call: &Call<'_>,
        build: &mut (impl FnMut(i64) -> Option<HttpRequest> + Send),
    ) -> Result<Answer, Cause> {
        let policy = &cluster.policy.retry;
        let mut attempt = self.attempt(cluster, call, build, 1).await?;
        cluster.budget().deposit();
        for attempts in 1..policy.attempts_max {
            if !call.repeatable || !may_end_better(&attempt.outcome) {
                break;
            }
            let rest = pause(policy, attempts, &mut *self.chance());
            let resume = Instant::now() + rest;
            if resume >= call.deadline || !cluster.budget().withdraw() {
                break;
            }
            debug!(attempts, rest_ms = rest.as_millis() as u64, "trying again");
            sleep_until(resume).await;
            match self.attempt(cluster, call, build, attempts + 1).await {
                Ok(next) => attempt = next,
                // Refused here and not by the venue: its last word stands.
                Err(_) => break,
            }
        }
        let Attempt { outcome, record } = attempt;
        Ok(Answer {
            response: outcome?,
            record,
        })
    }

    /// Sends once, or returns why nothing may be sent.
    async fn attempt(
        &self,
        cluster: &Cluster,
        call: &Call<'_>,
        build: &mut (impl FnMut(i64) -> Option<HttpRequest> + Send),
        attempts: u32,
    ) -> Result<Attempt, Cause> {
        Permit::foresee(cluster, call.endpoint, call.priority)?;
        let queued = Instant::now();
        let patience = call.deadline.min(queued + QUOTA_WAIT_MAX);
        let mut charge = cluster
            .quota
            .charge(call.charges, call.priority, patience)
            .await?;
        let quota_wait = queued.elapsed();
        if Instant::now() >= call.deadline {
            return Err(Cause::Expired);
        }
        let permit = Permit::take(self, cluster, call.endpoint, call.priority)?;
        let clock = &self.inner.clock;
        let request = build(clock.now_millis()).ok_or(Cause::Withdrawn)?;
        if !cluster.policy.covers(&request.url) {
            return Err(Cause::ForeignOrigin);
        }
        let limits = HttpLimits {
            deadline: call.deadline,
            max_body_bytes: cluster.policy.max_body_bytes,
        };
        let (sent_time, stamp, sent) = (clock.system_time(), charge.left(), Instant::now());
        let outcome = self.inner.http.send(request, limits).await;
        let (received_time, latency) = (clock.system_time(), sent.elapsed());
        match &outcome {
            Ok(_) => charge.answered(),
            Err(error) if error.sent() == Sent::No => charge.never_left(),
            // It may still be on its way: charged, and not yet known to be counted.
            Err(_) => drop(charge),
        }
        if let Ok(response) = &outcome {
            self.heed(cluster, call, response);
        }
        let verdict = judge(&outcome, &permit);
        permit.finish(verdict, latency);
        let record = CallRecord {
            attempts,
            sent_time,
            received_time,
            latency,
            quota_wait,
            stamp,
        };
        Ok(Attempt { outcome, record })
    }

    fn heed(&self, cluster: &Cluster, call: &Call<'_>, response: &HttpResponse) {
        let asked = retry_after(response.headers.get(RETRY_AFTER));
        if let Some(limit) = rate_limit(response.status, asked) {
            self.obey(cluster, call.charges, limit);
            let status = response.status.as_u16();
            let retry_after_s = asked.map(|span| span.as_secs());
            warn!(status, retry_after_s, "the venue asks for silence");
        }
    }

    fn chance(&self) -> std::sync::MutexGuard<'_, rand::rngs::StdRng> {
        self.inner
            .chance
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Says whose fault it was.
fn judge(outcome: &Result<HttpResponse, HttpError>, permit: &Permit<'_>) -> Verdict {
    match outcome {
        Ok(response) => judge_status(response.status),
        Err(HttpError::Malformed { .. } | HttpError::Expired) => Verdict::Nothing,
        Err(HttpError::Timeout { waited }) if !permit.judges_timeout(*waited) => Verdict::Nothing,
        Err(error) => Verdict::Fault(error.class()),
    }
}

pub(super) fn judge_status(status: StatusCode) -> Verdict {
    match status.as_u16() {
        429 | 418 => Verdict::Limited,
        // The venue's own words for "my backend did not answer me".
        408 => Verdict::Fault("backend_timeout"),
        500..=599 => Verdict::Fault("server_error"),
        _ => Verdict::Answered,
    }
}

/// Tells trace and metrics how a call ended. Logging is left to whoever handles the error.
fn tell(
    cluster: &Cluster,
    call: &Call<'_>,
    span: &Span,
    ended: &Result<Answer, Cause>,
    took: Duration,
) {
    let outcome = match ended {
        Ok(answer) => {
            span.record("attempts", answer.record.attempts);
            span.record("status", answer.response.status.as_u16());
            match answer.response.status.as_u16() {
                429 | 418 => "limited",
                400..=499 => "refused",
                500..=599 => "server_error",
                _ => "answered",
            }
        }
        Err(cause) => cause.class(),
    };
    span.record("outcome", outcome);
    let labels = || {
        [
            metrics::Label::new("cluster", cluster.label.clone()),
            metrics::Label::new("endpoint", call.endpoint),
            metrics::Label::new("outcome", outcome),
        ]
    };
    metrics::counter!("egress_calls_total", labels().iter()).increment(1);
    metrics::histogram!("egress_call_seconds", labels().iter()).record(took.as_secs_f64());
}
