//! `chimera bench`: how fast the house is.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand, ValueEnum};

use super::{
    args::{Globals, duration},
    exit::{CliError, Exit},
    process,
};
use crate::{
    bench::{
        self, BenchError, BooksPlan, EdgePlan, FanPlan, OrdersPeer, OrdersPlan, Peer, Report,
        RestPlan, StartPlan,
    },
    config::Config,
};

const AFTER_HELP: &str = "\
The mesh under test is a process of its own, with an empty folder; load and simulated venue run in
this one, all over loopback. Build with --release: figures of a debug build mean nothing. Load that
comes at a rate does not wait for answers, and time counts from when each shot was due.

Exit codes: 0 measured; 1 not measured; 2 the plan makes no measurement. A slow figure is no
failure: nothing here passes judgement.

Examples:
  chimera bench orders                             mesh against a bare signed call, journal to the OS
  chimera bench orders --durability full --json    the same with fsync, one JSON object
  chimera bench fanout --rates 10000,20000,40000
  chimera bench streams --streams 10000 --topics 100";

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    measure: Measure,
    /// Print one JSON object instead of tables.
    #[arg(long, global = true)]
    json: bool,
    /// Also write the JSON object to a file.
    #[arg(long, global = true, value_name = "FILE")]
    save: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Measure {
    /// Orders through the gateway to the venue's answer, against one bare signed call to the same
    /// venue, in turn and at rates.
    Orders(OrdersArgs),
    /// One instrument's trades to many readers, each on a connection of its own.
    Fanout(FanoutArgs),
    /// Many instruments' trades to very many open streams.
    Streams(StreamsArgs),
    /// The venue's feed into books and trades, as fast as the mesh takes it.
    Books(BooksArgs),
    /// REST reads of a ticker at rates.
    Rest(RestArgs),
    /// What the gateway adds to a unary call, as a process of its own.
    Edge(EdgeArgs),
    /// From the start of a process to its readiness, and its memory when idle.
    Start(StartArgs),
}

#[derive(Debug, Args)]
struct OrdersArgs {
    /// Pairs placed one after the other, mesh and bare in turn; the ratios are of these.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pairs: u64,
    /// Orders due a second, one load each; own overhead is stated of 1,000/s where it is among them.
    #[arg(long, default_value = "200,1000,5000", value_delimiter = ',', value_parser = rate())]
    rates: Vec<u32>,
    /// How long each side is loaded at each rate.
    #[arg(long, default_value_t = 10, value_parser = seconds())]
    seconds: u32,
    /// How safely the mesh writes orders down.
    #[arg(long, value_enum, default_value = "os")]
    durability: Durability,
    /// Another client, placing in turn with both: `NAME=PROGRAM`, started with the venue in its
    /// environment; tests/bench has such programs.
    #[arg(long, value_name = "NAME=PROGRAM")]
    peer: Option<OrdersPeer>,
}

#[derive(Debug, Args)]
struct EdgeArgs {
    /// Rounds: in each, one call on each way, one after the other.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    rounds: u64,
}

#[derive(Debug, Args)]
struct FanoutArgs {
    /// Readers of the one instrument.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    readers: u32,
    /// Trades due a second, one load each; every reader gets each trade. The figures on top are of
    /// the first.
    #[arg(long, default_value = "10000,20000", value_delimiter = ',', value_parser = rate())]
    rates: Vec<u32>,
    /// How long each load lasts.
    #[arg(long, default_value_t = 10, value_parser = seconds())]
    seconds: u32,
    /// Something that runs already and carries the same messages to as many readers:
    /// `NAME=nats://HOST:PORT` or `NAME=ws://HOST:PORT/PATH`; tests/bench starts such peers.
    #[arg(long = "peer", value_name = "NAME=URL")]
    peers: Vec<Peer>,
}

#[derive(Debug, Args)]
struct StreamsArgs {
    /// Open streams, a multiple of the instruments.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    streams: u32,
    /// Instruments that trade.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=400))]
    topics: u32,
    /// Connections that the streams share.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Trades due a second over all instruments, one load each; each goes to the streams of its
    /// instrument.
    #[arg(long, default_value = "1000", value_delimiter = ',', value_parser = rate())]
    rates: Vec<u32>,
    /// How long each load lasts.
    #[arg(long, default_value_t = 10, value_parser = seconds())]
    seconds: u32,
}

#[derive(Debug, Args)]
struct BooksArgs {
    /// Messages a run.
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    messages: u64,
    /// Changed levels a side of each change of a book, one run each; a busy future's are 30 at ten
    /// changes a second.
    #[arg(long, default_value = "2,30", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100))]
    levels: Vec<u32>,
}

#[derive(Debug, Args)]
struct RestArgs {
    /// Reads due a second, one load each.
    #[arg(long, default_value = "1000,5000", value_delimiter = ',', value_parser = rate())]
    rates: Vec<u32>,
    /// How long each load lasts.
    #[arg(long, default_value_t = 10, value_parser = seconds())]
    seconds: u32,
    /// Something that runs already and answers with a ticker of the same symbol:
    /// `NAME=http://HOST:PORT/PATH`.
    #[arg(long = "peer", value_name = "NAME=URL")]
    peers: Vec<Peer>,
}

#[derive(Debug, Args)]
struct StartArgs {
    /// Starts of each kind.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// How long a mesh idles before its memory is read.
    #[arg(long, default_value = "3s", value_parser = duration)]
    idle: Duration,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Durability {
    /// Written to the system: survives kill -9.
    Os,
    /// Written to the disk: survives loss of power.
    Full,
}

/// Shots are threads' and sockets' work: a million a second is beyond any load that one process makes.
fn rate() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=1_000_000)
}

/// Ten minutes of one load show what an hour would, short of a leak.
fn seconds() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=600)
}

/// Measures, and prints what was measured.
pub async fn run(mut globals: Globals, args: BenchArgs) -> Result<Exit, CliError> {
    // Lines of the load's own libraries would stand between the tables.
    globals.log.get_or_insert_with(|| "error".to_owned());
    let around = process::begin(&globals, &mut Config::default())?;
    let folder = tempfile::tempdir().map_err(|source| CliError::File {
        path: "a temporary folder".to_owned(),
        source,
    })?;
    let report = tokio::select! {
        biased;
        () = process::draining(&around) => return Err(BenchError::Interrupted.into()),
        report = measure(args.measure, folder.path()) => report?,
    };
    if let Some(path) = args.save {
        fs::write(&path, format!("{}\n", report.json())).map_err(|source| CliError::File {
            path: path.display().to_string(),
            source,
        })?;
    }
    if args.json {
        println!("{}", report.json());
    } else {
        println!("{}", report.text());
    }
    Ok(Exit::Ok)
}

async fn measure(measure: Measure, folder: &Path) -> Result<Report, BenchError> {
    match measure {
        Measure::Orders(args) => bench::orders(&args.into(), folder).await,
        Measure::Fanout(args) => bench::fan("fanout", &args.into(), folder).await,
        Measure::Streams(args) => bench::fan("streams", &args.into(), folder).await,
        Measure::Books(BooksArgs { messages, levels }) => {
            bench::books(&BooksPlan { messages, levels }, folder).await
        }
        Measure::Rest(args) => {
            let plan = RestPlan {
                rates: args.rates,
                seconds: args.seconds,
                peers: args.peers,
            };
            bench::rest(&plan, folder).await
        }
        Measure::Edge(EdgeArgs { rounds }) => bench::edge(&EdgePlan { rounds }, folder).await,
        Measure::Start(StartArgs { rounds, idle }) => {
            bench::start(&StartPlan { rounds, idle }, folder).await
        }
    }
}

impl From<OrdersArgs> for OrdersPlan {
    fn from(args: OrdersArgs) -> Self {
        Self {
            pairs: args.pairs,
            rates: args.rates,
            seconds: args.seconds,
            durability: match args.durability {
                Durability::Os => "os",
                Durability::Full => "full",
            }
            .to_owned(),
            peer: args.peer,
        }
    }
}

impl From<FanoutArgs> for FanPlan {
    fn from(args: FanoutArgs) -> Self {
        Self {
            topics: 1,
            readers: args.readers as usize,
            connections: args.readers as usize,
            rates: args.rates,
            seconds: args.seconds,
            peers: args.peers,
        }
    }
}

impl From<StreamsArgs> for FanPlan {
    fn from(args: StreamsArgs) -> Self {
        Self {
            topics: args.topics as usize,
            readers: args.streams as usize,
            connections: args.connections as usize,
            rates: args.rates,
            seconds: args.seconds,
            peers: Vec::new(),
        }
    }
}
