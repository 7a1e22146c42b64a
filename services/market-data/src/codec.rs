//! The wire form of `Watch`: frames put together from updates that were encoded once.
//!
//! A generated server encodes each message for each reader. Here an update becomes bytes when it
//! happens; a frame for a reader is a header and copies of those bytes.

use bytes::{BufMut as _, Bytes, BytesMut};
use chimera_contracts::market_data::v1::{
    MarketUpdate, WatchRequest, WatchResponse, market_update::Update,
};
use prost::{
    Message as _,
    encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len},
};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

#[cfg(test)]
mod tests;

/// `MarketUpdates.updates` in the contract.
const UPDATES_TAG: u32 = 1;
/// `WatchResponse.updates` in the contract.
const FRAME_TAG: u32 = 2;

/// Encodes an update as an element of `MarketUpdates`, tag and length included.
pub fn element(update: Update) -> Bytes {
    let message = MarketUpdate {
        update: Some(update),
    };
    let length = message.encoded_len();
    // Not `BytesMut`, whose every byte put is a call.
    let mut bytes =
        Vec::with_capacity(key_len(UPDATES_TAG) + encoded_len_varint(length as u64) + length);
    encode_key(UPDATES_TAG, WireType::LengthDelimited, &mut bytes);
    encode_varint(length as u64, &mut bytes);
    message.encode_raw(&mut bytes);
    bytes.into()
}

/// Puts elements together into one `WatchResponse` with `updates`.
pub fn frame(elements: &[Bytes]) -> Bytes {
    let length: usize = elements.iter().map(Bytes::len).sum();
    let mut bytes =
        BytesMut::with_capacity(key_len(FRAME_TAG) + encoded_len_varint(length as u64) + length);
    encode_key(FRAME_TAG, WireType::LengthDelimited, &mut bytes);
    encode_varint(length as u64, &mut bytes);
    for element in elements {
        bytes.extend_from_slice(element);
    }
    bytes.freeze()
}

/// Encodes any other frame.
pub fn plain(frame: &WatchResponse) -> Bytes {
    frame.encode_to_vec().into()
}

/// Sends frames that are encoded already; reads requests as usual.
#[derive(Clone, Copy, Debug, Default)]
pub struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = WatchRequest;
    type Encoder = RawEncoder;
    type Decoder = RequestDecoder;

    fn encoder(&mut self) -> RawEncoder {
        RawEncoder
    }

    fn decoder(&mut self) -> RequestDecoder {
        RequestDecoder
    }
}

/// Copies a frame to the wire.
#[derive(Clone, Copy, Debug)]
pub struct RawEncoder;

impl Encoder for RawEncoder {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, frame: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(frame);
        Ok(())
    }
}

/// Reads a `WatchRequest`.
#[derive(Clone, Copy, Debug)]
pub struct RequestDecoder;

impl Decoder for RequestDecoder {
    type Item = WatchRequest;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<WatchRequest>, Status> {
        // Said as the generated servers say it: the server stack below turns it into the caller's
        // fault, with a reason and the field.
        WatchRequest::decode(buffer)
            .map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}
