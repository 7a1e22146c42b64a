//! The arguments of every command.

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::chaos::ChaosArgs;

const AFTER_HELP: &str = "\
Exit codes:
  0  done, and the answer is yes
  1  done, and the answer is no (order rejected, venue not flat, journal damaged, start failed,
     chaos found a broken promise)
  2  the command line or the configuration is wrong; nothing was begun
  3  no mesh answers at the address
  4  an order's outcome is not known; ask `chimera explain INDEX`, never place it again;
     of `kill`: it is in force, and something may still be open

First steps:
  chimera smoke                      trade on simulated venues once, end to end, and write a report
  chimera up                         run the mesh with simulated venues on 127.0.0.1:8080
  chimera trade --venue binance-usdm --symbol SOL --mode tracking_limit --qty 0.01";

/// A self-hosted trading mesh: one typed contract in front of many exchanges.
#[derive(Debug, Parser)]
#[command(name = "chimera", version, about, after_help = AFTER_HELP, max_term_width = 100)]
pub struct Cli {
    /// What every command understands.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command understands.
#[derive(Clone, Debug, Args)]
pub struct Globals {
    /// Least severity logged: error, warn, info, debug, trace, or a filter such as
    /// `info,chimera_order=debug`.
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// How log lines look.
    #[arg(long, global = true, value_enum)]
    pub log_format: Option<LogFormat>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole mesh in this process: services, gateway and, unless configured otherwise,
    /// simulated venues.
    Up(UpArgs),
    /// Run some roles of the mesh in this process; the others are reached over the network.
    Serve(ServeArgs),
    /// Run simulated venues alone and print their endpoints and test credentials.
    Sim(SimArgs),
    /// Open, hold and close the smallest position on every venue, prove it flat and write a report.
    Smoke(SmokeArgs),
    /// Place one order and follow it to its end.
    Trade(TradeArgs),
    /// List orders, newest first.
    Orders(OrdersArgs),
    /// List positions.
    Positions(PositionsArgs),
    /// Tell one order's story: every command, report and conclusion.
    Explain(ExplainArgs),
    /// Stop all trading: deny new orders, cancel what is open.
    Kill(KillArgs),
    /// Let orders through again after `kill`.
    Resume(ResumeArgs),
    /// Check a journal's hash chain and name the first bad record.
    VerifyJournal(VerifyArgs),
    /// Measure how fast a mesh on this machine is; nothing real is traded.
    Bench(super::bench::BenchArgs),
    /// Kill the mesh, or let its venues go wrong, while orders flow; hold its records against theirs.
    Chaos(ChaosArgs),
}

/// Arguments of `up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// YAML configuration; flags override it.
    #[arg(long, value_name = "FILE", env = "CHIMERA_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where the gateway listens. Loopback only until authentication lands.
    #[arg(long, value_name = "ADDRESS", env = "CHIMERA_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where the journal and the order timelines are kept.
    #[arg(long, value_name = "DIR", env = "CHIMERA_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// Seed of the simulated markets.
    #[arg(long)]
    pub seed: Option<u64>,
    /// A recorded market that drives the simulated book.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
}

/// One role of the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Role {
    /// The edge: gRPC, gRPC-web and REST.
    Gateway,
    /// Live sessions to venues.
    Connector,
    /// Orders and their journal.
    Order,
    /// Positions, margin and profit.
    Position,
    /// Public market data.
    MarketData,
    /// The control plane of outside calls.
    ApiFactory,
}

impl Role {
    /// Returns the role's name, as in `peers`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Connector => "connector",
            Self::Order => "order",
            Self::Position => "position",
            Self::MarketData => "market_data",
            Self::ApiFactory => "api_factory",
        }
    }
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// A role to run here; repeat for several.
    #[arg(long = "role", required = true, value_enum)]
    pub roles: Vec<Role>,
    /// YAML configuration with `peers`: where the other roles are.
    #[arg(long, value_name = "FILE", env = "CHIMERA_CONFIG")]
    pub config: PathBuf,
    /// Where these roles listen.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Where the journal and the order timelines are kept.
    #[arg(long, value_name = "DIR", env = "CHIMERA_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Arguments of `sim`.
#[derive(Debug, Args)]
pub struct SimArgs {
    /// The venues to simulate: `all` or names, separated by commas.
    #[arg(long, default_value = "all", value_delimiter = ',')]
    pub venues: Vec<String>,
    /// The control API listens here, the venues on the ports after it; 0 picks free ports.
    #[arg(long, default_value_t = 9100)]
    pub base_port: u16,
    /// Seed of the markets and of the test credentials.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// A recorded market that drives the simulated book.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `smoke`.
#[derive(Debug, Args)]
pub struct SmokeArgs {
    /// The venues to trade on: `all` or names, separated by commas.
    #[arg(long, default_value = "all", value_delimiter = ',')]
    pub venues: Vec<String>,
    /// The symbol to trade, canonical or an alias.
    #[arg(long, default_value = "SOL")]
    pub symbol: String,
    /// How long to hold the position, e.g. `1s..30s`; drawn from the seed.
    #[arg(long, default_value = "1s..30s", value_parser = duration_range)]
    pub hold: RangeInclusive<Duration>,
    /// How often the tracking limit is cancelled and placed anew.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub interval: Duration,
    /// When the tracking limit gives up.
    #[arg(long, default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
    /// Seed of the markets and of the holding times.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// A recorded market that drives the simulated book; the symbol is then the recorded one.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Print the report as JSON on standard output.
    #[arg(long)]
    pub json: bool,
    /// Where report.json and report.html are written.
    #[arg(long, value_name = "DIR", default_value = "report")]
    pub report_dir: PathBuf,
    /// Where heartbeats are sent; a local receiver counts them when absent.
    #[arg(long, value_name = "URL")]
    pub heartbeat_url: Option<String>,
}

/// Where the mesh is.
#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// The gateway's address.
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        env = "CHIMERA_SERVER"
    )]
    pub server: String,
}

/// How an order finds its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Mode {
    /// Takes what the book offers.
    Market,
    /// Rests at `--price`.
    Limit,
    /// Stays at the touch until filled.
    TrackingLimit,
}

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TradeSide {
    /// Buy.
    Buy,
    /// Sell.
    Sell,
}

/// Arguments of `trade`.
#[derive(Debug, Args)]
pub struct TradeArgs {
    /// Where the mesh is.
    #[command(flatten)]
    pub server: ServerArgs,
    /// The venue, e.g. `binance-usdm`.
    #[arg(long)]
    pub venue: String,
    /// The symbol, canonical (`SOL-USDT-PERP`), the venue's own (`SOLUSDT`) or an alias (`SOL`).
    #[arg(long)]
    pub symbol: String,
    /// How the order finds its price.
    #[arg(long, value_enum)]
    pub mode: Mode,
    /// The quantity in base units, exact decimal text.
    #[arg(long)]
    pub qty: String,
    /// Buy or sell.
    #[arg(long, value_enum, default_value = "buy")]
    pub side: TradeSide,
    /// The limit price; with `--mode limit` only.
    #[arg(long, required_if_eq("mode", "limit"))]
    pub price: Option<String>,
    /// The account.
    #[arg(long, default_value = "main")]
    pub account: String,
    /// Our index, for idempotency; the mesh reserves the next one when absent.
    #[arg(long)]
    pub index: Option<i64>,
    /// Can only shrink the position.
    #[arg(long)]
    pub reduce_only: bool,
    /// Refused rather than taking liquidity; with `--mode limit` and `tracking_limit`.
    #[arg(long)]
    pub post_only: bool,
    /// Tracking limit: ticks away from the touch.
    #[arg(long, default_value_t = 0)]
    pub price_offset_ticks: i32,
    /// Tracking limit: how often it is placed anew.
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub interval: Duration,
    /// When to give up following; a tracking limit is then cancelled, other orders live on.
    #[arg(long, default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
    /// Return once the order rests instead of following it to its end.
    #[arg(long)]
    pub no_wait: bool,
    /// Print the order as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `orders`.
#[derive(Debug, Args)]
pub struct OrdersArgs {
    /// Where the mesh is.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Only this account.
    #[arg(long, default_value = "")]
    pub account: String,
    /// Only this venue.
    #[arg(long, default_value = "")]
    pub venue: String,
    /// Only orders that can still change.
    #[arg(long)]
    pub open: bool,
    /// How many at most, 1 to 1,000.
    #[arg(long, default_value_t = 50)]
    pub limit: i32,
    /// Print JSON, one order a line.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `positions`.
#[derive(Debug, Args)]
pub struct PositionsArgs {
    /// Where the mesh is.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Only this account.
    #[arg(long, default_value = "")]
    pub account: String,
    /// Only this venue.
    #[arg(long, default_value = "")]
    pub venue: String,
    /// Print JSON, one position a line.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The order's index.
    pub index: i64,
    /// Where the mesh is.
    #[command(flatten)]
    pub server: ServerArgs,
    /// The account.
    #[arg(long, default_value = "main")]
    pub account: String,
    /// Print JSON, one entry a line.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `kill`.
#[derive(Debug, Args)]
pub struct KillArgs {
    /// Where the mesh is.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Why, for the record.
    #[arg(long, default_value = "operator")]
    pub reason: String,
    /// Let orders through that lower exposure or may only reduce.
    #[arg(long)]
    pub reduce_only: bool,
}

/// Arguments of `resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Where the mesh is.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Why, for the record.
    #[arg(long, default_value = "operator")]
    pub reason: String,
}

/// Arguments of `verify-journal`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The mesh's data directory, or the journal file itself.
    #[arg(default_value = "data")]
    pub path: PathBuf,
}

/// Reads `500ms`, `10s`, `5m` or `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let valid = "a whole number with a unit: 500ms, 10s, 5m or 1h";
    let split = text
        .find(|letter: char| !letter.is_ascii_digit())
        .ok_or_else(|| valid.to_owned())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| valid.to_owned())?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(valid.to_owned()),
    };
    let milliseconds = number
        .checked_mul(unit_ms)
        .ok_or_else(|| valid.to_owned())?;
    Ok(Duration::from_millis(milliseconds))
}

/// Reads `1s..30s`, or one duration as both ends.
fn duration_range(text: &str) -> Result<RangeInclusive<Duration>, String> {
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    let (from, to) = (duration(from)?, duration(to)?);
    if from > to {
        return Err("a range from the shorter to the longer, e.g. 1s..30s".to_owned());
    }
    Ok(from..=to)
}
