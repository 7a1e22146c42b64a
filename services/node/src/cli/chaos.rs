//! `chimera chaos`: kills the mesh while it trades, and audits what is left.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{
    args::Globals,
    exit::{CliError, Exit},
    process,
};
use crate::{
    chaos::{self, ChaosError, Plan, SwitchPlan},
    config::Config,
};

/// What is logged unless asked for otherwise: the table tells the story.
const QUIET: &str = "error";

/// Arguments of `chaos`.
#[derive(Debug, Args)]
pub struct ChaosArgs {
    /// How often the mesh is killed; with `--kill-switch`, how often the switch is thrown.
    #[arg(long, default_value_t = 10)]
    pub kills: u32,
    /// Calls a second while it lives.
    #[arg(long, default_value_t = 50)]
    pub rate: u32,
    /// What orders and moments are drawn from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Orders that rest at the venue all the while.
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
    if args.kill_switch {
        let rounds = args.kills;
        let plan = SwitchPlan { rounds, rate, seed };
        let report = chaos::run_kill_switch(&plan, folder).await?;
        return Ok((report.ok, report.table(), json(&report)?));
    }
    let plan = Plan {
        kills: args.kills,
        rate,
        seed,
        open_orders: args.open_orders,
    };
    let report = chaos::run(&plan, folder).await?;
    Ok((report.ok, report.table(), json(&report)?))
}

fn json<T: Serialize>(report: &T) -> Result<String, CliError> {
    serde_json::to_string(report).map_err(|error| CliError::Usage(error.to_string()))
}
