//! See `chimera --help`.

use chimera_node::{Exit, cli};

fn main() -> Exit {
    cli::main()
}
