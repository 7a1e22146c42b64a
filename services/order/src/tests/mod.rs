//! Tests of the service as a whole, against a scripted venue.

mod mesh;
mod placing;
mod venue;
