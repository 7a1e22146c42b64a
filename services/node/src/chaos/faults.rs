//! What goes wrong at the venues of a run: drawn from a seed by weight before it begins, made through
//! the simulators' control interface, and made right again.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use rand::{RngExt as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    error::ChaosError,
    market::Market,
    venue::{SharedVenues, Touch, Touches},
};

/// Between two faults at one venue, in milliseconds: several at once, and moments of peace.
const APART_MS: std::ops::Range<u64> = 100..3_000;
/// How long a fault lasts that does not end by itself.
const LASTS_MS: std::ops::Range<u64> = 50..6_000;
/// Nothing goes wrong before: what is to break must work once.
const BEGIN_AFTER: Duration = Duration::from_secs(2);
/// How long a scripted fault waits for what it is to strike. What waits for an endpoint that the mesh
/// leaves in peace behind an open breaker would pile up there, fail every probe of it, and keep it open
/// for the rest of the run.
const WAITS: Duration = Duration::from_secs(10);
/// How late a late reply, request or event is at most.
const LATE_MS: std::ops::Range<u64> = 50..4_000;
/// How many requests or events one fault strikes at most. Fewer in a row than open the mesh's breaker:
/// behind that a venue is left in peace, and little can go wrong.
const COUNT_MAX: u32 = 3;
/// How far the venue's clock is off at most: beyond its window of five seconds.
const SKEW_MS: std::ops::Range<i64> = -8_000..8_000;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A reply is lost after the venue did what it was asked.
    ReplyLost,
    /// A request is lost before the venue did anything.
    RequestLost,
    /// The venue itself does not know.
    VenueUnsure,
    /// A reply that is no JSON, or ends in the middle.
    ReplyGarbled,
    /// A reply comes late.
    ReplyLate,
    /// A request takes effect late.
    RequestLate,
    /// Our clock is said to be wrong.
    ClockRefused,
    /// 429 or 418 for everybody, for a while.
    Paused,
    /// A private event twice.
    EventTwice,
    /// A private event never.
    EventLost,
    /// A private event late.
    EventLate,
    /// A private event after later ones.
    EventReordered,
    /// A book's sequence has a gap.
    DepthGap,
    /// A match in several fills.
    FillsSplit,
    /// An order is filled at the instant a cancel for it arrives.
    FillRacesCancel,
    /// Sockets close.
    SocketsClosed,
    /// Sockets are cut.
    SocketsCut,
    /// Sockets freeze: open, and silent.
    SocketsFrozen,
    /// The listen key, or what stands for it, ends.
    SessionExpired,
    /// The venue's clock is off.
    ClockOff,
    /// The instrument is halted.
    Halted,
    /// Somebody trades through the book.
    Jump,
}

/// How likely each fault is against the others, and what people call it.
pub const WEIGHTS: [(Fault, u32, &str); 22] = [
    (Fault::ReplyLost, 10, "reply lost"),
    (Fault::RequestLost, 5, "request lost"),
    (Fault::VenueUnsure, 5, "venue unsure"),
    (Fault::ReplyGarbled, 4, "reply garbled"),
    (Fault::ReplyLate, 5, "reply late"),
    (Fault::RequestLate, 5, "request late"),
    (Fault::ClockRefused, 3, "clock refused"),
    (Fault::Paused, 1, "429 or 418"),
    (Fault::EventTwice, 6, "event twice"),
    (Fault::EventLost, 6, "event lost"),
    (Fault::EventLate, 6, "event late"),
    (Fault::EventReordered, 6, "event reordered"),
    (Fault::DepthGap, 4, "gap in the book"),
    (Fault::FillsSplit, 4, "fills split"),
    (Fault::FillRacesCancel, 6, "fill races cancel"),
    (Fault::SocketsClosed, 2, "sockets closed"),
    (Fault::SocketsCut, 2, "sockets cut"),
    (Fault::SocketsFrozen, 2, "sockets frozen"),
    (Fault::SessionExpired, 2, "session expired"),
    (Fault::ClockOff, 2, "clock off"),
    (Fault::Halted, 2, "halted"),
    (Fault::Jump, 5, "market jumps"),
];

/// What people call it.
pub fn name(fault: Fault) -> &'static str {
    let mut all = WEIGHTS.iter();
    all.find(|(known, ..)| *known == fault)
        .map_or("", |(.., name)| name)
}

/// Returns the weights and times as a line for people.
pub fn weights() -> String {
    let weights: Vec<String> = WEIGHTS
        .iter()
        .map(|(_, weight, name)| format!("{name} {weight}"))
        .collect();
    let (apart, lasts) = (APART_MS, LASTS_MS);
    format!(
        "at each venue every {} to {} ms, for {} to {} ms where it lasts, by weight: {}",
        apart.start,
        apart.end,
        lasts.start,
        lasts.end,
        weights.join(" · ")
    )
}

/// A fault at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it begins, counted from the start of the flow.
    pub at: Duration,
    /// Where.
    pub market: &'static Market,
    /// What.
    pub fault: Fault,
    /// How long it lasts, where it lasts.
    pub lasts: Duration,
    /// Whether this is its end.
    pub heals: bool,
    detail: u64,
}

/// Draws what goes wrong, where and when, and when that ends.
pub fn draw(seed: u64, markets: &[&'static Market], length: Duration) -> Vec<Planned> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed ^ 0x6661_756c_7473);
    let millis = |chance: &mut ChaCha8Rng, range| Duration::from_millis(chance.random_range(range));
    let mut planned = Vec::new();
    for market in markets {
        let mut at = BEGIN_AFTER + millis(&mut chance, APART_MS);
        while at < length {
            let strike = Planned {
                at,
                market,
                fault: pick(&mut chance),
                lasts: millis(&mut chance, LASTS_MS),
                heals: false,
                detail: chance.random(),
            };
            planned.push(strike);
            let ends = match strike.fault {
                fault if LASTING.contains(&fault) => Some(at + strike.lasts),
                fault if !MOMENTARY.contains(&fault) => Some(at + WAITS),
                _ => None,
            };
            // At the end of the flow all is made right at once.
            planned.extend(ends.filter(|ends| *ends < length).map(|at| Planned {
                at,
                heals: true,
                ..strike
            }));
            at += millis(&mut chance, APART_MS);
        }
    }
    planned.sort_by_key(|planned| planned.at);
    planned
}

fn pick(chance: &mut ChaCha8Rng) -> Fault {
    let weighed = WEIGHTS.choose_weighted(chance, |(_, weight, _)| *weight);
    weighed.map_or(Fault::ReplyLost, |(fault, ..)| *fault)
}

/// Faults that go on until they are ended.
const LASTING: [Fault; 3] = [Fault::SocketsFrozen, Fault::ClockOff, Fault::Halted];

/// Faults that are over as soon as they are made, or end by themselves.
const MOMENTARY: [Fault; 5] = [
    Fault::Paused,
    Fault::SocketsClosed,
    Fault::SocketsCut,
    Fault::SessionExpired,
    Fault::Jump,
];

/// What went wrong.
#[derive(Debug, Default)]
pub struct Made {
    /// How often each fault was made.
    pub faults: BTreeMap<&'static str, u64>,
    /// How many requests and events were struck by those that were withdrawn.
    pub struck: u64,
}

/// Makes everything go wrong as planned, a line each on standard error, and counts it.
pub async fn make(
    planned: Vec<Planned>,
    venue: SharedVenues,
    touches: watch::Receiver<Touches>,
) -> Result<Made, ChaosError> {
    let began = Instant::now();
    let mut made = Made::default();
    // The scripted faults in force, by what drew them, with the numbers that the venue gave them.
    let mut waiting: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    for it in planned {
        sleep_until(began + it.at).await;
        let here = touches
            .borrow()
            .iter()
            .find(|(market, _)| *market == it.market)
            .copied();
        let key = (it.market.venue(), it.detail);
        let (path, method, body) = match (here.filter(|_| !it.heals), waiting.remove(&key)) {
            (Some((_, touch)), _) => strike(&it, touch),
            (None, Some(number)) => (format!("faults/{number}"), Method::DELETE, json!({})),
            (None, None) if LASTING.contains(&it.fault) => cure(it.fault, it.market),
            (None, None) => continue,
        };
        let ask = venue.ask::<Value>(it.market, method, &path, Some(body.clone()));
        let answer = ask.await?;
        let (at, name) = (it.at.as_secs_f64(), name(it.fault));
        if it.heals {
            made.struck += hits(&answer);
            eprintln!("{at:8.3} s  {}: {name} ends", key.0);
            continue;
        }
        waiting.extend(answer["id"].as_u64().map(|number| (key, number)));
        eprintln!("{at:8.3} s  {}: {name}  {body}", key.0);
        *made.faults.entry(name).or_default() += 1;
    }
    Ok(made)
}

/// Makes everything right at once, and returns how many requests and events had been struck.
pub async fn heal(markets: &[&'static Market], venue: &SharedVenues) -> Result<u64, ChaosError> {
    let mut struck = 0;
    for market in markets {
        let lifted = json!({ "status": 429, "seconds": 0 });
        let mut cures = vec![
            ("faults".to_owned(), Method::DELETE, json!({})),
            ("ban".to_owned(), Method::POST, lifted),
        ];
        cures.extend(LASTING.map(|fault| cure(fault, market)));
        for (path, method, body) in cures {
            let answer: Value = venue.ask(market, method, &path, Some(body)).await?;
            struck += hits(&answer);
        }
    }
    Ok(struck)
}

/// Returns how many requests and events were struck by the faults that a venue took out of force.
fn hits(withdrawn: &Value) -> u64 {
    let faults = withdrawn.as_array().map(Vec::as_slice).unwrap_or_default();
    faults.iter().filter_map(|it| it["hits"].as_u64()).sum()
}

fn cure(fault: Fault, market: &Market) -> (String, Method, Value) {
    let instrument = format!("instruments/{}", market.venue_symbol);
    match fault {
        Fault::ClockOff => ("clock".to_owned(), Method::POST, json!({ "skew_ms": 0 })),
        Fault::Halted => (instrument, Method::PATCH, json!({ "status": "trading" })),
        _ => sockets("open"),
    }
}

fn sockets(fate: &str) -> (String, Method, Value) {
    let body = json!({ "fate": { "to": fate } });
    ("sockets".to_owned(), Method::POST, body)
}

/// Returns what to ask of the control interface.
fn strike(planned: &Planned, touch: Touch) -> (String, Method, Value) {
    let (market, mut chance) = (planned.market, ChaCha8Rng::seed_from_u64(planned.detail));
    let post = |path: &str, body| (path.to_owned(), Method::POST, body);
    match planned.fault {
        Fault::SocketsClosed => sockets("closed"),
        Fault::SocketsCut => sockets("cut"),
        Fault::SocketsFrozen => sockets("frozen"),
        Fault::SessionExpired => post("sessions/expire", json!({})),
        Fault::Paused => {
            let status = market.silences.choose(&mut chance);
            let seconds = planned.lasts.as_secs().max(1);
            post("ban", json!({ "status": status, "seconds": seconds }))
        }
        Fault::ClockOff => post("clock", json!({ "skew_ms": chance.random_range(SKEW_MS) })),
        Fault::Halted => {
            let path = format!("instruments/{}", market.venue_symbol);
            (path, Method::PATCH, json!({ "status": "halted" }))
        }
        Fault::Jump => {
            // Two hundredths through the book, which fills orders of ours on the way.
            let (side, ticks) = match chance.random_bool(0.5) {
                true => ("buy", touch.ask + touch.ask / 50),
                false => ("sell", touch.bid - touch.bid / 50),
            };
            let path = format!("market/{}/trade", market.venue_symbol);
            let price = market.price(ticks).to_string();
            let quantity = chance.random_range(1..200).to_string();
            let body = json!({ "side": side, "price": price, "quantity": quantity });
            post(&path, body)
        }
        fault => post("faults", scripted(fault, market, &mut chance)),
    }
}

/// Returns a fault that waits for the requests or events that it is for.
fn scripted(fault: Fault, market: &Market, chance: &mut ChaCha8Rng) -> Value {
    let late = chance.random_range(LATE_MS);
    let accept = chance.random_bool(0.5);
    let how = |ways: &[&str], accept: bool, chance: &mut ChaCha8Rng| {
        let how = ways.choose(chance).copied().unwrap_or("close");
        json!({ "kind": "drop_reply", "how": how, "accept": accept })
    };
    let lost = ["timeout", "close", "server_error", "unavailable"];
    let mut body = match fault {
        Fault::ReplyLost => how(&lost, true, chance),
        Fault::RequestLost => how(&lost, false, chance),
        Fault::VenueUnsure => how(&["backend_timeout", "backend_unknown"], accept, chance),
        Fault::ReplyGarbled => how(&["html", "truncated"], accept, chance),
        Fault::ReplyLate => json!({ "kind": "delay_reply", "ms": late }),
        Fault::RequestLate => json!({ "kind": "delay_request", "ms": late }),
        Fault::ClockRefused => {
            let (status, code, message) = market.late;
            let code = code.parse::<i64>().map_or(json!(code), |code| json!(code));
            json!({ "kind": "reject", "status": status, "code": code, "message": message })
        }
        Fault::EventTwice => json!({ "kind": "duplicate_event" }),
        Fault::EventLost => json!({ "kind": "drop_event" }),
        Fault::EventLate => json!({ "kind": "delay_event", "ms": late }),
        Fault::EventReordered => {
            json!({ "kind": "reorder_event", "past": chance.random_range(1..4) })
        }
        Fault::FillsSplit => json!({ "kind": "split_fills", "parts": chance.random_range(2..6) }),
        Fault::FillRacesCancel => json!({ "kind": "race_fill" }),
        _ => json!({ "kind": "skip_depth" }),
    };
    body["when"] = match fault {
        // What happens in the matching or to the book is no private event and has no name.
        Fault::DepthGap | Fault::FillsSplit | Fault::FillRacesCancel => json!({}),
        Fault::EventTwice | Fault::EventLost | Fault::EventLate | Fault::EventReordered => {
            match chance.random_bool(0.7) {
                true => json!({ "event": market.order_event }),
                false => json!({}),
            }
        }
        _ => json!({ "endpoint": market.endpoints.choose(chance) }),
    };
    body["count"] = json!(chance.random_range(1..=COUNT_MAX));
    body
}
