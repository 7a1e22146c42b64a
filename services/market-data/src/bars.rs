//! Bars built from public trades. Pure: trades and times come in, bars go out.
//!
//! The bar that was open when the building began is the venue's own word (it holds trades from
//! before); every later one is built here from the first trade to the last.

use chimera_model::{
    Decimal, DecimalError, Symbol, UnixNanos, Venue,
    market::{Bar, BarInterval, Trade},
};

#[cfg(test)]
mod tests;

/// Bars a builder closes at most when time jumps over many intervals; beyond it the quiet bars in
/// between are left out, and readers fetch them from the venue.
const QUIET_BARS_MAX: u64 = 5;

/// Builds the bars of one instrument and interval.
#[derive(Debug)]
pub struct BarBuilder {
    venue: Venue,
    symbol: Symbol,
    interval: BarInterval,
    open: Option<Bar>,
    /// Trades before this belong to the bar that the venue states.
    begin: UnixNanos,
}

impl BarBuilder {
    /// Returns a builder whose first bar is the next one to begin after `now`.
    pub fn new(venue: Venue, symbol: Symbol, interval: BarInterval, now: UnixNanos) -> Self {
        let begin = end_of(interval.start_of(now), interval);
        Self {
            venue,
            symbol,
            interval,
            open: None,
            begin,
        }
    }

    /// Returns the interval.
    pub fn interval(&self) -> BarInterval {
        self.interval
    }

    /// Returns when the first bar built here begins.
    pub fn begin(&self) -> UnixNanos {
        self.begin
    }

    /// Returns the bar that is still open.
    pub fn current(&self) -> Option<&Bar> {
        self.open.as_ref()
    }

    /// Takes a trade and returns the bars it changed: those it closed, then the open one.
    ///
    /// # Errors
    /// Fails when a sum needs more digits than are held; the bar stays as it was.
    pub fn on_trade(&mut self, trade: &Trade) -> Result<Vec<Bar>, DecimalError> {
        if trade.venue_time < self.begin {
            return Ok(Vec::new());
        }
        let start = self.interval.start_of(trade.venue_time);
        let mut changed = match &self.open {
            // A trade that comes after its bar was closed changes nothing that was published.
            Some(open) if start < open.open_time => return Ok(Vec::new()),
            Some(open) if start > open.open_time => self.close_until(start),
            _ => Vec::new(),
        };
        let turnover = trade.price.checked_mul(trade.quantity)?;
        let next = match self.open.clone() {
            Some(bar) if bar.trades > 0 => Bar {
                high: bar.high.max(trade.price),
                low: bar.low.min(trade.price),
                close: trade.price,
                volume: bar.volume.checked_add(trade.quantity)?,
                quote_volume: bar.quote_volume.checked_add(turnover)?,
                trades: bar.trades + 1,
                ..bar
            },
            _ => Bar {
                volume: trade.quantity,
                quote_volume: turnover,
                trades: 1,
                ..self.quiet(start, trade.price)
            },
        };
        changed.push(next.clone());
        self.open = Some(next);
        Ok(changed)
    }

    /// Closes what ended before `now` and returns it; quiet intervals become bars without volume, as
    /// venues have them.
    pub fn on_time(&mut self, now: UnixNanos) -> Vec<Bar> {
        let start = self.interval.start_of(now);
        match &self.open {
            Some(open) if start > open.open_time => {
                let mut changed = self.close_until(start);
                changed.extend(self.open.clone());
                changed
            }
            _ => Vec::new(),
        }
    }

    /// Closes the open bar and the quiet ones up to `start`, and opens a quiet one there.
    fn close_until(&mut self, start: UnixNanos) -> Vec<Bar> {
        let Some(bar) = self.open.take() else {
            return Vec::new();
        };
        let last = bar.close;
        let mut next = end_of(bar.open_time, self.interval);
        let mut closed = vec![Bar {
            closed: true,
            ..bar
        }];
        let length = self.interval.seconds() * 1_000_000_000;
        let quiet = start.as_nanos().saturating_sub(next.as_nanos()) / length;
        if quiet <= QUIET_BARS_MAX {
            while next < start {
                closed.push(Bar {
                    closed: true,
                    ..self.quiet(next, last)
                });
                next = end_of(next, self.interval);
            }
        }
        self.open = Some(self.quiet(start, last));
        closed
    }

    fn quiet(&self, open_time: UnixNanos, price: Decimal) -> Bar {
        Bar {
            venue: self.venue,
            symbol: self.symbol,
            interval: self.interval,
            open_time,
            end_time: end_of(open_time, self.interval),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ZERO,
            quote_volume: Decimal::ZERO,
            trades: 0,
            closed: false,
        }
    }
}

fn end_of(start: UnixNanos, interval: BarInterval) -> UnixNanos {
    start.saturating_add(std::time::Duration::from_secs(interval.seconds()))
}
