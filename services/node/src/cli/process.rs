//! What every long-running command sets up: logs, clock, signals.

use chimera_runtime::{
    clock::Clock,
    drain::Drain,
    shutdown,
    tasks::Tasks,
    telemetry::{self, LogFormat as Format},
};

use super::{
    args::{Globals, LogFormat},
    exit::CliError,
};
use crate::{config::Config, mesh::Surroundings};

/// Sets up logs and signals as configuration and flags say.
pub fn begin(globals: &Globals, config: &mut Config) -> Result<Surroundings, CliError> {
    if let Some(filter) = &globals.log {
        config.telemetry.filter.clone_from(filter);
    }
    match globals.log_format {
        Some(LogFormat::Json) => config.telemetry.format = Format::Json,
        Some(LogFormat::Text) => config.telemetry.format = Format::Human,
        None => {}
    }
    let telemetry =
        telemetry::init(&config.telemetry).map_err(|error| CliError::Usage(error.to_string()))?;
    let (drain, tasks) = (Drain::new(), Tasks::new());
    shutdown::listen(drain.clone(), &Tasks::new())
        .map_err(|error| CliError::Usage(format!("signals cannot be heard: {error}")))?;
    Ok(Surroundings {
        clock: Clock::system(),
        drain,
        tasks,
        telemetry,
    })
}

/// Waits for the signal that ends the process. Cancel-safe.
pub async fn draining(around: &Surroundings) {
    around.drain.signal().draining().await;
}
