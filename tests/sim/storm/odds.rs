//! What goes wrong how often, as scripted faults of the venue.

use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// Outcomes that are not told: with these words the venue, or the way to it, says nothing.
const LOSSES: [&str; 9] = [
    "timeout",
    "close",
    "server_error",
    "unavailable",
    "backend_timeout",
    "backend_unknown",
    "html",
    "truncated",
    "accepted",
];
/// Private events of an order: two for each fill and one for each change, and a resting order's
/// cancel. More are scripted than can happen, since a script that runs out would be a calm end.
const EVENTS_PER_ORDER: usize = 8;
/// Submissions and cancels of one order at the most, children of tracking limits included.
const REQUESTS_PER_ORDER: usize = 2;
/// Connections live so long on average.
const CUT_EVERY: Duration = Duration::from_secs(6);

/// What goes wrong how often, in a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds {
    /// Submissions, and cancels, whose outcome is not told.
    pub ambiguous: u32,
    /// Private events that never come.
    pub lost: u32,
    /// Private events that come twice.
    pub twice: u32,
    /// Private events that come after later ones, or late.
    pub reordered: u32,
}

impl Odds {
    /// Returns the faults that a run of so many orders is to meet, each to be added in this order.
    ///
    /// A scripted fault lets `after` matches pass, then hits once, and only then does the next of
    /// its kind begin to count: with geometric gaps each match is hit by the same chance, whatever
    /// was hit before.
    pub fn script(&self, seed: u64, orders: usize) -> Vec<Value> {
        let mut chance = ChaCha8Rng::seed_from_u64(seed ^ 0x0dd5);
        let mut script = Vec::new();
        let requests = orders * REQUESTS_PER_ORDER;
        for endpoint in ["POST /fapi/v1/order", "DELETE /fapi/v1/order"] {
            let lost = |chance: &mut ChaCha8Rng| {
                json!({
                    "kind": "drop_reply",
                    "how": LOSSES.choose(chance).copied().unwrap_or("close"),
                    "accept": chance.random_bool(0.6),
                    "when": {"endpoint": endpoint},
                })
            };
            chain(&mut script, &mut chance, self.ambiguous, requests, lost);
        }
        let (lost, twice) = (self.lost, self.twice);
        let all = lost + twice + self.reordered;
        let event = |chance: &mut ChaCha8Rng| match chance.random_range(0..all.max(1)) {
            drawn if drawn < lost => json!({"kind": "drop_event"}),
            drawn if drawn < lost + twice => json!({"kind": "duplicate_event"}),
            _ if chance.random_bool(0.5) => {
                json!({"kind": "delay_event", "ms": chance.random_range(5..2_000)})
            }
            _ => json!({"kind": "reorder_event", "past": chance.random_range(1..6)}),
        };
        let events = orders * EVENTS_PER_ORDER;
        chain(&mut script, &mut chance, all, events, event);
        script
    }

    /// Returns when connections are cut in a run, since its start.
    pub fn cuts(&self, seed: u64, within: Duration) -> Vec<Duration> {
        if *self == Self::NONE {
            return Vec::new();
        }
        let mut chance = ChaCha8Rng::seed_from_u64(seed ^ 0xc075);
        let mut cuts = Vec::new();
        let mut at = Duration::ZERO;
        while at < within {
            at += CUT_EVERY.mul_f64(chance.random_range(0.3..1.7));
            cuts.push(at);
        }
        cuts
    }

    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        ambiguous: 0,
        lost: 0,
        twice: 0,
        reordered: 0,
    };
}

/// Adds faults that hit so many in a hundred of `matches` matches.
fn chain(
    script: &mut Vec<Value>,
    chance: &mut ChaCha8Rng,
    percent: u32,
    matches: usize,
    mut fault: impl FnMut(&mut ChaCha8Rng) -> Value,
) {
    if percent == 0 {
        return;
    }
    let mut passed = 0;
    while passed < matches {
        let mut after = 0_usize;
        while after < matches && chance.random_range(0..100) >= percent {
            after += 1;
        }
        let mut one = fault(chance);
        one["after"] = json!(after);
        script.push(one);
        passed += after + 1;
    }
}
