//! The connector against a simulated venue over real sockets: what a caller is told against what
//! the venue's own books say.

mod doubt;
mod killing;
mod market;
mod mesh;
mod offers;
mod private_stream;
mod queries;
mod refusals;
mod secrets;
mod sessions;
mod steer;
mod twisted;
mod watch;
