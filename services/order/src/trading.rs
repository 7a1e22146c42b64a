//! What may be traded: the three positions of the kill switch, and the switch itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// What may be traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TradingState {
    /// Everything that risk allows.
    Active,
    /// Only ways out, and cancels: orders that lower exposure or may only reduce a position.
    Reducing,
    /// Only cancels; open orders are cancelled.
    Halted,
}

impl TradingState {
    /// Returns the stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Reducing => "REDUCING",
            Self::Halted => "HALTED",
        }
    }

    /// Returns whether a new order may pass.
    #[must_use]
    pub const fn allows(self, way_out: bool) -> bool {
        match self {
            Self::Active => true,
            Self::Reducing => way_out,
            Self::Halted => false,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Active => 0,
            Self::Reducing => 1,
            Self::Halted => 2,
        }
    }

    const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Active,
            1 => Self::Reducing,
            _ => Self::Halted,
        }
    }
}

/// The switch that every submission passes at the last point before the wire, in the task that
/// sends (F60). Shared by the tasks that send; set by the owner of the state. What a call asks for is
/// forbidden from its arrival on, however much the owner has to do before it.
#[derive(Debug, Clone)]
pub(crate) struct Switch {
    state: Arc<AtomicU8>,
    /// Calls on their way to the owner that ask for REDUCING, and for HALTED.
    asked: Arc<[AtomicUsize; 2]>,
    in_flight: watch::Sender<usize>,
}

/// A submission between the last check and its answer; the answer to a kill waits for those that
/// are no way out.
#[derive(Debug)]
pub(crate) struct Passage {
    in_flight: Option<watch::Sender<usize>>,
}

/// A call on its way to the owner; what it asks to forbid is forbidden while this lives.
#[derive(Debug)]
pub(crate) struct Asked {
    asked: Arc<[AtomicUsize; 2]>,
    state: TradingState,
}

impl Switch {
    pub(crate) fn new(state: TradingState) -> Self {
        Self {
            state: Arc::new(AtomicU8::new(state.code())),
            asked: Arc::default(),
            in_flight: watch::Sender::new(0),
        }
    }

    pub(crate) fn set(&self, state: TradingState) {
        self.state.store(state.code(), Ordering::SeqCst);
    }

    /// Forbids what a state forbids until the owner was told, which then sets it.
    pub(crate) fn ask(&self, state: TradingState) -> Asked {
        if let Some(calls) = calls_for(&self.asked, state) {
            calls.fetch_add(1, Ordering::SeqCst);
        }
        Asked {
            asked: self.asked.clone(),
            state,
        }
    }

    fn state(&self) -> TradingState {
        let set = TradingState::from_code(self.state.load(Ordering::SeqCst));
        let asked = [TradingState::Reducing, TradingState::Halted];
        let asked = asked.into_iter().filter(|state| {
            calls_for(&self.asked, *state).is_some_and(|calls| calls.load(Ordering::SeqCst) > 0)
        });
        asked.fold(set, Ord::max)
    }

    /// Returns a passage for a submission, or the state that forbids it.
    ///
    /// The passage is counted before the state is read: whoever sets the state and then finds
    /// nobody in flight knows that nobody passed on the old one.
    pub(crate) fn pass(&self, way_out: bool) -> Result<Passage, TradingState> {
        let in_flight = (!way_out).then(|| self.in_flight.clone());
        if let Some(in_flight) = &in_flight {
            in_flight.send_modify(|count| *count += 1);
        }
        let passage = Passage { in_flight };
        let state = self.state();
        if state.allows(way_out) {
            Ok(passage)
        } else {
            Err(state)
        }
    }

    /// Waits until no submission but ways out is between the check and its answer.
    pub(crate) async fn settled(&self) {
        let mut in_flight = self.in_flight.subscribe();
        // The sender lives in `self`, so this can only end by reaching zero.
        let _ = in_flight.wait_for(|count| *count == 0).await;
    }
}

fn calls_for(asked: &[AtomicUsize; 2], state: TradingState) -> Option<&AtomicUsize> {
    match state {
        TradingState::Active => None,
        TradingState::Reducing => asked.first(),
        TradingState::Halted => asked.last(),
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(calls) = calls_for(&self.asked, self.state) {
            calls.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if let Some(in_flight) = &self.in_flight {
            in_flight.send_modify(|count| *count -= 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f060_what_a_call_asks_for_is_forbidden_before_the_owner_hears_of_it() {
        let switch = Switch::new(TradingState::Active);
        let reducing = switch.ask(TradingState::Reducing);
        assert!(switch.pass(false).is_err() && switch.pass(true).is_ok());
        let halted = switch.ask(TradingState::Halted);
        assert_eq!(switch.pass(true).err(), Some(TradingState::Halted));
        // An older call that allows more is done meanwhile.
        switch.set(TradingState::Active);
        assert!(switch.pass(true).is_err());
        // Refused by the owner.
        drop(halted);
        drop(reducing);
        assert!(switch.pass(false).is_ok());
        drop(switch.ask(TradingState::Active));
        assert!(switch.pass(false).is_ok());
    }
}
