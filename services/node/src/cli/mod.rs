//! The command line: what can be typed, and where each command is carried out.

mod args;
mod bench;
mod exit;
mod follow;
mod output;
mod process;

mod chaos;
mod orders;
mod serve;
mod sim;
mod smoke;
mod state;
mod trade;
mod up;
mod verify;

use clap::Parser as _;

pub use args::{Cli, Command, Role};
pub use exit::{CliError, Exit};

/// Reads the command line, carries the command out and says how it went.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors; clap knows which goes where.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Ok
            };
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("chimera: cannot start the async runtime: {error}");
            return Exit::Failed;
        }
    };
    let outcome = runtime.block_on(carry_out(cli));
    // Detached work (a blocked disk, a resolver) must not keep a finished command from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(exit) => exit,
        Err(error) => {
            eprintln!("chimera: {error}");
            error.exit()
        }
    }
}

async fn carry_out(cli: Cli) -> Result<Exit, CliError> {
    let globals = cli.globals;
    match cli.command {
        Command::Up(args) => up::run(globals, args).await,
        Command::Serve(args) => serve::run(globals, args).await,
        Command::Sim(args) => sim::run(globals, args).await,
        Command::Smoke(args) => smoke::run(globals, args).await,
        Command::Trade(args) => trade::run(args).await,
        Command::Orders(args) => orders::list(args).await,
        Command::Positions(args) => orders::positions(args).await,
        Command::Explain(args) => orders::explain(args).await,
        Command::Kill(args) => state::kill(args).await,
        Command::Resume(args) => state::resume(args).await,
        Command::Bench(args) => bench::run(globals, args).await,
        Command::VerifyJournal(args) => verify::run(&args),
        Command::Chaos(args) => chaos::run(globals, args).await,
    }
}
