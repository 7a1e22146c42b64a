//! The simulator judged over real sockets.

mod codes;
mod faults;
mod limits;
mod orders;
mod sessions;
mod signing;
mod streams;
mod support;
