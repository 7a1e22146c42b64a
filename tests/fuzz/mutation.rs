//! Mutations of sound inputs, drawn from a seed.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Mutations of one input, at most: more of them seldom leave anything that a reader goes into.
const MUTATIONS_MAX: usize = 6;
/// Bytes of an input, at most: repeated ranges would double it again and again.
const BYTES_MAX: usize = 64 * 1024;

/// Pieces that turn up where text is read: numbers at the ends of their ranges, and structure.
const PIECES: [&str; 30] = [
    "0",
    "-1",
    "1e9",
    "1e-400",
    "1E400",
    "-0",
    "0.1",
    "00",
    "+1",
    ".5",
    "5.",
    "NaN",
    "Infinity",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "79228162514264337593543950336",
    "0.0000000000000000000000000001",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "[[",
    "{\"",
    "\\ud800",
    "\u{0}",
    "é",
    "&a *a",
];

/// Returns the chance of a target: its own, and the same in every run unless another seed is asked for.
pub fn chance(target: &str) -> ChaCha8Rng {
    let seed: u64 = setting("CHIMERA_FUZZ_SEED").unwrap_or_default();
    let own = target
        .bytes()
        .fold(0_u64, |sum, byte| sum.rotate_left(5) ^ u64::from(byte));
    ChaCha8Rng::seed_from_u64(seed ^ own)
}

/// Returns how many cases a target tries that is worth `cases` of them in the normal suite.
pub fn cases(cases: usize) -> usize {
    cases * setting("CHIMERA_FUZZ_CASES").map_or(1, |times: usize| times.max(1))
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    env::var(name).ok()?.parse().ok()
}

/// Feeds every seed and `cases` mutations of them to `read`; says which input it was when that panics.
pub fn feed(target: &str, seeds: &[Vec<u8>], count: usize, mut read: impl FnMut(&[u8])) {
    let mut chance = chance(target);
    let mutated = (0..cases(count)).map(|_| mutate(seeds, &mut chance));
    for input in seeds.iter().cloned().chain(mutated) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| read(&input))) {
            eprintln!("{target} fell over: {}", input.escape_ascii());
            resume_unwind(panic);
        }
    }
}

/// Returns one of the seeds, mutated.
pub fn mutate(seeds: &[Vec<u8>], chance: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = seeds[chance.random_range(0..seeds.len())].clone();
    for _ in 0..chance.random_range(1..=MUTATIONS_MAX) {
        mutate_once(&mut bytes, seeds, chance);
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn mutate_once(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], chance: &mut ChaCha8Rng) {
    let at = chance.random_range(0..=bytes.len());
    let length = chance.random_range(0..=32.min(bytes.len() - at));
    let piece = PIECES[chance.random_range(0..PIECES.len())].as_bytes();
    match chance.random_range(0..8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << chance.random_range(0..8),
        1 if at < bytes.len() => bytes[at] = chance.random(),
        2 => drop(bytes.drain(at..at + length)),
        3 => bytes.extend_from_within(at..at + length),
        4 => drop(bytes.splice(at..at, piece.iter().copied())),
        5 => bytes.truncate(at),
        6 => {
            let other = &seeds[chance.random_range(0..seeds.len())];
            let from = chance.random_range(0..=other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        _ => replace_number(bytes, at, piece),
    }
}

/// Puts a piece where the next number after a place stands.
fn replace_number(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    let Some(begin) = bytes[at..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let begin = at + begin;
    let number = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let length = bytes[begin..]
        .iter()
        .take_while(|byte| number(byte))
        .count();
    bytes.splice(begin..begin + length, piece.iter().copied());
}

/// A fuzzer that finds nothing is worth what it would have found.
#[test]
fn mutations_reach_what_lies_behind_structure() {
    let seeds = [br#"{"orders":[{"price":"1.5","count":3}]}"#.to_vec()];
    let (mut out_of_range, mut empty, mut sound) = (0, 0, 0);
    feed("mutation", &seeds, 20_000, |bytes| {
        let Ok(read) = serde_json::from_slice::<serde_json::Value>(bytes) else {
            return;
        };
        sound += 1;
        let order = &read["orders"][0];
        out_of_range += usize::from(order["count"].as_f64().is_some_and(|count| count > 1e18));
        empty += usize::from(read["orders"].as_array().is_some_and(Vec::is_empty));
    });
    assert!(
        sound > 100 && out_of_range > 10,
        "{sound} {out_of_range} {empty}"
    );
}
