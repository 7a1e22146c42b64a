//! What an operator sees of this server.

use std::time::Duration;

fn count(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// How many positions differ from the venue's word for too long.
pub(crate) fn discrepancies(number: usize) {
    metrics::gauge!("position_discrepancies").set(count(number));
}

/// How many positions are kept, flat ones included.
pub(crate) fn positions(number: usize) {
    metrics::gauge!("position_positions").set(count(number));
}

/// How many readers the change stream has.
pub(crate) fn readers(number: usize) {
    metrics::gauge!("position_readers").set(count(number));
}

/// A reader was ended because it was too slow.
pub(crate) fn slow_reader() {
    metrics::counter!("position_slow_readers_total").increment(1);
}

/// What became of a fill: `booked`, `absorbed`, `completed`, `replaced`, `duplicate` or `refused`.
pub(crate) fn fill(outcome: &'static str) {
    metrics::counter!("position_fills_total", "outcome" => outcome).increment(1);
}

/// An opening was taken from the venue's word.
pub(crate) fn opening_inferred() {
    metrics::counter!("position_openings_inferred_total").increment(1);
}

/// A word of an input could not be read.
pub(crate) fn unreadable(what: &'static str) {
    metrics::counter!("position_unreadable_inputs_total", "what" => what).increment(1);
}

/// Positions were built from the history of fills.
pub(crate) fn rebuilt() {
    metrics::counter!("position_rebuilds_total").increment(1);
}

/// An input was lost and will be dialled again: `orders` or `account`.
pub(crate) fn input_lost(input: &'static str) {
    metrics::counter!("position_inputs_lost_total", "input" => input).increment(1);
}

/// How old the newest word of the fills is.
pub(crate) fn fills_staleness(age: Duration) {
    metrics::gauge!("position_fills_staleness_seconds").set(age.as_secs_f64());
}
