//! Simulated venues inside this process, and the configuration that points a mesh at them.

use std::{collections::BTreeMap, net::Ipv4Addr};

use chimera_connector::VenueConfig;
use chimera_runtime::config::Secret;
use chimera_venue::venues;
use chimera_venue_sim::{
    Endpoints, Listeners, ReplayConfig, SharedClock, SimConfig, Simulator, SystemClock, VenueKind,
};

use super::MeshError;
use crate::config::{Config, Keys, Simulators};

/// A recording plays at its own speed.
const OWN_SPEED_PERMILLE: u64 = 1_000;

/// Running simulated venues.
pub struct SimulatedVenues {
    simulator: Simulator,
}

impl SimulatedVenues {
    /// Starts the simulated venues that an adapter trades, on loopback.
    ///
    /// # Errors
    /// When a port is taken or the recording cannot be used.
    pub async fn start(config: &Simulators) -> Result<Self, MeshError> {
        Self::start_some(config, tradable()).await
    }

    /// Starts some simulated venues on loopback.
    ///
    /// # Errors
    /// When a port is taken or the recording cannot be used.
    pub async fn start_some(
        config: &Simulators,
        venues: Vec<VenueKind>,
    ) -> Result<Self, MeshError> {
        let listeners =
            Listeners::bind(Ipv4Addr::LOCALHOST.into(), config.base_port, &venues).await?;
        let sim = SimConfig {
            venues,
            seed: config.seed,
            replay: config.replay.as_ref().map(|file| ReplayConfig {
                file: file.clone(),
                symbol: None,
                speed_permille: OWN_SPEED_PERMILLE,
            }),
            ..SimConfig::default()
        };
        let simulator = Simulator::start(sim, listeners, SharedClock::new(SystemClock))
            .await
            .map_err(MeshError::starting("simulator"))?;
        Ok(Self { simulator })
    }

    /// Returns where the venues are, with their test credentials.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        self.simulator.endpoints()
    }

    /// Points a configuration at these venues; what it says of them otherwise stays.
    pub fn configure(&self, config: &mut Config) {
        for venue in &self.endpoints().venues {
            let name = venue.venue.name();
            let entry = config.connector.venues.entry(name.to_owned()).or_default();
            let accounts: Vec<String> = venue
                .accounts
                .iter()
                .map(|keys| keys.account.clone())
                .collect();
            *entry = VenueConfig {
                rest_url: Some(venue.rest.clone()),
                stream_url: Some(venue.ws.clone()),
                allow_plain_http: true,
                accounts,
                ..entry.clone()
            };
            let keys: BTreeMap<String, Keys> = venue
                .accounts
                .iter()
                .map(|keys| {
                    let own = Keys {
                        api_key: Secret::new(keys.api_key.clone()),
                        api_secret: Secret::new(keys.api_secret.clone()),
                    };
                    (keys.account.clone(), own)
                })
                .collect();
            config.credentials.insert(name.to_owned(), keys);
        }
    }

    /// Ends the venues.
    pub async fn shutdown(self) {
        self.simulator.shutdown().await;
    }
}

/// Returns the simulated venues that there is an adapter for; the others can be run by name.
#[must_use]
pub fn tradable() -> Vec<VenueKind> {
    let simulated = VenueKind::ALL.into_iter();
    let known = |kind: &VenueKind| venues().any(|venue| venue.to_string() == kind.name());
    simulated.filter(known).collect()
}
