//! What the connector counts. Labels are names of configuration and code, never a venue's text
//! (H64).

use chimera_model::{Account, Venue};

/// An order or cancel ended in an outcome.
pub(crate) fn outcome(venue: Venue, what: &'static str, outcome: &'static str) {
    let venue = venue.to_string();
    metrics::counter!(
        "connector_outcomes_total", "venue" => venue, "what" => what, "outcome" => outcome,
    )
    .increment(1);
}

/// A venue answered with an error of a class.
pub(crate) fn venue_error(venue: Venue, endpoint: &'static str, class: &'static str) {
    let venue = venue.to_string();
    metrics::counter!(
        "connector_venue_errors_total", "venue" => venue, "endpoint" => endpoint, "class" => class,
    )
    .increment(1);
}

/// A stream ended.
pub(crate) fn stream_end(venue: Venue, stream: &'static str, cause: &'static str) {
    let venue = venue.to_string();
    metrics::counter!(
        "connector_stream_ends_total", "venue" => venue, "stream" => stream, "cause" => cause,
    )
    .increment(1);
}

/// A frame was not used as it came: ignored, unreadable, unmapped, or lost while parked.
pub(crate) fn odd_frame(venue: Venue, stream: &'static str, what: &'static str) {
    let venue = venue.to_string();
    metrics::counter!(
        "connector_odd_frames_total", "venue" => venue, "stream" => stream, "what" => what,
    )
    .increment(1);
}

/// An event of an older connection came too late to be told.
pub(crate) fn stale_event() {
    metrics::counter!("connector_stale_events_total").increment(1);
}

/// An order report could not be stated in steps.
pub(crate) fn unstated_report() {
    metrics::counter!("connector_unstated_reports_total").increment(1);
}

/// A reader of an account was too slow.
pub(crate) fn slow_reader() {
    metrics::counter!("connector_slow_readers_total").increment(1);
}

/// A session's task panicked and starts over.
pub(crate) fn session_panic() {
    metrics::counter!("connector_session_panics_total").increment(1);
}

/// A session is live, or is not.
pub(crate) fn session_live(venue: Venue, account: Account, live: bool) {
    let (venue, account) = (venue.to_string(), account.to_string());
    metrics::gauge!("connector_session_live", "venue" => venue, "account" => account)
        .set(if live { 1.0 } else { 0.0 });
}
