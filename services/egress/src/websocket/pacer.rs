//! How often a connection may send, as venues count it: frames in any stretch of time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Added to the venue's stretch, since frames can arrive closer together than they left.
const JITTER_MARGIN: Duration = Duration::from_millis(50);

/// At most `frames` frames in any stretch of `per`; pongs count, as Binance counts them (F102).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// The frames of one stretch; Binance allows 5 on spot and 10 on futures.
    pub frames: u32,
    /// The stretch; one second with Binance.
    pub per: Duration,
}

#[derive(Debug)]
pub(super) struct Pacer {
    pacing: Option<Pacing>,
    sent: VecDeque<Instant>,
}

impl Pacer {
    pub(super) fn new(pacing: Option<Pacing>) -> Self {
        Self {
            pacing,
            sent: VecDeque::new(),
        }
    }

    /// Takes room for one data frame, or returns when there will be some.
    ///
    /// One frame of each stretch is left for pongs, which never wait: an unanswered ping costs the
    /// connection.
    pub(super) fn try_take(&mut self, now: Instant) -> Result<(), Instant> {
        let Some(pacing) = self.pacing else {
            return Ok(());
        };
        self.forget(pacing, now);
        let room = pacing.frames.saturating_sub(1).max(1) as usize;
        let over = (self.sent.len() + 1).saturating_sub(room);
        match over.checked_sub(1).and_then(|index| self.sent.get(index)) {
            Some(blocking) => Err(*blocking + pacing.per + JITTER_MARGIN),
            None => {
                self.sent.push_back(now);
                Ok(())
            }
        }
    }

    /// Counts a pong.
    pub(super) fn note(&mut self, now: Instant) {
        let Some(pacing) = self.pacing else { return };
        self.forget(pacing, now);
        // A flood of pings must not grow the record; what is beyond two stretches' worth changes
        // nothing.
        if self.sent.len() < 2 * pacing.frames as usize {
            self.sent.push_back(now);
        }
    }

    fn forget(&mut self, pacing: Pacing, now: Instant) {
        while self
            .sent
            .front()
            .is_some_and(|sent| *sent + pacing.per + JITTER_MARGIN <= now)
        {
            self.sent.pop_front();
        }
    }
}
