//! What runs on each host: the real services, started as a process would start them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use chimera_connector::{Config as ConnectorConfig, ConfiguredVenue, VenueConfig};
use chimera_egress::{Egress, EgressPolicy};
use chimera_model::{Account, Decimal, Venue};
use chimera_order::{Config as OrderConfig, RiskConfig, TimingConfig};
use chimera_runtime::drain::Drain;
use chimera_runtime::listen::{ListenOptions, serve};
use chimera_runtime::tasks::Tasks;
use chimera_venue::Credentials;
use chimera_venue_sim::{LimitConfig, Listeners, SimConfig, Simulator, VenueKind, Venues};
use http::Request;
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tower::ServiceExt;

use super::network::{Dialer, Door, Http, PORT, way};
use super::scene::Scene;
use super::storm::{LIMITS_FACTOR, SNAPSHOT_EVERY};

/// The venue that is traded.
pub const VENUE: &str = "binance-usdm";
/// The account that trades.
pub const ACCOUNT: &str = "main";
/// What is traded, in our words.
pub const SYMBOL: &str = "SOL-USDT-PERP";
/// What is traded, in the venue's words.
pub const VENUE_SYMBOL: &str = "SOLUSDT";
/// What the account begins with.
pub const DEPOSIT: i64 = 10_000;
/// The largest net exposure, in quote units: a few orders of the clients reach it.
pub const EXPOSURE_MAX: i64 = 4_000;

/// The control interface listens here, and nobody calls it.
const CONTROL_PORT: u16 = PORT + 1;
/// How often the true book is noted: once a tick of the venue.
const TRUTH_EVERY: Duration = Duration::from_millis(25);
/// How often a host that starts looks whether the venue's keys are there.
const KEYS_PAUSE: Duration = Duration::from_millis(10);

type End = turmoil::Result;

/// Answers calls at the host's one door until it is drained.
async fn answer(services: Vec<chimera_runtime::Service>, drain: &Drain) -> End {
    let door = Door::open(PORT).await?;
    serve(door, services, ListenOptions::default(), drain.signal()).await;
    Ok(())
}

/// Runs the order service.
pub async fn order(scene: Arc<Scene>) -> End {
    let (tasks, drain) = (Tasks::new(), Drain::new());
    let deps = chimera_order::Deps {
        store: Arc::new(scene.disk.take_over()),
        connector: way("connector"),
        clock: scene.clock("order"),
        tasks,
        drain: drain.signal(),
    };
    let config = OrderConfig {
        risk: RiskConfig {
            exposure_max: Decimal::from_scaled(EXPOSURE_MAX, 0)?,
            ..RiskConfig::default()
        },
        timing: TimingConfig {
            // A run lasts a minute, so that what watches over long silences must look more often.
            silence_ms_max: 8_000,
            compare_every_ms: 15_000,
            ..TimingConfig::default()
        },
        snapshot_every_records: scene.storm.map_or(150, |_| SNAPSHOT_EVERY),
        ..OrderConfig::default()
    };
    let server = chimera_order::start(config, deps).await?;
    scene.note(|| "order is up".to_owned());
    answer(server.routes(), &drain).await
}

/// Runs the position service.
pub async fn position(scene: Arc<Scene>) -> End {
    let drain = Drain::new();
    let channels = chimera_position::Channels {
        order: way("order"),
        connector: way("connector"),
    };
    let config = chimera_position::Config::default();
    let clock = scene.clock("position");
    let server = chimera_position::start(config, channels, clock, drain.signal()).await?;
    scene.note(|| "position is up".to_owned());
    answer(server.routes(), &drain).await
}

/// Runs market data.
pub async fn market_data(scene: Arc<Scene>) -> End {
    let (tasks, drain) = (Tasks::new(), Drain::new());
    let (_, venues) = venues()?;
    let deps = chimera_market_data::Dependencies {
        egress: egress("market-data", &scene, &venues)?,
        adapters: venues.into_iter().map(|venue| venue.adapter).collect(),
        clock: scene.clock("market-data"),
        tasks,
        drain: drain.signal(),
    };
    let config = chimera_market_data::Config {
        // A run lasts a minute.
        silence_ms: 3_000,
        ..Default::default()
    };
    let server = chimera_market_data::start(config, deps)?;
    scene.note(|| "market data is up".to_owned());
    answer(server.routes(), &drain).await
}

/// Runs the connector.
pub async fn connector(scene: Arc<Scene>) -> End {
    let drain = Drain::new();
    let (config, venues) = venues()?;
    let egress = egress("connector", &scene, &venues)?;
    let (venue, account) = (Venue::new(VENUE)?, Account::new(ACCOUNT)?);
    while scene.keys.get().is_none() {
        sleep(KEYS_PAUSE).await;
    }
    let keys = scene.keys.get().ok_or("the venue has no keys")?;
    let own = Credentials::new(keys.api_key.clone(), keys.api_secret.clone());
    let deps = chimera_connector::Deps {
        egress,
        venues,
        credentials: HashMap::from([((venue, account), own)]),
        clock: scene.clock("connector"),
        drain: drain.signal(),
    };
    let server = chimera_connector::start(config, deps).await?;
    scene.note(|| "connector is up".to_owned());
    answer(server.routes(), &drain).await
}

fn venues() -> Result<(ConnectorConfig, Vec<ConfiguredVenue>), chimera_connector::ConfigError> {
    let venue = VenueConfig {
        rest_url: Some(format!("http://venue:{PORT}")),
        stream_url: Some(format!("ws://venue:{PORT}")),
        allow_plain_http: true,
        ..VenueConfig::default()
    };
    let config = ConnectorConfig {
        client_id_prefix: "c1".to_owned(),
        venues: BTreeMap::from([(VENUE.to_owned(), venue)]),
        timing: chimera_connector::Timing {
            // A run lasts a minute.
            private_silence_ms: 8_000,
            clock_refresh_ms: 10_000,
            session_extend_ms: Some(5_000),
            ..Default::default()
        },
    };
    let venues = config.venues()?;
    Ok((config, venues))
}

fn egress(
    host: &'static str,
    scene: &Arc<Scene>,
    venues: &[ConfiguredVenue],
) -> Result<Egress, chimera_egress::PolicyError> {
    let mut clusters: Vec<_> = venues.iter().map(ConfiguredVenue::cluster_policy).collect();
    if scene.storm.is_some() {
        let scopes = clusters.iter_mut().flat_map(|it| &mut it.scopes);
        scopes.for_each(|scope| scope.limit *= u64::from(LIMITS_FACTOR));
    }
    let policy = EgressPolicy {
        clusters,
        seed: Some(scene.seed),
    };
    let http = Arc::new(Http::new(host, Arc::clone(scene)));
    let dialer = Arc::new(Dialer::new(host, Arc::clone(scene)));
    Egress::new(policy, http, dialer, scene.clock(host))
}

/// Runs the venue, does what it is steered to do, and notes its true books. It never crashes: the
/// books of a real one do not get lost either.
pub async fn venue(scene: Arc<Scene>) -> End {
    let config = SimConfig {
        venues: vec![VenueKind::BinanceUsdm],
        seed: scene.seed,
        history: Duration::from_secs(20),
        events_per_second: 10,
        accounts: vec![chimera_venue_sim::AccountConfig {
            name: ACCOUNT.to_owned(),
            deposit: DEPOSIT.into(),
        }],
        binance_limits: limits(&scene),
        ..SimConfig::default()
    };
    let opened = Venues::open(&config, &Scene::venue_clock())?;
    let listeners = Listeners {
        control: Box::new(Door::open(CONTROL_PORT).await?),
        venues: BTreeMap::from([(
            VenueKind::BinanceUsdm,
            Box::new(Door::open(PORT).await?) as Box<dyn chimera_venue_sim::Acceptor>,
        )]),
    };
    let simulator = Simulator::serve(opened, listeners)?;
    let keys = simulator.endpoints().venues.first().ok_or("no venue")?;
    let _ = scene.keys.set(keys.credentials.clone());
    let mut truth = interval(TRUTH_EVERY);
    truth.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = scene.steered.notified() => {
                while let Some(steer) = scene.next_steer() {
                    let answer = ask(&simulator, steer.method, &steer.path, &steer.body).await;
                    scene.note(|| format!("venue {} {} {}", steer.method, steer.path, steer.body));
                    scene.seen(|seen| match steer.path.as_str() {
                        "/ledger" => seen.ledger = Some(answer),
                        "/counters" => seen.counters = Some(answer),
                        "/faults" if steer.method == "GET" => seen.faults = Some(answer),
                        _ => {}
                    });
                }
            }
            _ = truth.tick() => {
                let path = format!("/instruments/{VENUE_SYMBOL}");
                let instrument = ask(&simulator, "GET", &path, &Value::Null).await;
                let at = scene.now();
                scene.seen(|seen| seen.books.note_truth(at, &instrument));
            }
        }
    }
}

/// Returns what the venue takes of one address and one account.
fn limits(scene: &Scene) -> LimitConfig {
    let own = LimitConfig::default();
    let factor = scene.storm.map_or(1, |_| LIMITS_FACTOR);
    LimitConfig {
        weight_1m: own.weight_1m * factor,
        orders_10s: own.orders_10s * factor,
        orders_1m: own.orders_1m * factor,
        connections_5m: own.connections_5m * factor,
    }
}

/// Asks the control interface; it answers at once.
async fn ask(simulator: &Simulator, method: &str, path: &str, body: &Value) -> Value {
    let request = Request::builder()
        .method(method)
        .uri(format!("/v1/venues/{VENUE}{path}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a path of ours is one");
    let Ok(answer) = simulator.control().oneshot(request).await;
    let (parts, body) = answer.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let text = body.unwrap_or_default();
    assert!(
        parts.status.is_success(),
        "the venue cannot be steered: {method} {path}: {}",
        String::from_utf8_lossy(&text)
    );
    serde_json::from_slice(&text).unwrap_or(Value::Null)
}
