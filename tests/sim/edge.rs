//! The edge on a host of its own.

use std::sync::Arc;

use chimera_gateway::{Config, GatewayDeps, serve_over};
use chimera_runtime::drain::Drain;

use super::network::{Door, PORT, way};
use super::scene::Scene;

/// Runs the edge in front of all public services.
pub async fn gateway(scene: Arc<Scene>) -> turmoil::Result {
    let drain = Drain::new();
    let config = Config {
        hosts: vec!["gateway".to_owned()],
        ..Config::default()
    };
    let services = [
        ("chimera.order.v1.OrderService", "order"),
        ("chimera.position.v1.PositionService", "position"),
        ("chimera.market_data.v1.MarketDataService", "market-data"),
    ];
    let deps = GatewayDeps {
        channels: services
            .map(|(name, host)| (name.to_owned(), way(host)))
            .to_vec(),
        metrics: None,
        drain: drain.signal(),
    };
    let door = Door::open(PORT).await?;
    let serving = serve_over(&config, deps, door)?;
    scene.note(|| "gateway is up".to_owned());
    serving.await;
    Ok(())
}
