//! `chimera chaos`: breaks the mesh or its venues while it trades, and audits what is left.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use serde::Serialize;

use super::{
    args::Globals,
    exit::{CliError, Exit},
    process, sim,
};
use crate::{
    chaos::{self, ChaosError, Plan, SwitchPlan},
    config::Config,
};

/// What is logged unless asked for otherwise: the table tells the story.
const QUIET: &str = "error";

/// How often the mesh is killed where nothing is said.
const KILLS: u32 = 10;

const AFTER_HELP: &str = "\
Exit codes:
  0  every promise was kept
  1  something was lost, doubled, different or left in doubt, a venue refused for its own limits,
     memory grew, or the run could not be carried out to its end
  2  the command line is wrong; nothing was begun";

/// Arguments of `chaos`.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct ChaosArgs {
    /// How often the mesh is killed, 10 unless `--seconds` is given; with `--kill-switch`, how often the
    /// switch is thrown. Where it is never killed the venues' own rate limits are in force, and the
    /// mesh's memory must stay flat.
    #[arg(long)]
    pub kills: Option<u32>,
    /// How long orders flow at least.
    #[arg(
        long,
        default_value_t = 0,
        value_name = "N",
        conflicts_with = "kill_switch"
    )]
    pub seconds: u64,
    /// Let the venues go wrong meanwhile: replies and events lost, late, doubled and out of order, 5xx,
    /// 429, sockets closed and frozen, sequence gaps, sessions expired, clocks off. The schedule is
    /// drawn from the seed and told on standard error.
    #[arg(long, conflicts_with = "kill_switch", requires = "seconds")]
    pub faults: bool,
    /// The simulated venues to trade on: `all` or names, separated by commas.
    #[arg(long, default_value = "binance-usdm", value_delimiter = ',')]
    #[arg(conflicts_with = "kill_switch")]
    pub venues: Vec<String>,
    /// Orders a second while it lives.
    #[arg(long, default_value_t = 50)]
    pub rate: u32,
    /// What orders, moments and faults are drawn from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Orders that rest at each venue all the while.
    #[arg(long, default_value_t = 0, conflicts_with = "kill_switch")]
    pub open_orders: usize,
    /// Throw the kill switch instead of killing: measure when orders stop and when all are gone.
    #[arg(long)]
    pub kill_switch: bool,
    /// Where configuration, journal, timelines and the mesh's log are kept; must not hold a journal. A
    /// folder that is removed at the end when absent.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Runs, audits and tells.
pub async fn run(mut globals: Globals, args: ChaosArgs) -> Result<Exit, CliError> {
    if args.rate == 0 {
        return Err(CliError::Usage("`--rate` is at least 1".to_owned()));
    }
    let kept = match args.data_dir {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(ChaosError::from)?),
    };
    let folder = args
        .data_dir
        .as_deref()
        .or(kept.as_ref().map(tempfile::TempDir::path))
        .unwrap_or(Path::new("."));
    if folder.join("data").exists() {
        let words = format!("{} holds an earlier run; name another", folder.display());
        return Err(CliError::Usage(words));
    }
    globals.log.get_or_insert_with(|| QUIET.to_owned());
    let around = process::begin(&globals, &mut Config::default())?;
    let (ok, table, json) = tokio::select! {
        biased;
        () = process::draining(&around) => return Err(CliError::Interrupted),
        outcome = carry_out(&args, folder) => outcome?,
    };
    println!("{}", if args.json { json } else { table });
    Ok(if ok { Exit::Ok } else { Exit::Failed })
}

async fn carry_out(args: &ChaosArgs, folder: &Path) -> Result<(bool, String, String), CliError> {
    let (rate, seed) = (args.rate, args.seed);
    let kills = match args.seconds {
        0 => KILLS,
        _ => 0,
    };
    let kills = args.kills.unwrap_or(kills);
    if args.kill_switch {
        let rounds = kills;
        let plan = SwitchPlan { rounds, rate, seed };
        let report = chaos::run_kill_switch(&plan, folder).await?;
        return Ok((report.ok, report.table(), json(&report)?));
    }
    let plan = Plan {
        venues: sim::chosen(&args.venues)?,
        kills,
        length: Duration::from_secs(args.seconds),
        faults: args.faults,
        rate,
        seed,
        open_orders: args.open_orders,
    };
    if plan.faults {
        eprintln!("faults {}", chaos::weights());
    }
    let report = chaos::run(&plan, folder).await?;
    Ok((report.ok, report.table(), json(&report)?))
}

fn json<T: Serialize>(report: &T) -> Result<String, CliError> {
    serde_json::to_string(report).map_err(|error| CliError::Usage(error.to_string()))
}
