//! The `chimera` binary: reads configuration, turns roles on, wires channels, drains; and the command
//! line in front of a mesh. No trading logic lives here.

pub mod bench;
pub mod chaos;
pub mod child;
pub mod cli;
pub mod config;
pub mod desk;
pub mod mesh;
pub mod smoke;

pub use cli::Exit;
pub use config::Config;
pub use mesh::{Mesh, MeshError, Topology};
