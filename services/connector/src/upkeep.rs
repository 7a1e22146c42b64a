//! What keeps a venue's desk right: its instruments read again, its clock measured again.

use std::sync::Arc;
use std::time::Duration;

use chimera_egress::Egress;
use chimera_runtime::tasks::Tasks;
use chimera_venue::{InstrumentList, Limit};
use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::ask::{NoAnswer, Terms};
use crate::backoff::Backoff;
use crate::clock_offset::{PROBES, Probe};
use crate::config::Timing;
use crate::desk::Desk;
use crate::policy;

/// How long the list of instruments may take: megabytes, over a slow line.
const LIST_WITHIN: Duration = Duration::from_secs(20);

/// How long one probe of the clock may take; a slower one would not be believed.
const PROBE_WITHIN: Duration = Duration::from_secs(3);

/// Shortest time between two reads of the instruments, however often refusals ask for one: the list
/// is the heaviest public call of a venue.
const LIST_SPACING: Duration = Duration::from_secs(5);

/// How often the instruments are read while one that traded does not: orders are refused here
/// meanwhile, so that no refusal of the venue asks for a read. Six to twelve calls a minute.
const INTERRUPTED_REFRESH: Duration = Duration::from_secs(5);

/// Shortest time between two measurements of the clock.
const PROBE_SPACING: Duration = Duration::from_millis(500);

/// Keeps the instruments of a venue right until the tasks are cancelled (F68, F77).
pub(crate) async fn keep_instruments(desk: Arc<Desk>, timing: Timing, tasks: Tasks) {
    let mut backoff = Backoff::new();
    loop {
        let rest = match read_instruments(&desk).await {
            Ok(()) => {
                backoff = Backoff::new();
                match desk.instruments().is_interrupted() {
                    true => timing.instruments_refresh().min(INTERRUPTED_REFRESH),
                    false => timing.instruments_refresh(),
                }
            }
            Err(cause) => {
                warn!(venue = %desk.venue, cause, "instruments not read");
                backoff.wait()
            }
        };
        tokio::select! {
            biased;
            () = tasks.cancelled() => return,
            () = sleep(rest) => {}
            () = asked(&desk.instruments_wanted, LIST_SPACING) => {}
        }
    }
}

/// Keeps the venue's clock measured until the tasks are cancelled (F117).
pub(crate) async fn keep_clock(desk: Arc<Desk>, timing: Timing, tasks: Tasks) {
    let mut backoff = Backoff::new();
    loop {
        let rest = if measure_clock(&desk).await {
            backoff = Backoff::new();
            timing.clock_refresh()
        } else {
            warn!(venue = %desk.venue, "clock not measured");
            backoff.wait()
        };
        tokio::select! {
            biased;
            () = tasks.cancelled() => return,
            () = sleep(rest) => {}
            () = asked(&desk.clock_wanted, PROBE_SPACING) => {}
        }
    }
}

/// Waits for a request to go again, but never for less than `spacing`.
async fn asked(wanted: &tokio::sync::Notify, spacing: Duration) {
    sleep(spacing).await;
    wanted.notified().await;
}

async fn read_instruments(desk: &Desk) -> Result<(), String> {
    let call = desk.adapter.instruments();
    let answered = desk.ask(&call, None, Terms::answer(LIST_WITHIN)).await;
    let answered = answered.map_err(|error: NoAnswer| error.to_string())?;
    let list = answered.value.map_err(|error| error.to_string())?;
    heed_limits(desk, &list);
    for skipped in &list.skipped {
        debug!(venue = %desk.venue, name = skipped.venue_symbol, cause = skipped.reason, "skipped");
    }
    let (instruments, merged) = desk.instruments().merged(list.instruments, &list.skipped);
    if instruments.is_empty() {
        return Err("the venue lists nothing that can be traded here".to_owned());
    }
    if merged != Default::default() {
        info!(venue = %desk.venue, ?merged, skipped = list.skipped.len(), "instruments");
    }
    // Told even when nothing changed: what was parked for an unknown instrument is then given up.
    desk.set_instruments(instruments);
    Ok(())
}

/// Takes the limits that the venue itself states (F116).
fn heed_limits(desk: &Desk, list: &InstrumentList) {
    let Some(stated) = &list.rate_limits else {
        return;
    };
    for limit in &stated.limits {
        set_limit(desk.egress(), desk.cluster(), limit);
    }
}

fn set_limit(egress: &Egress, cluster: &str, limit: &Limit) {
    let quotas = egress.quotas(cluster).unwrap_or_default();
    // A limit of accounts is there once an account.
    let scopes = quotas.into_iter().map(|quota| quota.scope);
    let differing = scopes
        .filter(|scope| policy::is_scope(&scope.name, limit.scope) && scope.limit != limit.limit);
    for scope in differing {
        if let Err(error) = egress.set_limit(cluster, &scope.name, limit.limit) {
            warn!(%error, scope = scope.name, "limit not taken");
        }
    }
}

async fn measure_clock(desk: &Desk) -> bool {
    let mut probes = Vec::with_capacity(PROBES);
    for _ in 0..PROBES {
        let call = desk.adapter.server_time();
        let Ok(answered) = desk.ask(&call, None, Terms::answer(PROBE_WITHIN)).await else {
            continue;
        };
        if let Ok(venue) = answered.value {
            // Times of this century in nanoseconds fit 63 bits.
            let nanos = |time: chimera_model::UnixNanos| time.as_nanos() as i64;
            probes.push(Probe {
                asked: nanos(answered.sent),
                venue: nanos(venue),
                answered: nanos(answered.received),
            });
        }
    }
    desk.measure_clock(&probes)
}
