//! What storms added up to.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::sim::evidence::Seen;
use crate::sim::hosts::ACCOUNT;
use crate::sim::run::Outcome;

/// How often something was met, of how many that could have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How often it happened.
    pub hits: u64,
    /// Out of how many.
    pub of: u64,
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = 100.0 * self.hits as f64 / self.of.max(1) as f64;
        write!(formatter, "{} of {} ({percent:.2} %)", self.hits, self.of)
    }
}

/// What happened in one run or in many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Orders that clients placed.
    pub placed: u64,
    /// Of these, those that risk refused.
    pub refused: u64,
    /// Requests for new orders that left for the venue, children of tracking limits included.
    pub left: u64,
    /// Orders on the venue's own books.
    pub venue_orders: u64,
    /// Fills on the venue's own books.
    pub fills: u64,
    /// Submissions whose outcome was not told.
    pub submits: Share,
    /// Cancels whose outcome was not told.
    pub cancels: Share,
    /// Private events that something happened to, by what it was.
    pub events: BTreeMap<String, Share>,
    /// Connections cut.
    pub cut: u64,
}

impl Counts {
    /// Counts what a run left behind.
    pub fn of(seen: &Seen) -> Self {
        let ours = |name: &str| {
            let rows = seen
                .ledger
                .as_ref()
                .and_then(|books| books[name].as_array());
            let rows = rows.into_iter().flatten();
            rows.filter(|row| row["account"] == ACCOUNT).count() as u64
        };
        let mut counts = Self {
            placed: seen.placed.len() as u64,
            refused: count(seen.placed.values().filter(|it| it.refused.is_some())),
            left: count(seen.wire.0.iter().filter(|request| request.places())),
            venue_orders: ours("orders"),
            fills: ours("fills"),
            cut: count(seen.notes.iter().filter(|note| note.ends_with(CUT))),
            ..Self::default()
        };
        let script = seen.script.iter().zip(seen.faults.iter().flat_map(rows));
        let mut events = 0;
        for (asked, met) in script {
            let hits = met["hits"].as_u64().unwrap_or_default();
            let passed = number(asked, "after") - number(met, "after");
            let of = passed + hits;
            let share = match asked["when"]["endpoint"].as_str() {
                Some("POST /fapi/v1/order") => &mut counts.submits,
                Some(_) => &mut counts.cancels,
                None => {
                    events += of;
                    let kind = asked["kind"].as_str().unwrap_or_default();
                    counts.events.entry(kind.to_owned()).or_default()
                }
            };
            share.hits += hits;
            share.of += of;
        }
        counts
            .events
            .values_mut()
            .for_each(|share| share.of = events);
        counts
    }

    fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.placed, other.placed),
            (&mut self.refused, other.refused),
            (&mut self.left, other.left),
            (&mut self.venue_orders, other.venue_orders),
            (&mut self.fills, other.fills),
            (&mut self.cut, other.cut),
            (&mut self.submits.hits, other.submits.hits),
            (&mut self.submits.of, other.submits.of),
            (&mut self.cancels.hits, other.cancels.hits),
            (&mut self.cancels.of, other.cancels.of),
        ];
        for (sum, more) in pairs {
            *sum += more;
        }
        for (kind, share) in &other.events {
            let sum = self.events.entry(kind.clone()).or_default();
            sum.hits += share.hits;
            sum.of += share.of;
        }
    }
}

/// What the note of a cut says.
pub const CUT: &str = "connections cut";

fn count<T>(of: impl Iterator<Item = T>) -> u64 {
    of.count() as u64
}

fn rows(of: &Value) -> impl Iterator<Item = &Value> {
    of.as_array().into_iter().flatten()
}

fn number(of: &Value, name: &str) -> u64 {
    of[name].as_u64().unwrap_or_default()
}

/// Many runs.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// All that happened.
    pub counts: Counts,
    /// Virtual time.
    pub simulated: Duration,
    /// Seeds with violations, and how many there were of each invariant.
    pub failed: BTreeMap<u64, BTreeMap<&'static str, usize>>,
}

impl Tally {
    /// Adds a run.
    pub fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.counts.add(&Counts::of(&outcome.played.seen));
        self.simulated += outcome.played.simulated;
        for violation in &outcome.violations {
            let of = self.failed.entry(outcome.seed).or_default();
            *of.entry(violation.invariant).or_default() += 1;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        writeln!(
            formatter,
            "{} runs, {:.0?} simulated: {} orders placed, {} refused by risk, {} left, {} on the \
             venue's books with {} fills",
            self.runs,
            self.simulated,
            counts.placed,
            counts.refused,
            counts.left,
            counts.venue_orders,
            counts.fills,
        )?;
        writeln!(formatter, "submissions not told: {}", counts.submits)?;
        writeln!(formatter, "cancels not told: {}", counts.cancels)?;
        for (kind, share) in &counts.events {
            writeln!(formatter, "private events, {kind}: {share}")?;
        }
        writeln!(formatter, "all connections cut {} times", counts.cut)?;
        write!(formatter, "violations: {:?}", self.failed)
    }
}
