//! Tests of the service as a whole, against a scripted venue.

mod admitting;
mod cancelling;
mod doubt;
mod killing;
mod mesh;
mod placing;
mod reconciling;
mod recovering;
mod reducing;
mod risking;
mod storm;
mod tracking;
mod venue;
mod watching;
