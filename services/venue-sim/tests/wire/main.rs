//! The simulator judged over real sockets.

// A test fails by panicking; the lint exempts test functions but not the helpers they share.
#![allow(clippy::unwrap_used)]

mod backpack;
mod codes;
mod faults;
mod limits;
mod orders;
mod sessions;
mod shapes;
mod signing;
mod streams;
mod support;
