//! Chance as a seam: what spreads waits and names things is drawn here, so that a simulation can
//! draw it from its seed and run the same way twice.
//!
//! Nothing drawn here decides about an order.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use rand::distr::{Distribution, StandardUniform};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

#[cfg(test)]
mod tests;

thread_local! {
    /// The seeded source of a thread that simulates.
    static SEEDED: RefCell<Option<StdRng>> = const { RefCell::new(None) };
}

/// Makes everything that this thread draws from now on a function of `seed`: for simulations, which
/// run a whole mesh on one thread. A server never calls it; its keys would be known.
pub fn seed(seed: u64) {
    SEEDED.with(|seeded| *seeded.borrow_mut() = Some(StdRng::seed_from_u64(seed)));
}

/// Returns a value of any kind that can be drawn evenly.
pub fn random<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    SEEDED.with(|seeded| match &mut *seeded.borrow_mut() {
        Some(seeded) => seeded.random(),
        None => rand::random(),
    })
}

/// Returns a factor within `range`, for waits that must not fall together.
pub fn between(range: RangeInclusive<f64>) -> f64 {
    SEEDED.with(|seeded| match &mut *seeded.borrow_mut() {
        Some(seeded) => seeded.random_range(range),
        None => rand::random_range(range),
    })
}
