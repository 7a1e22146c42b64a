//! I9: the venue never had to refuse for its limits, and is left alone for as long as it asks.

use std::time::Duration;

use super::Report;
use crate::sim::evidence::{Request, Seen};

/// What the venue counts of us, each zero in a mesh that keeps the limits.
const REFUSALS: [&str; 3] = ["weight_refusals", "order_refusals", "connection_refusals"];

/// Holds the venue's counters and the waits it asked for against what left.
pub fn limits(seen: &Seen, report: &mut Report) {
    if let Some(counters) = &seen.counters {
        for name in REFUSALS {
            match counters["limits"][name].as_u64() {
                Some(0) => {}
                Some(count) => report.violate("I9", format!("{count} {name}")),
                None => report.violate("RUN", format!("the venue does not count {name}")),
            }
        }
    }
    for asked in &seen.wire.0 {
        let Some((at, Some(answer))) = asked.end else {
            continue;
        };
        let wait = answer.retry_after.map(Duration::from_secs);
        let Some(wait) = wait.filter(|_| matches!(answer.status, 418 | 429)) else {
            continue;
        };
        // A process that dies forgets what it was asked.
        let died = seen
            .died
            .iter()
            .find(|(died, host)| *died > at && *host == asked.host);
        let until = died.map_or(at + wait, |(died, _)| (at + wait).min(*died));
        // A 418 is for the address, and so is a 429 for its weight; only a 429 for the count of
        // orders concerns orders alone, and must not hold cancels back.
        let alike = |request: &Request| answer.status == 418 || !asked.places() || request.places();
        let ours = |request: &&Request| request.host == asked.host && alike(request);
        let mut after = seen.wire.0.iter().filter(ours);
        let early = after.find(|request| request.at > at && request.at < until);
        if let Some(early) = early {
            let (endpoint, when) = (&early.endpoint, early.at);
            let what = format!("asked at {at:?} to wait {wait:?}, {endpoint} left at {when:?}");
            report.violate("I9", what);
        }
    }
}
