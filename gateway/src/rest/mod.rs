//! REST from the contract's `google.api.http` annotations: one transcoder for every method, no
//! handler for any.
//!
//! At start each annotation is compiled into a [`binding`]; a request finds its binding by path and
//! verb, becomes the method's message, goes through the method's channel as a gRPC call like any
//! other, and comes back as JSON, or as one JSON line a message when the method streams.

mod binding;
mod call;
pub(crate) mod errors;
mod frames;
mod json;
mod nearest;
mod percent;
mod rule;
mod schema;
mod stream;
mod template;
#[cfg(test)]
mod tests;
mod transcoder;

pub(crate) use rule::HTTP_EXTENSION;
pub(crate) use transcoder::{BodyLimits, Transcoder, TranscoderError};
