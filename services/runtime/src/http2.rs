//! The HTTP/2 numbers that both ends share.

/// Bytes that one stream may hold unread: HTTP/2's own default.
///
/// h2 ends a whole connection once the small DATA frames that nobody has read cost too much: each
/// one below 256 bytes is charged the difference, against half the connection window. One stuck
/// reader of 40-byte messages (45 bytes with gRPC's prefix) can cost at most 65,536 / 45 × 211 =
/// 307 KiB of the 2 MiB that the connection window below buys, so six of them leave their
/// neighbours alone. With windows of 2 MiB a stream one reader was enough.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 64 * 1_024;

/// Bytes that all streams of a connection may hold unread; see [`STREAM_WINDOW_BYTES`].
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 4 * 1_024 * 1_024;

/// Largest header list taken from a peer, in bytes (H09): twice the largest that this project
/// sends.
pub(crate) const HEADER_BYTES_MAX: u32 = 16 * 1_024;
