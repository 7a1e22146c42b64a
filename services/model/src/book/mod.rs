//! Order books that are right, or say that they are stale.
//!
//! [`OrderBook`] holds the levels and enforces the venue's sequence rule; [`BookSync`] buffers
//! deltas until a snapshot covers them. Prices and quantities are integers of the instrument's
//! scales, so that comparing and storing them is exact and cheap.

mod ladder;
mod order_book;
mod sync;

#[cfg(test)]
mod tests;

pub use ladder::Level;
pub use order_book::{
    BookState, Delta, DeltaOutcome, DepthView, OrderBook, SequenceRule, Snapshot, StaleReason,
};
pub use sync::{BUFFERED_DELTAS_MAX, BookSync, SyncOutcome};
