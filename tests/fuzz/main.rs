//! Readers of what others write, against bytes that no one meant: mutated from sound inputs by a seed.
//!
//! It needs no other toolchain and is the same on every machine. `CHIMERA_FUZZ_CASES` multiplies the
//! cases of every target, `CHIMERA_FUZZ_SEED` draws others.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod configuration;
mod decimals;
mod doors;
mod journals;
mod messages;
mod mutation;
mod venues;
