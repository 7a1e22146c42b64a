//! Tests of the service as a whole, against a scripted venue.

mod cancelling;
mod doubt;
mod mesh;
mod placing;
mod recovering;
mod venue;
