//! Which venues there are: one line each.

use std::sync::Arc;

use chimera_model::Venue;

use crate::adapter::VenueAdapter;
use crate::backpack::{self, Backpack};
use crate::binance_usdm::{self, BinanceUsdm};
use crate::client_id::ClientIdPrefix;
use crate::error::VenueError;
use crate::instruments::Aliases;
use crate::request::Endpoints;

/// How a venue is set up. What is `None` is the venue's own default.
#[derive(Debug, Clone)]
pub struct VenueConfig {
    /// Which venue.
    pub venue: Venue,
    /// What every client id of this instance begins with.
    pub client_id_prefix: ClientIdPrefix,
    /// Where the venue is, e.g. a simulator.
    pub endpoints: Option<Endpoints>,
    /// Short names of instruments.
    pub aliases: Option<Aliases>,
}

type Build = fn(VenueConfig) -> Result<Arc<dyn VenueAdapter>, VenueError>;

/// A new venue is one more line here.
const VENUES: &[(Venue, Build)] = &[
    (backpack::VENUE, |config| {
        Ok(Arc::new(Backpack::new(config)?))
    }),
    (binance_usdm::VENUE, |config| {
        Ok(Arc::new(BinanceUsdm::new(config)?))
    }),
];

/// Returns the names of all venues.
pub fn venues() -> impl Iterator<Item = Venue> {
    VENUES.iter().map(|(venue, _)| *venue)
}

/// Returns the adapter of a venue.
///
/// # Errors
/// Fails on a venue that is not known, naming those that are.
pub fn adapter(config: VenueConfig) -> Result<Arc<dyn VenueAdapter>, VenueError> {
    match VENUES.iter().find(|(venue, _)| *venue == config.venue) {
        Some((_, build)) => build(config),
        None => {
            let known: Vec<String> = venues().map(|venue| venue.to_string()).collect();
            let detail = format!("no venue {}; known are {}", config.venue, known.join(", "));
            Err(VenueError::not_built(detail))
        }
    }
}
