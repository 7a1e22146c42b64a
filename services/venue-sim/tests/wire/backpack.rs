//! The simulated Backpack judged over real sockets.

mod client;
mod faults;
mod orders;
mod positions;
mod shapes;
mod signing;
mod spot;
mod streams;
