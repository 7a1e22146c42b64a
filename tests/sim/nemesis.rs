//! Makes things go wrong as planned, and right again.

use std::sync::Arc;
use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use turmoil::Sim;

use super::desk::Way;
use super::hosts::VENUE_SYMBOL;
use super::plan::{Fault, Plan, Planned};
use super::scene::Scene;

/// Hosts that may die, those of the edge last. The venue may not: its books are the truth.
const MORTAL: [&str; 8] = [
    "order",
    "connector",
    "position",
    "market-data",
    "trader",
    "watcher",
    "gateway",
    "gateway",
];
/// How many of them there are without an edge.
const MORTAL_STRAIGHT: usize = 6;
/// Links that may fail, those of the edge last.
const LINKS: [(&str, &str); 12] = [
    ("connector", "venue"),
    ("connector", "venue"),
    ("order", "connector"),
    ("position", "connector"),
    ("position", "order"),
    ("trader", "order"),
    ("watcher", "order"),
    ("market-data", "venue"),
    ("twin", "gateway"),
    ("twin", "gateway"),
    ("gateway", "order"),
    ("gateway", "order"),
];
/// How many of them there are without an edge.
const LINKS_STRAIGHT: usize = 8;
/// Hosts whose clocks may step.
const CLOCKS: [&str; 3] = ["order", "connector", "position"];
/// Requests that may go wrong at the venue; placing most of all.
const ENDPOINTS: [&str; 7] = [
    "POST /fapi/v1/order",
    "POST /fapi/v1/order",
    "POST /fapi/v1/order",
    "DELETE /fapi/v1/order",
    "DELETE /fapi/v1/order",
    "GET /fapi/v1/order",
    "GET /fapi/v1/userTrades",
];

/// What must be made right again, and when.
struct Cure {
    at: Duration,
    what: Ailment,
}

enum Ailment {
    Down(&'static str),
    Held(&'static str, &'static str),
    Parted(&'static str, &'static str),
    Slow(&'static str, &'static str),
    Clock(&'static str),
    Disk,
    Frozen,
    Halted,
    Skewed,
}

/// Makes things go wrong.
pub struct Nemesis {
    scene: Arc<Scene>,
    mortal: &'static [&'static str],
    links: &'static [(&'static str, &'static str)],
    planned: std::vec::IntoIter<Planned>,
    next: Option<Planned>,
    cures: Vec<Cure>,
    down: Vec<&'static str>,
    /// How long the order service stays down once it has stepped into the trap of its disk.
    trapped_for: Duration,
    /// What was done, for the statistics.
    pub done: Vec<Fault>,
}

impl Nemesis {
    /// Returns the nemesis of a plan.
    pub fn new(plan: &Plan, scene: Arc<Scene>) -> Self {
        let mut planned = plan.faults.clone().into_iter();
        let next = planned.next();
        let (mortal, links) = match plan.way {
            Way::Straight => (&MORTAL[..MORTAL_STRAIGHT], &LINKS[..LINKS_STRAIGHT]),
            Way::Edge | Way::Rest => (&MORTAL[..], &LINKS[..]),
        };
        Self {
            scene,
            mortal,
            links,
            planned,
            next,
            cures: Vec::new(),
            down: Vec::new(),
            trapped_for: Duration::ZERO,
            done: Vec::new(),
        }
    }

    /// Does what is due.
    pub fn act(&mut self, sim: &mut Sim<'_>) {
        let now = sim.elapsed();
        let (due, later) = self.cures.drain(..).partition(|cure| cure.at <= now);
        self.cures = later;
        self.cure(sim, due);
        if self.scene.disk.trap_sprung() {
            self.kill(sim, "order", now + self.trapped_for);
        }
        while let Some(planned) = self.next.filter(|planned| planned.at <= now) {
            self.next = self.planned.next();
            self.strike(sim, planned);
        }
    }

    /// Makes everything right at once.
    pub fn heal(&mut self, sim: &mut Sim<'_>) {
        self.next = None;
        self.scene.disk.lift_trap();
        let all = std::mem::take(&mut self.cures);
        self.cure(sim, all);
        self.scene.steer("DELETE", "/faults", Value::Null);
        let lifted = json!({"status": 429, "seconds": 0});
        self.scene.steer("POST", "/ban", lifted);
        self.scene.steer("POST", "/market", json!({"paused": true}));
    }

    fn cure(&mut self, sim: &mut Sim<'_>, due: Vec<Cure>) {
        for cure in due {
            match cure.what {
                Ailment::Down(host) => {
                    self.down.retain(|down| *down != host);
                    sim.bounce(host);
                }
                Ailment::Held(a, b) => sim.release(a, b),
                Ailment::Parted(a, b) => sim.repair(a, b),
                Ailment::Slow(a, b) => {
                    sim.set_link_max_message_latency(a, b, super::run::LATENCY_MAX);
                }
                Ailment::Clock(host) => self.scene.step_clock(host, 0),
                Ailment::Disk => self.scene.disk.stall(Duration::ZERO),
                Ailment::Frozen => self.sockets(json!({"to": "open"})),
                Ailment::Halted => self.instrument("trading"),
                Ailment::Skewed => self.scene.steer("POST", "/clock", json!({"skew_ms": 0})),
            }
        }
    }

    fn strike(&mut self, sim: &mut Sim<'_>, planned: Planned) {
        let mut chance = ChaCha8Rng::seed_from_u64(planned.detail);
        let until = planned.at + planned.lasts;
        let link = self.links.choose(&mut chance).copied().unwrap_or(LINKS[0]);
        if of_link(planned.fault) && self.ails(link) {
            // One thing at a time: held and cut at once is nothing that a network does.
            return;
        }
        self.done.push(planned.fault);
        let what = match planned.fault {
            Fault::Crashed => return self.crash(sim, &mut chance, until),
            Fault::CrashedTwo => {
                self.crash(sim, &mut chance, until);
                return self.crash(sim, &mut chance, until);
            }
            Fault::CrashedWriting => {
                self.trapped_for = planned.lasts;
                // One record is there or not; of more a part may be.
                let least = if chance.random_bool(0.7) { 2 } else { 1 };
                return self.scene.disk.set_trap(least, chance.random());
            }
            Fault::Held => {
                sim.hold(link.0, link.1);
                Ailment::Held(link.0, link.1)
            }
            Fault::Parted => {
                match chance.random_range(0..3) {
                    0 => sim.partition_oneway(link.0, link.1),
                    1 => sim.partition_oneway(link.1, link.0),
                    _ => sim.partition(link.0, link.1),
                }
                Ailment::Parted(link.0, link.1)
            }
            Fault::Slow => {
                let most = Duration::from_millis(chance.random_range(50..1_500));
                sim.set_link_max_message_latency(link.0, link.1, most);
                Ailment::Slow(link.0, link.1)
            }
            Fault::HostClock => {
                let host = CLOCKS.choose(&mut chance).copied().unwrap_or("order");
                self.scene
                    .step_clock(host, chance.random_range(-30_000..30_000));
                Ailment::Clock(host)
            }
            Fault::DiskSlow => {
                let by = Duration::from_millis(chance.random_range(50..3_000));
                self.scene.disk.stall(by);
                Ailment::Disk
            }
            _ => match self.strike_venue(planned, &mut chance) {
                Some(ailment) => ailment,
                None => return,
            },
        };
        self.cures.push(Cure { at: until, what });
    }

    fn ails(&self, link: (&str, &str)) -> bool {
        self.cures.iter().any(|cure| match cure.what {
            Ailment::Held(a, b) | Ailment::Parted(a, b) | Ailment::Slow(a, b) => (a, b) == link,
            _ => false,
        })
    }

    fn crash(&mut self, sim: &mut Sim<'_>, chance: &mut ChaCha8Rng, until: Duration) {
        // The order service most of all: it is what must not forget.
        let host = match chance.random_bool(0.4) {
            true => "order",
            false => self.mortal.choose(chance).copied().unwrap_or("order"),
        };
        if !self.down.contains(&host) {
            self.kill(sim, host, until);
        }
    }

    fn kill(&mut self, sim: &mut Sim<'_>, host: &'static str, until: Duration) {
        self.down.push(host);
        sim.crash(host);
        let now = sim.elapsed();
        self.scene.seen(|seen| seen.died.push((now, host)));
        self.scene.note_at(now, &format!("{host} dies"));
        let what = Ailment::Down(host);
        self.cures.push(Cure { at: until, what });
    }

    /// Asks the venue to do wrong; what ends by itself needs no cure.
    fn strike_venue(&self, planned: Planned, chance: &mut ChaCha8Rng) -> Option<Ailment> {
        let endpoint = *ENDPOINTS.choose(chance)?;
        let count = chance.random_range(1..=4);
        let (kind, of_requests) = match planned.fault {
            Fault::SocketsClosed => {
                self.sockets(json!({"to": "closed"}));
                return None;
            }
            Fault::SocketsCut => {
                self.sockets(json!({"to": "cut"}));
                return None;
            }
            Fault::SocketsFrozen => {
                self.sockets(json!({"to": "frozen"}));
                return Some(Ailment::Frozen);
            }
            Fault::SessionExpired => {
                self.scene.steer("POST", "/sessions/expire", json!({}));
                return None;
            }
            Fault::Banned => {
                let status = if chance.random_bool(0.5) { 429 } else { 418 };
                let seconds = planned.lasts.as_secs().max(1);
                let ban = json!({"status": status, "seconds": seconds});
                self.scene.steer("POST", "/ban", ban);
                return None;
            }
            Fault::VenueClock => {
                let skew = json!({"skew_ms": chance.random_range(-8_000..8_000)});
                self.scene.steer("POST", "/clock", skew);
                return Some(Ailment::Skewed);
            }
            Fault::Halted => {
                self.instrument("halted");
                return Some(Ailment::Halted);
            }
            Fault::Jump => {
                self.trade(chance, 200..2_000);
                return None;
            }
            Fault::Traded => {
                self.trade(chance, 1..40);
                return None;
            }
            of_request => fault(of_request, planned.lasts, chance),
        };
        // What happens in the matching or to the book is no private event and has no name.
        let of_engine = matches!(
            planned.fault,
            Fault::FillsSplit | Fault::FillRacesCancel | Fault::DepthGap
        );
        let when = match of_requests {
            true => json!({"endpoint": endpoint}),
            false if of_engine => json!({}),
            false if chance.random_bool(0.7) => json!({"event": "ORDER_TRADE_UPDATE"}),
            false => json!({}),
        };
        let mut body = kind;
        body["when"] = when;
        body["count"] = json!(count);
        self.scene.steer("POST", "/faults", body);
        None
    }

    fn sockets(&self, fate: Value) {
        self.scene.steer("POST", "/sockets", json!({"fate": fate}));
    }

    fn instrument(&self, status: &str) {
        let path = format!("/instruments/{VENUE_SYMBOL}");
        self.scene.steer("PATCH", path, json!({"status": status}));
    }

    /// Sends one taker of the market's own, which also fills orders of ours.
    fn trade(&self, chance: &mut ChaCha8Rng, quantity: std::ops::Range<u32>) {
        let (side, price) = match chance.random_bool(0.5) {
            true => ("buy", "5000"),
            false => ("sell", "1"),
        };
        let quantity = chance.random_range(quantity).to_string();
        let path = format!("/market/{VENUE_SYMBOL}/trade");
        let body = json!({"side": side, "price": price, "quantity": quantity});
        self.scene.steer("POST", path, body);
    }
}

fn of_link(fault: Fault) -> bool {
    matches!(fault, Fault::Held | Fault::Parted | Fault::Slow)
}

/// Returns a scripted fault, and whether it is one of requests.
fn fault(fault: Fault, lasts: Duration, chance: &mut ChaCha8Rng) -> (Value, bool) {
    let ms = lasts.as_millis().min(4_000);
    let lost =
        |how: &str, accept: bool| json!({"kind": "drop_reply", "how": how, "accept": accept});
    let how = ["timeout", "close", "server_error", "unavailable"];
    let how = how.choose(chance).copied().unwrap_or("close");
    match fault {
        Fault::ReplyLost => (lost(how, true), true),
        Fault::RequestLost => (lost(how, false), true),
        Fault::VenueUnsure => {
            let unsure = match chance.random_bool(0.5) {
                true => "backend_timeout",
                false => "backend_unknown",
            };
            (lost(unsure, chance.random_bool(0.5)), true)
        }
        Fault::ReplyGarbled => {
            let garbled = if chance.random_bool(0.5) {
                "html"
            } else {
                "truncated"
            };
            (lost(garbled, chance.random_bool(0.5)), true)
        }
        Fault::ReplyLate => (json!({"kind": "delay_reply", "ms": ms}), true),
        Fault::RequestLate => (json!({"kind": "delay_request", "ms": ms}), true),
        Fault::ClockRefused => {
            let message = "Timestamp for this request is outside of the recvWindow.";
            let refused =
                json!({"kind": "reject", "status": 400, "code": -1021, "message": message});
            (refused, true)
        }
        Fault::Refused5xx => {
            let message = "Service Unavailable.";
            let refused =
                json!({"kind": "reject", "status": 503, "code": -1008, "message": message});
            (refused, true)
        }
        Fault::EventTwice => (json!({"kind": "duplicate_event"}), false),
        Fault::EventLost => (json!({"kind": "drop_event"}), false),
        Fault::EventLate => (json!({"kind": "delay_event", "ms": ms}), false),
        Fault::EventReordered => {
            let past = chance.random_range(1..4);
            (json!({"kind": "reorder_event", "past": past}), false)
        }
        Fault::FillsSplit => (
            json!({"kind": "split_fills", "parts": chance.random_range(2..6)}),
            false,
        ),
        Fault::FillRacesCancel => (json!({"kind": "race_fill"}), false),
        _ => (json!({"kind": "skip_depth"}), false),
    }
}
