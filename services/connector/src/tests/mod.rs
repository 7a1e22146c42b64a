//! The connector against a simulated venue over real sockets: what a caller is told against what the
//! venue's own books say.

mod mesh;
mod sessions;
