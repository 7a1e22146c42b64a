//! What the suites of this folder share: where the checkout is, where recorded data is, processes of
//! the binary, a mesh under test, and patience.

pub mod house;
mod patience;
mod process;

/// The deterministic simulation.
#[path = "../sim/lib.rs"]
pub mod sim;

use std::{env, path::PathBuf};

pub use patience::{PATIENCE, eventually};
pub use process::{Process, binary};

/// Returns the root of the checkout.
#[must_use]
pub fn repository_root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Returns the folder of recorded venue payloads and markets, or `None` (after saying so) where it
/// is absent. `CHIMERA_SHARED` overrides the default, `shared` beside the checkout.
#[must_use]
pub fn recorded_data() -> Option<PathBuf> {
    let folder = env::var_os("CHIMERA_SHARED")
        .map_or_else(|| repository_root().join("../shared"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no recorded data at {}", folder.display());
    None
}
