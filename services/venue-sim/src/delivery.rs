//! Private events on their way to sockets, faults included: the same for every venue.

use crate::faults::{Facts, FaultKind, Faults};

/// Events that a script holds back at once.
const HELD_MAX: usize = 10_000;

/// An event that a script holds back.
#[derive(Debug)]
struct Held<M> {
    message: M,
    /// When it is sent.
    due_ms: Option<u64>,
    /// After how many further events it is sent.
    after: Option<u32>,
}

/// The private events of one venue.
#[derive(Debug)]
pub(crate) struct Delivery<M> {
    held: Vec<Held<M>>,
}

impl<M> Default for Delivery<M> {
    fn default() -> Self {
        Self { held: Vec::new() }
    }
}

impl<M: Clone> Delivery<M> {
    /// Sends an event, unless a script drops, doubles, delays or reorders it.
    pub fn pass(
        &mut self,
        faults: &mut Faults,
        facts: &Facts<'_>,
        message: M,
        now_ms: u64,
        mut send: impl FnMut(&M),
    ) {
        let fault = faults.take(facts, |kind| {
            matches!(
                kind,
                FaultKind::DuplicateEvent
                    | FaultKind::DropEvent
                    | FaultKind::DelayEvent { .. }
                    | FaultKind::ReorderEvent { .. }
            )
        });
        let held = |due_ms, after| Held {
            message: message.clone(),
            due_ms,
            after,
        };
        let hold = match fault {
            Some(FaultKind::DropEvent) => return,
            Some(FaultKind::DelayEvent { ms }) => Some(held(Some(now_ms + ms), None)),
            Some(FaultKind::ReorderEvent { past }) => Some(held(None, Some(past.max(1)))),
            Some(FaultKind::DuplicateEvent) => {
                send(&message);
                None
            }
            _ => None,
        };
        if let Some(hold) = hold
            && self.held.len() < HELD_MAX
        {
            self.held.push(hold);
            return;
        }
        send(&message);
        for held in &mut self.held {
            held.after = held.after.map(|after| after.saturating_sub(1));
        }
        self.release(|held| held.after == Some(0), send);
    }

    /// Sends what has been held back long enough.
    pub fn tick(&mut self, now_ms: u64, send: impl FnMut(&M)) {
        let due = |held: &Held<M>| held.due_ms.is_some_and(|due_ms| due_ms <= now_ms);
        self.release(due, send);
    }

    fn release(&mut self, due: impl Fn(&Held<M>) -> bool, mut send: impl FnMut(&M)) {
        let (out, kept) = std::mem::take(&mut self.held).into_iter().partition(due);
        self.held = kept;
        let out: Vec<Held<M>> = out;
        for held in out {
            send(&held.message);
        }
    }
}
