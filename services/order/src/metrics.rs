//! What is counted. Labels are fixed words, never input (H64).

/// Counts records made durable in one append.
pub(crate) fn journal_appended(records: usize) {
    metrics::counter!("order_journal_appends_total").increment(1);
    metrics::counter!("order_journal_records_total").increment(records as u64);
    metrics::histogram!("order_journal_append_records").record(shown(records));
}

/// Counts the end of the journal.
pub(crate) fn journal_failed() {
    metrics::counter!("order_journal_failures_total").increment(1);
}

/// Counts an order by where its story began to matter: its state.
pub(crate) fn order_reached(state: &'static str) {
    metrics::counter!("order_states_total", "state" => state).increment(1);
}

/// Counts a denial.
pub(crate) fn denied(reason: &'static str) {
    metrics::counter!("order_denials_total", "reason" => reason).increment(1);
}

/// Counts something an operator should see.
pub(crate) fn noticed(kind: &'static str) {
    metrics::counter!("order_notices_total", "kind" => kind).increment(1);
}

/// Shows how many orders are not final.
pub(crate) fn open_orders(count: usize) {
    metrics::gauge!("order_open").set(shown(count));
}

/// Counts what was lost or refused at a bound.
pub(crate) fn bounded(what: &'static str) {
    metrics::counter!("order_bounds_reached_total", "bound" => what).increment(1);
}

/// Measures a step of the order path.
pub(crate) fn step(name: &'static str, took: std::time::Duration) {
    metrics::histogram!("order_step_seconds", "step" => name).record(took.as_secs_f64());
}

/// Counts a comparison with a venue and what it found.
pub(crate) fn compared(differences: usize) {
    metrics::counter!("order_comparisons_total").increment(1);
    metrics::counter!("order_differences_total").increment(differences as u64);
}

/// Measures how far a re-placement of a tracking limit was from its grid.
pub(crate) fn interval_error(error: std::time::Duration) {
    metrics::histogram!("order_tracking_interval_error_seconds").record(error.as_secs_f64());
}

/// Returns a count as metrics show it.
fn shown(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
