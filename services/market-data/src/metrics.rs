//! What is counted. Labels are venue names and words of this crate, so that their number is bounded.

use chimera_model::Venue;

/// Counts a frame of a public stream by what became of it.
pub fn frame(venue: Venue, outcome: &'static str) {
    metrics::counter!("market_data_frames_total", "venue" => venue.to_string(), "outcome" => outcome)
        .increment(1);
}

/// Counters of the frames that come by the thousand: looked up once a connection, not once a frame.
pub struct Frames {
    /// Changes of books.
    pub depth: metrics::Counter,
    /// Best bids and asks.
    pub quote: metrics::Counter,
    /// The last day in short.
    pub ticker: metrics::Counter,
    /// Trades.
    pub trade: metrics::Counter,
}

impl Frames {
    /// Returns the counters of a venue.
    pub fn of(venue: Venue) -> Self {
        let counter = |outcome: &'static str| {
            metrics::counter!(
                "market_data_frames_total", "venue" => venue.to_string(), "outcome" => outcome
            )
        };
        Self {
            depth: counter("depth"),
            quote: counter("quote"),
            ticker: counter("ticker"),
            trade: counter("trade"),
        }
    }
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
