//! Brings a run's storm to the venue, and reads in the end what became of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::STORM_FOR;
use super::tally::CUT;
use crate::sim::plan::Plan;
use crate::sim::scene::Scene;

/// The weather of one run; none where no storm is planned.
pub struct Weather {
    scene: Arc<Scene>,
    script: Vec<Value>,
    cuts: VecDeque<Duration>,
}

impl Weather {
    /// Returns the weather of a plan.
    pub fn new(plan: &Plan, scene: Arc<Scene>) -> Self {
        let script = plan.storm.map(|it| it.odds.script(plan.seed, it.orders));
        let cuts = plan.storm.map(|it| it.odds.cuts(plan.seed, STORM_FOR));
        Self {
            scene,
            script: script.unwrap_or_default(),
            cuts: cuts.unwrap_or_default().into(),
        }
    }

    /// Does what is due.
    pub fn act(&mut self, now: Duration) {
        if now.is_zero() {
            for fault in &self.script {
                self.scene.steer("POST", "/faults", fault.clone());
            }
        }
        if self.cuts.front().is_some_and(|at| *at <= now) {
            self.cuts.pop_front();
            let cut = json!({"fate": {"to": "cut"}});
            self.scene.steer("POST", "/sockets", cut);
            self.scene.note_at(now, CUT);
        }
    }

    /// Returns whether all that was to be placed is placed and answered.
    pub fn over(&self) -> bool {
        self.scene.storm.is_some() && self.scene.seen(|seen| seen.acting.is_empty())
    }

    /// Reads what became of the script, before it is lifted.
    pub fn end(&mut self) {
        if self.scene.storm.is_none() {
            return;
        }
        self.cuts.clear();
        self.scene.steer("GET", "/faults", Value::Null);
        let script = std::mem::take(&mut self.script);
        self.scene.seen(|seen| seen.script = script);
    }
}
