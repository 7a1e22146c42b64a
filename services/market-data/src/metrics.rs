//! What is counted. Labels are venue names and words of this crate, so that their number is bounded.

use chimera_model::Venue;

/// Counts a frame of a public stream by what became of it.
pub fn frame(venue: Venue, outcome: &'static str) {
    metrics::counter!("market_data_frames_total", "venue" => venue.to_string(), "outcome" => outcome)
        .increment(1);
}

/// Counts a book that had to be fetched anew.
pub fn resync(venue: Venue) {
    metrics::counter!("market_data_book_resyncs_total", "venue" => venue.to_string()).increment(1);
}

/// Counts a connection of a public stream.
pub fn connection(venue: Venue, outcome: &'static str) {
    metrics::counter!(
        "market_data_connections_total", "venue" => venue.to_string(), "outcome" => outcome
    )
    .increment(1);
}

/// Counts updates that a slow reader did not get.
pub fn lagged(dropped: u64) {
    metrics::counter!("market_data_lagged_updates_total").increment(dropped);
}

/// Shows how many watch streams are open.
pub fn streams(open: usize) {
    metrics::gauge!("market_data_streams").set(u32::try_from(open).unwrap_or(u32::MAX));
}
