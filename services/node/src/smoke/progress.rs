//! Where each venue's run stands, for whoever looks on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

/// One venue's line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// The step it is at.
    pub state: &'static str,
    /// Orders placed so far.
    pub attempts: i32,
    /// The price of the working order.
    pub price: String,
    /// What is filled, of what.
    pub filled: String,
    /// The position.
    pub position: String,
}

/// The lines of all venues. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Progress {
    lines: Arc<Mutex<BTreeMap<String, Line>>>,
    changed: watch::Sender<u64>,
}

impl Progress {
    /// Returns an empty board.
    #[must_use]
    pub fn new() -> Self {
        Self {
            lines: Arc::default(),
            changed: watch::Sender::new(0),
        }
    }

    /// Changes one venue's line and tells whoever looks on.
    pub fn update(&self, venue: &str, change: impl FnOnce(&mut Line)) {
        {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let line = lines.entry(venue.to_owned()).or_default();
            let before = line.clone();
            change(line);
            if *line == before {
                return;
            }
        }
        self.changed.send_modify(|version| *version += 1);
    }

    /// Returns every line, ordered by venue.
    #[must_use]
    pub fn lines(&self) -> Vec<(String, Line)> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .map(|(venue, line)| (venue.clone(), line.clone()))
            .collect()
    }

    /// Returns a receiver that wakes on each change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}
