//! `chimera sim`: simulated venues alone.

use chimera_venue_sim::VenueKind;
use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};

use super::{
    args::{Globals, SimArgs},
    exit::{CliError, Exit},
    process,
};
use crate::{
    config::{Config, Simulators},
    mesh::SimulatedVenues,
};

/// Runs until a signal ends it.
pub async fn run(globals: Globals, args: SimArgs) -> Result<Exit, CliError> {
    let venues = chosen(&args.venues)?;
    let mut config = Config::default();
    let around = process::begin(&globals, &mut config)?;
    let settings = Simulators {
        enabled: Some(true),
        base_port: args.base_port,
        seed: args.seed,
        replay: args.replay,
    };
    let simulated = SimulatedVenues::start_some(&settings, venues).await?;
    let endpoints = simulated.endpoints();
    if args.json {
        let text = serde_json::to_string(endpoints)
            .map_err(|error| CliError::Simulator(error.to_string()))?;
        println!("{text}");
    } else {
        let mut table = Table::new();
        table.load_preset(UTF8_BORDERS_ONLY);
        table.set_header(["venue", "REST", "WebSocket", "account", "key", "secret"]);
        for venue in &endpoints.venues {
            for keys in &venue.accounts {
                table.add_row([
                    venue.venue.name(),
                    &venue.rest,
                    &venue.ws,
                    &keys.account,
                    &keys.api_key,
                    &keys.api_secret,
                ]);
            }
        }
        println!("{table}\ncontrol at {}; Ctrl-C ends", endpoints.control);
    }
    process::draining(&around).await;
    simulated.shutdown().await;
    Ok(Exit::Ok)
}

/// Reads `all` or names of venues.
pub fn chosen(names: &[String]) -> Result<Vec<VenueKind>, CliError> {
    if names.iter().any(|name| name == "all") {
        return Ok(VenueKind::ALL.to_vec());
    }
    let chosen: Result<Vec<VenueKind>, _> = names.iter().map(|name| name.parse()).collect();
    chosen.map_err(|error| CliError::Usage(error.to_string()))
}
