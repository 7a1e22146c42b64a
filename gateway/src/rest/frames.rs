//! gRPC's framing of messages: a flag, a length, the bytes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use chimera_runtime::fault::Fault;
use chimera_runtime::server::MESSAGE_BYTES_MAX;
use prost::Message;
use prost_reflect::DynamicMessage;
use tonic::Code;

use super::json::write::Unwritable;

/// Bytes before each message.
const PREFIX_BYTES: usize = 5;

/// An answer that the edge cannot pass on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerFault {
    /// The service did not end its answer with a status: its process is gone, or the way to it
    /// broke.
    #[error("the service ended its answer without a status")]
    NoStatus,
    /// A message larger than any service may send.
    #[error("the service sent a message of {0} bytes")]
    TooLarge(usize),
    /// The edge asked for no compression.
    #[error("the service sent a compressed message")]
    Compressed,
    /// Not one message in a unary answer.
    #[error("the service sent {0} messages where one belongs")]
    Count(usize),
    /// Bytes that are not the message of the contract.
    #[error("the service sent a message that cannot be read")]
    Unreadable,
    /// A message that JSON has no words for.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
}

impl Fault for AnswerFault {
    fn code(&self) -> Code {
        match self {
            Self::NoStatus => Code::Unavailable,
            _ => Code::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NoStatus => "PEER_UNAVAILABLE",
            _ => "INTERNAL",
        }
    }
}

/// Returns one message with its prefix.
pub(crate) fn encode(message: &DynamicMessage) -> Bytes {
    let length = message.encoded_len();
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + length);
    framed.put_u8(0);
    // A request fits: it came from a body or a header of bounded size.
    framed.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    framed.put(message.encode_to_vec().as_slice());
    framed.freeze()
}

/// Takes messages out of the bytes of an answer.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: BytesMut,
}

impl Frames {
    /// Adds the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next message that is there in full.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, AnswerFault> {
        let Some((prefix, rest)) = self.buffer.split_first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let [flag, length @ ..] = *prefix;
        let length = u32::from_be_bytes(length) as usize;
        if flag != 0 {
            return Err(AnswerFault::Compressed);
        }
        if length > MESSAGE_BYTES_MAX {
            return Err(AnswerFault::TooLarge(length));
        }
        if rest.len() < length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX_BYTES);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    /// Returns whether an unfinished message is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}
