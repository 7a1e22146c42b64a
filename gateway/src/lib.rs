//! The edge of the mesh: one port, and four ways to speak to every public service.
//!
//! - **gRPC** (HTTP/2): a call's path decides which channel takes it; bodies and trailers pass
//!   unread.
//! - **gRPC-web** (HTTP/1.1 or HTTP/2, binary or text): the same calls for pages.
//! - **REST**: the contract's `google.api.http` annotations, by one transcoder at run time.
//! - **Pages**: `/` (what is served), `/healthz`, `/readyz`, `/metrics`.
//!
//! The edge translates, guards and measures; it decides nothing of the business. It knows the
//! contract and channels, never a service. Reflection and health are answered here for what is
//! mounted.
//!
//! Every answer carries `x-trace-id`. An error is the same on every door: its gRPC code, one
//! `google.rpc.ErrorInfo` and what else the service said of it; over REST as AIP-193 JSON.
//!
//! There is no authentication yet: the edge binds loopback only, answers only to loopback names and
//! the `hosts` of its [`Config`], and refuses pages of any origin but its own, loopback and the
//! `origins`.

mod config;
mod edge;
mod error;
mod grpc;
mod guard;
mod health;
mod pages;
mod reflection;
mod refusal;
mod rest;
mod routes;
mod server;
mod web;

pub use config::Config;
pub use error::{ConfigError, Error};
pub use server::{GatewayDeps, Server, bind, serve_over, start};
