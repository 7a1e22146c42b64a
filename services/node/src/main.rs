//! See `chimera --help`.

use chimera_node::{Exit, cli};
use mimalloc::MiMalloc;

/// Messages are made on one thread and let go on another, which this allocator was built for.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Exit {
    cli::main()
}
