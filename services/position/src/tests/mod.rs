//! The whole server between real servers of its peers, in process.

mod fake_connector;
mod fake_order;
mod mesh;

mod building;
mod questions;
mod streams;
mod venue;
