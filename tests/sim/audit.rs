//! The invariants, held against the venue's own books and the journal by a reader that shares
//! nothing with the services but the contract's words and the words of records.

use rust_decimal::Decimal;
use serde_json::Value;

use super::evidence::{Final, Seen, Violation};

mod exposure;
mod kill;
mod ledger;
mod limits;
mod promises;
mod settled;
mod states;
mod watched;

pub use settled::unsettled;

/// What was found.
#[derive(Debug, Default)]
pub struct Report(Vec<Violation>);

impl Report {
    /// Notes a violation.
    pub fn violate(&mut self, invariant: &'static str, what: impl Into<String>) {
        let what = what.into();
        self.0.push(Violation { invariant, what });
    }
}

/// Returns every violation that the evidence shows.
pub fn audit(seen: &Seen) -> Vec<Violation> {
    let mut report = Report(seen.violations.clone());
    match (&seen.last, &seen.ledger) {
        (Some(last), Some(books)) => {
            ledger::fills(last, books, &mut report);
            ledger::holdings(last, books, &mut report);
            ledger::orders(last, books, &mut report);
            ledger::creates(seen, &mut report);
            promises::promises(seen, last, &mut report);
            for what in unsettled(last, seen.watched.seq) {
                report.violate("I10", what);
            }
        }
        _ => report.violate("RUN", "the auditor did not come to an end"),
    }
    states::states(seen, &mut report);
    exposure::exposure(seen, &mut report);
    kill::kill(seen, &mut report);
    watched::watched(seen, &mut report);
    limits::limits(seen, &mut report);
    let (_, wrong) = seen.books.judge();
    wrong
        .into_iter()
        .for_each(|what| report.violate("I7", what));
    for what in &seen.waiting {
        report.violate("I10", what.clone());
    }
    report.0
}

/// Returns what the mesh holds otherwise than the venue.
pub fn unequal(last: &Final, books: &Value) -> Vec<String> {
    let mut report = Report::default();
    ledger::holdings(last, books, &mut report);
    report.0.into_iter().map(|it| it.what).collect()
}

/// Returns the rows of a table of the venue's books.
fn rows<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of[name].as_array().into_iter().flatten()
}

/// Returns whether the venue's order still works.
fn open(row: &Value) -> bool {
    matches!(row["status"].as_str(), Some("new" | "partially_filled"))
}

/// Returns whether two texts are the same number; a text that is none is the same as nothing.
fn same(ours: &str, theirs: &Value) -> bool {
    let theirs = theirs
        .as_str()
        .map_or_else(|| theirs.to_string(), str::to_owned);
    let number = |text: &str| text.parse::<Decimal>().ok();
    number(ours).is_some() && number(ours) == number(&theirs)
}
