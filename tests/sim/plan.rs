//! What a seed says: which faults, when, for how long.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::desk::Way;
use super::storm::{STORM_FOR, Storm};

/// How long things go wrong.
pub const FAULTS_FOR: Duration = Duration::from_secs(16);
/// Nothing goes wrong before: the mesh has to come up once.
const BEGIN_AFTER: Duration = Duration::from_secs(3);

/// How long trading goes on before the kill switch is thrown.
const SELDOM: Range<Duration> = Duration::from_secs(1)..Duration::from_secs(12);
/// The same where it is thrown often, so that orders are on their way whenever it is.
const OFTEN: Range<Duration> = Duration::from_millis(100)..Duration::from_millis(1_500);

/// A fault, in the order of the catalogue's chapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A reply of the venue is lost after it did what it was asked (F01, F02, F21).
    ReplyLost,
    /// A request of the mesh is lost before the venue did anything.
    RequestLost,
    /// -1007 or -1006: the venue itself does not know (F01).
    VenueUnsure,
    /// A reply that is no JSON, or ends in the middle.
    ReplyGarbled,
    /// A reply comes late.
    ReplyLate,
    /// A request takes effect late (F05).
    RequestLate,
    /// -1021: our clock is said to be wrong (F117).
    ClockRefused,
    /// 5xx before anything was done.
    Refused5xx,
    /// 429 or 418 for everybody, for a while (F112).
    Banned,
    /// A private event twice (F34).
    EventTwice,
    /// A private event never (F39).
    EventLost,
    /// A private event late (F13).
    EventLate,
    /// A private event after later ones (F40).
    EventReordered,
    /// A book's sequence has a gap.
    DepthGap,
    /// A match in several fills.
    FillsSplit,
    /// A cancel that crosses a fill (F18, F19).
    FillRacesCancel,
    /// Sockets close.
    SocketsClosed,
    /// Sockets are cut.
    SocketsCut,
    /// Sockets freeze: open, and silent (F87).
    SocketsFrozen,
    /// The listen key ends (F100).
    SessionExpired,
    /// The venue's clock goes wrong.
    VenueClock,
    /// A host's clock steps (F122).
    HostClock,
    /// A link is slow.
    Slow,
    /// A link holds everything back, then lets it go.
    Held,
    /// A link is cut, both ways or one.
    Parted,
    /// A host dies and comes back.
    Crashed,
    /// Two hosts die at once.
    CrashedTwo,
    /// The order service dies within a write to its journal, of which a part stays (F126).
    CrashedWriting,
    /// The disk is slow.
    DiskSlow,
    /// The instrument is halted.
    Halted,
    /// The market jumps.
    Jump,
    /// Somebody else trades on the account's orders: they fill.
    Traded,
}

/// How likely each fault is, against the others.
pub const WEIGHTS: [(Fault, u32); 31] = [
    (Fault::ReplyLost, 10),
    (Fault::RequestLost, 5),
    (Fault::VenueUnsure, 5),
    (Fault::ReplyGarbled, 4),
    (Fault::ReplyLate, 5),
    (Fault::RequestLate, 5),
    (Fault::ClockRefused, 3),
    (Fault::Refused5xx, 4),
    (Fault::Banned, 2),
    (Fault::EventTwice, 6),
    (Fault::EventLost, 6),
    (Fault::EventLate, 6),
    (Fault::EventReordered, 6),
    (Fault::DepthGap, 4),
    (Fault::FillsSplit, 4),
    (Fault::FillRacesCancel, 6),
    (Fault::SocketsClosed, 3),
    (Fault::SocketsCut, 4),
    (Fault::SocketsFrozen, 3),
    (Fault::SessionExpired, 3),
    (Fault::VenueClock, 2),
    (Fault::HostClock, 3),
    (Fault::Slow, 4),
    (Fault::Held, 5),
    (Fault::Parted, 5),
    (Fault::Crashed, 9),
    (Fault::CrashedTwo, 3),
    (Fault::DiskSlow, 3),
    (Fault::Halted, 2),
    (Fault::Jump, 5),
    (Fault::Traded, 6),
];

/// Faults that seeds from [`LATER_FROM`] on draw as well, and their weights. Seeds before draw as
/// they did when these did not exist, so that what was verified of them stays so.
pub const LATER: [(Fault, u32); 1] = [(Fault::CrashedWriting, 8)];

/// The first seed that knows every fault.
pub const LATER_FROM: u64 = 20_001;

/// From this seed on, a seed draws more faults, of a few kinds that it draws first: what happens
/// often shows what it does to itself, and no other kind hides or heals it.
pub const SWARM_FROM: u64 = 30_001;
/// How many kinds a seed of the swarm knows.
const SWARM_KINDS: RangeInclusive<usize> = 1..=6;

/// A fault at its time.
#[derive(Clone, Copy, Debug)]
pub struct Planned {
    /// When it begins.
    pub at: Duration,
    /// How long it lasts, where it lasts.
    pub lasts: Duration,
    /// What.
    pub fault: Fault,
    /// Chance of its own, for the details.
    pub detail: u64,
}

/// All faults of a seed, in time order.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// The faults.
    pub faults: Vec<Planned>,
    /// How often clients act, on average.
    pub pace: Duration,
    /// Whether somebody throws the kill switch, and how long trading goes on before each throw.
    pub killed: Option<Range<Duration>>,
    /// How the second trader reaches the mesh: an edge runs where it goes through one.
    pub way: Way,
    /// How long clients act at the most.
    pub acting: Duration,
    /// What replaces the traders, where many orders are wanted.
    pub storm: Option<Storm>,
}

impl Plan {
    /// Draws the plan of a seed from `kinds`, or from all faults when there are none; `calm` draws
    /// none.
    pub fn draw(seed: u64, kinds: &[Fault], calm: bool) -> Self {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let later = LATER
            .into_iter()
            .filter(|_| seed >= LATER_FROM || !kinds.is_empty());
        let weights: Vec<(Fault, u32)> = WEIGHTS
            .into_iter()
            .chain(later)
            .filter(|(fault, _)| kinds.is_empty() || kinds.contains(fault))
            .collect();
        let swarm = seed >= SWARM_FROM && kinds.is_empty();
        let weights = match swarm {
            true => few(&mut chance, weights),
            false => weights,
        };
        // From a quiet run to a bad night.
        let count = match (calm, swarm) {
            (true, _) => 0,
            (false, true) => chance.random_range(6..=30),
            (false, false) => chance.random_range(2..=14),
        };
        let mut faults: Vec<Planned> = (0..count)
            .map(|_| Planned {
                at: between(&mut chance, BEGIN_AFTER, FAULTS_FOR),
                lasts: between(
                    &mut chance,
                    Duration::from_millis(50),
                    Duration::from_secs(6),
                ),
                fault: pick(&mut chance, &weights),
                detail: chance.random(),
            })
            .collect();
        faults.sort_by_key(|planned| planned.at);
        let pace = Duration::from_millis(chance.random_range(80..=500));
        let killed = !calm && chance.random_bool(0.4);
        let often = swarm && chance.random_bool(0.5);
        let calm_before = if often { OFTEN } else { SELDOM };
        Self {
            seed,
            faults,
            pace,
            killed: killed.then_some(calm_before),
            way: way(seed),
            acting: FAULTS_FOR,
            storm: None,
        }
    }

    /// Returns the plan of a storm: its faults are steady, none is drawn for a time of its own.
    pub fn storm(seed: u64, storm: Storm) -> Self {
        Self {
            seed,
            faults: Vec::new(),
            pace: Duration::ZERO,
            killed: None,
            way: Way::Straight,
            acting: STORM_FOR,
            storm: Some(storm),
        }
    }
}

/// Returns the way of a seed's second trader, by a stream of its own: two later seeds of three have
/// an edge.
fn way(seed: u64) -> Way {
    let drawn = ChaCha8Rng::seed_from_u64(seed ^ 0xed6e).random_range(0..3);
    match drawn {
        _ if seed < LATER_FROM => Way::Straight,
        0 => Way::Straight,
        1 => Way::Edge,
        _ => Way::Rest,
    }
}

/// Draws a time, to the millisecond.
pub fn between(chance: &mut ChaCha8Rng, from: Duration, to: Duration) -> Duration {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(chance.random_range(millis(from)..millis(to)))
}

/// Returns a few of the kinds, each as likely as the others to be among them.
fn few(chance: &mut ChaCha8Rng, mut kinds: Vec<(Fault, u32)>) -> Vec<(Fault, u32)> {
    let count = chance.random_range(SWARM_KINDS);
    kinds.partial_shuffle(chance, count).0.to_vec()
}

fn pick(chance: &mut ChaCha8Rng, weights: &[(Fault, u32)]) -> Fault {
    let all: u32 = weights.iter().map(|(_, weight)| weight).sum();
    let mut drawn = chance.random_range(0..all.max(1));
    for (fault, weight) in weights {
        match drawn.checked_sub(*weight) {
            Some(left) => drawn = left,
            None => return *fault,
        }
    }
    Fault::ReplyLost
}
