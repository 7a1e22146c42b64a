//! What is left when the real binary dies: killed at chosen points and at random ones while orders
//! flow, and ended as an operator ends it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cancels;
mod ended;
mod killed;
mod placements;
mod scene;
mod switch;
