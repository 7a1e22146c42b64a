//! The edge over real sockets, in front of services that do what a test asks of them.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails where something is not as it must be"
)]

mod drain;
mod errors;
mod fake;
mod grpc;
mod harness;
mod hostile;
mod hostile_values;
mod http;
mod pages;
mod rest;
mod runner;
mod start;
mod streams;
mod web;
