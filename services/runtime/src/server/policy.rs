//! The limits of a service.

use std::time::Duration;

/// Largest gRPC message in either direction, in bytes: the protocol's own default.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// What a service allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Longest a unary call may take, and how long it gets when its caller names no deadline.
    ///
    /// 30 s: above every venue's own timeout, below the patience of the proxies in front of us.
    pub unary_deadline_max: Duration,
    /// Most unary calls at one time; the next one is shed.
    ///
    /// 1,024: at a millisecond a call that is a million calls a second, so more can only be a
    /// backlog.
    pub calls_max: usize,
    /// Most streams open at one time; the next one is shed.
    ///
    /// 16,384: the 10,000 readers that the mesh is built for, and room for their reconnects.
    pub streams_max: usize,
    /// When a shed caller may come back: long enough for a burst of short calls to pass.
    pub retry_after: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            unary_deadline_max: Duration::from_secs(30),
            calls_max: 1_024,
            streams_max: 16_384,
            retry_after: Duration::from_millis(250),
        }
    }
}
