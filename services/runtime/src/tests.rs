//! What the tests of several files share, and the behaviours that hold in process as over a socket.

mod hostile;
pub(crate) mod probe;
mod same_everywhere;
