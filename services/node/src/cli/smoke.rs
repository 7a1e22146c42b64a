//! `chimera smoke`: the main job.

use std::{fs, path::Path, time::Duration};

use chimera_api_factory::HeartbeatConfig;
use chimera_venue_sim::VenueKind;
use tokio::time::timeout;

use super::{
    args::{Globals, SmokeArgs},
    exit::{CliError, Exit},
    process, sim,
};
use crate::{
    config::Config,
    mesh::{Mesh, Surroundings, Topology, tradable},
    smoke::{self, Plan, Progress, Report, Target, receiver::Receiver},
};

/// How long the mesh may take to be ready: venues answer in milliseconds here.
const READY_WITHIN: Duration = Duration::from_secs(15);
/// What is logged unless asked for otherwise: the table tells the story.
const QUIET: &str = "error";
/// How often heartbeats are sent: often enough that a run of seconds sees several.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Runs the main job and writes its report.
pub async fn run(mut globals: Globals, args: SmokeArgs) -> Result<Exit, CliError> {
    let mut venues = sim::chosen(&args.venues)?;
    if args.venues.iter().any(|name| name == "all") {
        venues = tradable();
    }
    let data = tempfile::tempdir().map_err(|source| file_error(Path::new("data"), source))?;
    let receiver = match &args.heartbeat_url {
        Some(_) => None,
        None => Some(
            Receiver::start()
                .await
                .map_err(|source| file_error(Path::new("heartbeat"), source))?,
        ),
    };
    let mut config = Config {
        data_dir: data.path().to_owned(),
        ..Config::default()
    };
    config.gateway.listen.set_port(0);
    config.simulators.seed = args.seed;
    config.simulators.replay.clone_from(&args.replay);
    config.order.timeline_directory = Some(args.report_dir.join("logs/orders"));
    let url = args
        .heartbeat_url
        .clone()
        .or_else(|| receiver.as_ref().map(Receiver::url));
    config.api_factory.heartbeat = url.map(|url| HeartbeatConfig {
        url,
        interval: HEARTBEAT,
        strategy: "smoke".to_owned(),
        ..HeartbeatConfig::default()
    });
    globals.log.get_or_insert_with(|| QUIET.to_owned());
    config.check()?;
    let around = process::begin(&globals, &mut config)?;
    let mesh = Mesh::start(config, Topology::InProcess, &around).await?;

    let recorded = match &args.replay {
        Some(file) if args.symbol == "SOL" => Some(recorded_symbol(file)?),
        _ => None,
    };
    // The recorded market is the one to trade on, where the venue has it.
    let symbol = |venue: &VenueKind| match &recorded {
        Some(symbol) if venue.lists(symbol) => symbol.clone(),
        _ => args.symbol.clone(),
    };
    let targets = venues
        .iter()
        .map(|venue| Target {
            venue: venue.name().to_owned(),
            account: "main".to_owned(),
            symbol: symbol(venue),
        })
        .collect();
    let plan = Plan {
        targets,
        hold: args.hold.clone(),
        interval: args.interval,
        timeout: args.timeout,
        seed: args.seed,
    };
    let mut report = trade(&plan, &mesh, &around).await?;
    report.heartbeats = receiver.as_ref().map(Receiver::count);
    mesh.end(&around).await;
    write(&report, &args.report_dir)?;
    tell(&report, &args)?;
    Ok(if report.ok { Exit::Ok } else { Exit::Failed })
}

/// Runs the plan with a live table; a signal ends it early, as a failure.
async fn trade(plan: &Plan, mesh: &Mesh, around: &Surroundings) -> Result<Report, CliError> {
    if timeout(READY_WITHIN, mesh.ready()).await.is_err() {
        return Err(CliError::NotReady {
            within: READY_WITHIN,
        });
    }
    let doors = mesh.doors()?;
    let progress = Progress::new();
    let table = tokio::spawn(smoke::live(progress.clone()));
    let result = tokio::select! {
        biased;
        () = process::draining(around) => Err(CliError::Interrupted),
        report = smoke::run(plan, &doors, &around.clock, &progress) => Ok(report),
    };
    // The last picture of the table is the summary's to draw.
    table.abort();
    result
}

fn write(report: &Report, folder: &Path) -> Result<(), CliError> {
    fs::create_dir_all(folder).map_err(|source| file_error(folder, source))?;
    let json = serde_json::to_string_pretty(report)
        .map_err(|error| file_error(folder, std::io::Error::other(error)))?;
    for (name, text) in [
        ("report.json", json),
        ("report.html", smoke::render_html(report)),
    ] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|source| file_error(&path, source))?;
    }
    Ok(())
}

fn tell(report: &Report, args: &SmokeArgs) -> Result<(), CliError> {
    if args.json {
        let json = serde_json::to_string(report)
            .map_err(|error| file_error(&args.report_dir, std::io::Error::other(error)))?;
        println!("{json}");
        return Ok(());
    }
    println!("{}", smoke::summary(report));
    if let Some(count) = report.heartbeats {
        println!("{count} heartbeats received");
    }
    println!("report: {}", args.report_dir.join("report.html").display());
    Ok(())
}

/// Returns the symbol that a recording is of.
fn recorded_symbol(file: &Path) -> Result<String, CliError> {
    let recording = chimera_venue_sim::Recording::open(file)
        .map_err(|error| CliError::Simulator(error.to_string()))?;
    Ok(recording.symbol)
}

fn file_error(path: &Path, source: std::io::Error) -> CliError {
    CliError::File {
        path: path.display().to_string(),
        source,
    }
}
