//! What a run found, as a table and as JSON.

use std::{collections::BTreeMap, time::Duration};

use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};
use serde::Serialize;

use super::memory::Memory;

/// Findings told in words; beyond these they are only counted.
const WORDS_MAX: usize = 50;

/// Broken promises, by kind.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// Acknowledged, or taken by the venue, and not in the mesh's records.
    pub lost: u64,
    /// Sent or taken more than once.
    pub doubled: u64,
    /// Records that differ from the venue's.
    pub mismatches: u64,
    /// Orders whose fate nobody knows after healing.
    pub unresolved: u64,
    /// The first of them in words.
    pub words: Vec<String>,
}

impl Findings {
    /// Notes something lost.
    pub fn lost(&mut self, words: String) {
        self.lost += 1;
        self.say("lost", words);
    }

    /// Notes something doubled.
    pub fn doubled(&mut self, words: String) {
        self.doubled += 1;
        self.say("doubled", words);
    }

    /// Notes records that differ.
    pub fn mismatch(&mut self, words: String) {
        self.mismatches += 1;
        self.say("mismatch", words);
    }

    /// Notes an order in doubt.
    pub fn unresolved(&mut self, words: String) {
        self.unresolved += 1;
        self.say("unresolved", words);
    }

    /// Writes where it was before each of the words.
    pub fn at(&mut self, place: &str) {
        for words in &mut self.words {
            *words = format!("{place}: {words}");
        }
    }

    fn say(&mut self, kind: &str, words: String) {
        if self.words.len() < WORDS_MAX {
            self.words.push(format!("{kind}: {words}"));
        }
    }

    /// Takes in those of another part of the run.
    pub fn absorb(&mut self, other: Self) {
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.mismatches += other.mismatches;
        self.unresolved += other.unresolved;
        let room = WORDS_MAX - self.words.len().min(WORDS_MAX);
        self.words.extend(other.words.into_iter().take(room));
    }

    /// Returns whether every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.mismatches + self.unresolved == 0
    }
}

/// How long something took, over a run, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Spread {
    /// How often it was measured.
    pub count: usize,
    /// The median.
    pub p50_ms: u64,
    /// 99 of 100 took no longer.
    pub p99_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

impl Spread {
    /// Returns the spread of some durations, each rounded up.
    #[must_use]
    pub fn of(durations: &[Duration]) -> Self {
        let up = |it: &Duration| u64::try_from(it.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
        let mut sorted: Vec<u64> = durations.iter().map(up).collect();
        sorted.sort_unstable();
        let rank = |percent: usize| {
            let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
            sorted.get(at).copied().unwrap_or_default()
        };
        Self {
            count: sorted.len(),
            p50_ms: rank(50),
            p99_ms: rank(99),
            max_ms: sorted.last().copied().unwrap_or_default(),
        }
    }
}

/// A run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Whether every promise was kept.
    pub ok: bool,
    /// What was drawn from.
    pub seed: u64,
    /// Orders a second.
    pub rate: u32,
    /// Orders that rested all the while.
    pub open_orders: usize,
    /// How often the mesh was killed.
    pub kills: u32,
    /// How long orders flowed.
    pub flowed_s: u64,
    /// Orders that clients asked for.
    pub orders: usize,
    /// Orders that were due and not asked for, because too many calls were unanswered.
    pub omitted: u64,
    /// Orders that clients were told of as placed.
    pub acknowledged: usize,
    /// Orders that clients were told of as refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Placements repeated with the same index.
    pub repeats: u64,
    /// Cancels asked for.
    pub cancels: u64,
    /// Orders on the venues' books.
    pub venue_orders: usize,
    /// Fills on the venues' books.
    pub fills: usize,
    /// What each venue says.
    pub venues: Vec<AtVenue>,
    /// Faults that were made at the venues, by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Requests and events that they struck; those that last strike more and are not counted.
    pub faults_struck: u64,
    /// What the venues refused for their own limits.
    pub rate_violations: u64,
    /// The mesh's memory; none where it was killed.
    pub memory: Option<Memory>,
    /// Fills that a watcher was told of, across every kill.
    pub fills_watched: usize,
    /// How often the watcher had to begin with a snapshot because its history was not kept.
    pub watch_snapshots: u64,
    /// From the last fault healed to nothing in doubt, nothing open and positions agreed.
    pub rested_ms: u64,
    /// Sound records of the journal.
    pub journal_records: u64,
    /// From SIGKILL to the first order acknowledged after it.
    pub recovery: Spread,
    /// What was broken.
    pub findings: Findings,
    /// How long the run took.
    pub took_s: u64,
}

/// One venue's part of a run, by its own books.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AtVenue {
    /// The venue.
    pub venue: &'static str,
    /// Orders.
    pub orders: usize,
    /// Fills.
    pub fills: usize,
    /// What it refused for its own limits.
    pub rate_violations: u64,
    /// What it refused because a script bade it.
    pub scripted_refusals: u64,
    /// The most that was used of its limit on requests in one minute: weight or number.
    pub peak_1m: u64,
}

impl Report {
    /// Says whether every promise was kept.
    pub fn judge(&mut self) {
        let flat = self.memory.is_none_or(|memory| memory.flat);
        let clean = self.findings.is_clean() && self.rate_violations == 0;
        self.ok = clean && flat && self.is_telling();
    }

    /// Returns whether at least half of the orders reached a venue: a mesh that refuses everything
    /// loses nothing, and proves nothing.
    fn is_telling(&self) -> bool {
        self.venue_orders * 2 >= self.orders
    }

    /// Returns the report as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(UTF8_BORDERS_ONLY);
        table.set_header([
            "kills",
            "orders",
            "acknowledged",
            "repeats",
            "cancels",
            "venue orders",
            "fills",
            "lost",
            "doubled",
            "mismatches",
            "unresolved",
            "rate violations",
            "recovery P50",
            "P99",
            "max",
        ]);
        let ms = |ms: u64| format!("{ms} ms");
        table.add_row([
            self.kills.to_string(),
            self.orders.to_string(),
            self.acknowledged.to_string(),
            self.repeats.to_string(),
            self.cancels.to_string(),
            self.venue_orders.to_string(),
            self.fills.to_string(),
            self.findings.lost.to_string(),
            self.findings.doubled.to_string(),
            self.findings.mismatches.to_string(),
            self.findings.unresolved.to_string(),
            self.rate_violations.to_string(),
            ms(self.recovery.p50_ms),
            ms(self.recovery.p99_ms),
            ms(self.recovery.max_ms),
        ]);
        let mut text = table.to_string();
        text.push_str(&format!(
            "\nseed {} · {} orders a second for {} s, {} omitted · {} resting · {} fills watched, \
             {} snapshots · at rest after {} ms · journal: {} sound records · {} s",
            self.seed,
            self.rate,
            self.flowed_s,
            self.omitted,
            self.open_orders,
            self.fills_watched,
            self.watch_snapshots,
            self.rested_ms,
            self.journal_records,
            self.took_s
        ));
        for at in &self.venues {
            text.push_str(&format!(
                "\n{}: {} orders · {} fills · {} rate violations · {} refused by script · most in a \
                 minute {}",
                at.venue, at.orders, at.fills, at.rate_violations, at.scripted_refusals, at.peak_1m
            ));
        }
        if !self.faults.is_empty() {
            let all: u64 = self.faults.values().sum();
            let each: Vec<String> = self
                .faults
                .iter()
                .map(|(name, n)| format!("{name} {n}"))
                .collect();
            let (each, struck) = (each.join(" · "), self.faults_struck);
            text.push_str(&format!("\n{all} faults, {struck} struck: {each}"));
        }
        if !self.refused.is_empty() {
            let each = self.refused.iter();
            let each: Vec<String> = each.map(|(reason, n)| format!("{reason} {n}")).collect();
            text.push_str(&format!("\nrefused: {}", each.join(" · ")));
        }
        if !self.is_telling() {
            text.push_str("\ntoo few orders reached a venue: the run proves nothing");
        }
        if let Some(memory) = &self.memory {
            text.push_str(&format!("\nmemory: {memory}"));
        }
        for words in &self.findings.words {
            text.push_str(&format!("\n{words}"));
        }
        text
    }
}
