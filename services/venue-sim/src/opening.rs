//! Opening venues: accounts, instruments and a market, then the dialect in front of them.

use std::sync::Arc;

use axum::Router;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::account::Credentials;
use crate::backpack::{self, BackpackDialect};
use crate::binance_usdm::{self, BinanceUsdm};
use crate::clock::SharedClock;
use crate::config::{SimConfig, VenueKind};
use crate::control::Controlled;
use crate::exchange::Exchange;
use crate::market::{Driver, Generator, Market, Recording, Replay};
use crate::simulator::{AccountKeys, SimError};
use crate::venue::Venue;

/// Simulated time between two steps of the history that a market opens with.
const HISTORY_STEP_MS: u64 = 2_000;

/// Ids begin here, past what 32 bits hold, as they do at the venues.
const FIRST_ID: u64 = 8_000_000_000;

/// A venue ready to be served.
pub(crate) struct Opened {
    pub venue: Arc<dyn Controlled>,
    pub service: Router,
    pub keys: Vec<AccountKeys>,
}

/// Opens one venue. Blocks while it reads a recording or warms its market up.
pub(crate) fn open(
    config: &SimConfig,
    kind: VenueKind,
    clock: &SharedClock,
) -> Result<Opened, SimError> {
    match kind {
        VenueKind::BinanceUsdm => open_binance(config, clock),
        VenueKind::Backpack => open_backpack(config, clock),
    }
}

fn open_binance(config: &SimConfig, clock: &SharedClock) -> Result<Opened, SimError> {
    let mut exchange = Exchange::new(binance_usdm::instruments(), FIRST_ID);
    let now_ms = clock.now_ms();
    let keys = open_accounts(config, &mut exchange, now_ms, |rng| Credentials {
        key: binance_usdm::draw(rng, 64),
        secret: binance_usdm::draw(rng, 64),
    });
    let market = open_market(config, VenueKind::BinanceUsdm, &mut exchange, now_ms)?;
    let (limits, legacy_root) = (config.binance_limits, config.binance_legacy_root);
    let dialect = BinanceUsdm::new(&exchange, config.seed, limits, legacy_root);
    let venue = Arc::new(Venue::new(exchange, market, dialect, clock.clone()));
    let service = binance_usdm::service(Arc::clone(&venue));
    Ok(Opened {
        venue,
        service,
        keys,
    })
}

fn open_backpack(config: &SimConfig, clock: &SharedClock) -> Result<Opened, SimError> {
    let mut exchange = Exchange::new(backpack::instruments(), FIRST_ID);
    exchange.unique_client_ids = false;
    let now_ms = clock.now_ms();
    let keys = open_accounts(config, &mut exchange, now_ms, backpack::credentials);
    let market = open_market(config, VenueKind::Backpack, &mut exchange, now_ms)?;
    let dialect = BackpackDialect::new(&exchange, config.backpack_requests_1m);
    let venue = Arc::new(Venue::new(exchange, market, dialect, clock.clone()));
    let service = backpack::service(Arc::clone(&venue));
    Ok(Opened {
        venue,
        service,
        keys,
    })
}

/// Opens the accounts of a configuration with keys of the venue's kind.
fn open_accounts(
    config: &SimConfig,
    exchange: &mut Exchange,
    now_ms: u64,
    make: impl Fn(&mut ChaCha8Rng) -> Credentials,
) -> Vec<AccountKeys> {
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let mut keys = Vec::new();
    for account in &config.accounts {
        let credentials = make(&mut rng);
        keys.push(AccountKeys {
            account: account.name.clone(),
            api_key: credentials.key.clone(),
            api_secret: credentials.secret.clone(),
        });
        let id = exchange.open_account(&account.name, credentials, account.deposit);
        // The deposit is a change of the wallet: a time of zero says that an asset was never used,
        // and clients then leave its balance out.
        exchange.account_mut(id).updated_ms = now_ms;
    }
    keys
}

fn open_market(
    config: &SimConfig,
    kind: VenueKind,
    exchange: &mut Exchange,
    now_ms: u64,
) -> Result<Market, SimError> {
    let mut replay = open_replay(config, kind, exchange)?;
    let mut drivers = Vec::new();
    for id in 0..exchange.instruments().len() {
        if let Some((_, driver)) = replay.take_if(|(instrument, _)| *instrument == id) {
            drivers.push(driver);
            continue;
        }
        let instrument = exchange.instrument(id);
        let mut generator = Generator::new(config.seed, id, instrument, config.events_per_second);
        let history_ms = u64::try_from(config.history.as_millis()).unwrap_or(0);
        let from_ms = now_ms.saturating_sub(history_ms);
        generator.warm_up(exchange, from_ms, now_ms, HISTORY_STEP_MS);
        drivers.push(Driver::Generated(Box::new(generator)));
    }
    Ok(Market::new(drivers))
}

type ReplayDriver = Option<(usize, Driver)>;

fn open_replay(
    config: &SimConfig,
    venue: VenueKind,
    exchange: &Exchange,
) -> Result<ReplayDriver, SimError> {
    let Some(wanted) = &config.replay else {
        return Ok(None);
    };
    let recording = Recording::open(&wanted.file)?;
    let symbol = wanted
        .symbol
        .clone()
        .unwrap_or_else(|| recording.symbol.clone());
    let Some(id) = exchange.find(&symbol) else {
        // One recording is given for all venues; it drives the one that lists its symbol.
        return if config.venues.iter().any(|other| other.lists(&symbol)) {
            Ok(None)
        } else {
            Err(SimError::RecordedSymbol { symbol, venue })
        };
    };
    let replay = Replay::new(Arc::new(recording), id, wanted.speed_permille);
    Ok(Some((id, Driver::Replayed(Box::new(replay)))))
}

impl VenueKind {
    /// Returns whether the simulated venue has an instrument, by the venue's own name of it.
    pub fn lists(self, venue_symbol: &str) -> bool {
        let listed = match self {
            Self::BinanceUsdm => binance_usdm::instruments(),
            Self::Backpack => backpack::instruments(),
        };
        listed.iter().any(|it| it.symbol == venue_symbol)
    }
}
