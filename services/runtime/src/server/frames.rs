//! The request's message frames, checked as they pass and before anything is reserved for them: a
//! length prefix is a claim, not an order to allocate (H10).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Frame;
use tonic::body::Body;
use tonic::{Code, Status};

use super::policy::MESSAGE_BYTES_MAX;
use crate::fault::{Fault, into_status};

/// Bytes before each message: one flag and the length.
const PREFIX_BYTES: usize = 5;

/// A request whose frames break the protocol or the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a message of {claimed} bytes is larger than {MESSAGE_BYTES_MAX}")]
    TooLarge { claimed: usize },
    #[error("a unary call has more than one message or bytes behind it")]
    Trailing,
    #[error("the body ends within a message")]
    Truncated,
    #[error("a message's first byte is 0, or 1 where the call names its compression")]
    Flag,
}

impl Fault for FrameError {
    fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::ResourceExhausted,
            _ => Code::InvalidArgument,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "MESSAGE_TOO_LARGE",
            _ => "MALFORMED_REQUEST",
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::TooLarge { claimed } => vec![
                ("claimed", claimed.to_string()),
                ("limit", MESSAGE_BYTES_MAX.to_string()),
            ],
            _ => Vec::new(),
        }
    }
}

/// Returns `body` with its frames checked.
pub(super) fn guard(body: Body, client_streaming: bool, compressed: bool) -> Body {
    Body::new(Guarded {
        body,
        frames: Frames::new(client_streaming, compressed),
    })
}

struct Guarded {
    body: Body,
    frames: Frames,
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(task)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => {
                return Poll::Ready(self.frames.end().err().map(|error| Err(into_status(error))));
            }
        };
        let checked = frame
            .data_ref()
            .map_or(Ok(()), |data| self.frames.pass(data));
        Poll::Ready(Some(checked.map(|()| frame).map_err(into_status)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && self.frames.end().is_ok()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// Where in the sequence of messages a body stands.
#[derive(Clone, Debug)]
struct Frames {
    client_streaming: bool,
    /// Whether the call names a compression, so that a message may use it.
    compressed: bool,
    messages: u64,
    prefix: [u8; PREFIX_BYTES],
    prefix_length: usize,
    /// Bytes of the current message that are still to come.
    left: usize,
}

impl Frames {
    fn new(client_streaming: bool, compressed: bool) -> Self {
        Self {
            client_streaming,
            compressed,
            messages: 0,
            prefix: [0; PREFIX_BYTES],
            prefix_length: 0,
            left: 0,
        }
    }

    /// Checks the next bytes of the body.
    fn pass(&mut self, mut data: &[u8]) -> Result<(), FrameError> {
        while !data.is_empty() {
            let of_message = data.len().min(self.left);
            self.left -= of_message;
            data = &data[of_message..];
            if data.is_empty() {
                break;
            }
            if !self.client_streaming && self.messages > 0 {
                return Err(FrameError::Trailing);
            }
            let of_prefix = data.len().min(PREFIX_BYTES - self.prefix_length);
            let until = self.prefix_length + of_prefix;
            self.prefix[self.prefix_length..until].copy_from_slice(&data[..of_prefix]);
            self.prefix_length = until;
            data = &data[of_prefix..];
            if self.prefix_length == PREFIX_BYTES {
                self.begin_message()?;
            }
        }
        Ok(())
    }

    fn begin_message(&mut self) -> Result<(), FrameError> {
        let [flag, length @ ..] = self.prefix;
        if flag > u8::from(self.compressed) {
            return Err(FrameError::Flag);
        }
        let claimed = u32::from_be_bytes(length) as usize;
        if claimed > MESSAGE_BYTES_MAX {
            return Err(FrameError::TooLarge { claimed });
        }
        self.messages += 1;
        self.prefix_length = 0;
        self.left = claimed;
        Ok(())
    }

    /// Checks that the body may end here.
    fn end(&self) -> Result<(), FrameError> {
        if self.left == 0 && self.prefix_length == 0 {
            Ok(())
        } else {
            Err(FrameError::Truncated)
        }
    }
}
