//! What the private stream owes us: an order that the venue acknowledged by REST must be heard of
//! there too. The surest sign of a stream that is connected and silent (F87).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chimera_model::ClientOrderIndex;
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// How long the stream may be behind the REST answer. Venues push within milliseconds; seconds pass
/// only when they are in trouble, and then a new connection is right as well.
pub(crate) const ECHO_WITHIN: Duration = Duration::from_secs(5);

/// Requests that may be waited for at once. Venues allow a few hundred a minute; what is beyond is
/// simply not watched.
const WAITING_MAX: usize = 1_024;

/// The orders that the stream is to speak of.
#[derive(Debug, Default)]
pub(crate) struct Echoes {
    /// By when; not yet bounded while the request itself has no answer.
    waiting: Mutex<BTreeMap<ClientOrderIndex, Option<Instant>>>,
}

impl Echoes {
    /// Notes that a request about an order is about to leave: the stream may be quicker than its
    /// answer.
    pub(crate) fn expect(&self, index: ClientOrderIndex) {
        let mut waiting = self.lock();
        if waiting.len() < WAITING_MAX {
            waiting.insert(index, None);
        }
    }

    /// Notes that the venue acknowledged the request: from now on the stream is late.
    pub(crate) fn acknowledged(&self, index: ClientOrderIndex, now: Instant) {
        if let Some(due) = self.lock().get_mut(&index) {
            *due = Some(now + ECHO_WITHIN);
        }
    }

    /// Notes that the stream spoke of an order, or that nothing is expected of it any more.
    pub(crate) fn settle(&self, index: ClientOrderIndex) {
        self.lock().remove(&index);
    }

    /// Forgets everything: a new connection owes nothing of what came before it.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Returns an order that the stream should have spoken of by now.
    pub(crate) fn overdue(&self, now: Instant) -> Option<ClientOrderIndex> {
        let waiting = self.lock();
        let late = waiting
            .iter()
            .find(|(_, due)| due.is_some_and(|due| due < now));
        late.map(|(index, _)| *index)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ClientOrderIndex, Option<Instant>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
