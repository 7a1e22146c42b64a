//! The server under test with its peers and a client, and waiting with a bound.

use std::time::{Duration, SystemTime};

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as connector;
use chimera_contracts::connector::v1::connector_service_server::ConnectorServiceServer;
use chimera_contracts::order::v1 as order;
use chimera_contracts::order::v1::order_service_server::OrderServiceServer;
use chimera_contracts::position::v1 as pb;
use chimera_contracts::position::v1::position_change::Change;
use chimera_contracts::position::v1::position_service_client::PositionServiceClient;
use chimera_contracts::position::v1::watch_positions_response::Frame;
use chimera_runtime::clock::Clock;
use chimera_runtime::drain::Drain;
use chimera_runtime::{Channel, Service};
use prost_types::Timestamp;
use tokio::time::Instant;
use tonic::{Status, Streaming};

use super::fake_connector::{FakeConnector, VENUE};
use super::fake_order::FakeOrder;
use crate::{Channels, Config, Server, start};

/// No wait takes longer than this on the slowest machine; what takes it is stuck.
const BOUND: Duration = Duration::from_secs(30);

pub(super) const SOL: &str = "SOL-USDT-PERP";

pub(super) struct Mesh {
    pub order: FakeOrder,
    pub connector: FakeConnector,
    pub drain: Drain,
    pub client: PositionServiceClient<Channel>,
    server: Server,
}

/// Short times; the silence that counts as a loss stays long, the tests wait for events.
pub(super) fn quick() -> Config {
    Config {
        settle_ms: 150,
        venue_poll_ms: 50,
        heartbeat_ms: 50,
        ..Config::default()
    }
}

impl Mesh {
    pub(super) async fn start(order: FakeOrder, connector: FakeConnector) -> Self {
        Self::with(quick(), order, connector).await
    }

    /// Starts with empty peers and one account, and waits until positions are built.
    pub(super) async fn ready() -> Self {
        let mesh = Self::start(FakeOrder::default(), FakeConnector::new(&["main"])).await;
        within(mesh.server.ready()).await;
        mesh
    }

    pub(super) async fn with(config: Config, order: FakeOrder, connector: FakeConnector) -> Self {
        let orders = OrderServiceServer::new(order.clone());
        let connectors = ConnectorServiceServer::new(connector.clone());
        let channels = Channels {
            order: Channel::in_process([Service::new(orders, FILE_DESCRIPTOR_SET).unwrap()]),
            connector: Channel::in_process(
                [Service::new(connectors, FILE_DESCRIPTOR_SET).unwrap()],
            ),
        };
        let drain = Drain::new();
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_723_118_400);
        let clock = Clock::simulated(noon);
        let server = start(config, channels, clock, drain.signal())
            .await
            .unwrap();
        let client = PositionServiceClient::new(Channel::in_process(server.routes()));
        Self {
            order,
            connector,
            drain,
            client,
            server,
        }
    }

    pub(super) async fn is_ready(&self) {
        within(self.server.ready()).await;
    }

    pub(super) async fn watch(&self, account: &str, resume_token: &str) -> Result<Watch, Status> {
        let request = pb::WatchPositionsRequest {
            account: account.to_owned(),
            venue: String::new(),
            resume_token: resume_token.to_owned(),
        };
        let frames = self
            .client
            .clone()
            .watch_positions(request)
            .await?
            .into_inner();
        Ok(Watch {
            until: Instant::now() + BOUND,
            frames,
            token: String::new(),
        })
    }

    /// Waits until the position of an account satisfies, and returns it.
    pub(super) async fn until(
        &self,
        account: &str,
        symbol: &str,
        satisfies: impl Fn(&pb::Position) -> bool,
    ) -> pb::Position {
        let mut watch = self.watch(account, "").await.unwrap();
        watch.until_position(symbol, satisfies).await
    }

    pub(super) async fn positions(&self) -> Result<Vec<pb::Position>, Status> {
        let request = pb::ListPositionsRequest::default();
        Ok(self
            .client
            .clone()
            .list_positions(request)
            .await?
            .into_inner()
            .positions)
    }
}

/// One reader's stream.
pub(super) struct Watch {
    /// A stream beats for ever: the bound is on the whole of it.
    until: Instant,
    frames: Streaming<pb::WatchPositionsResponse>,
    /// Of the last frame that had one.
    pub token: String,
}

impl Watch {
    /// Waits for the next frame; none at the end.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        let next = tokio::time::timeout_at(self.until, self.frames.message()).await;
        let frame = next.expect("it happens in time").unwrap()?.frame.unwrap();
        let token = match &frame {
            Frame::Ack(_) => None,
            Frame::Snapshot(snapshot) => Some(&snapshot.resume_token),
            Frame::Change(change) => Some(&change.resume_token),
            Frame::Heartbeat(beat) => Some(&beat.resume_token),
            Frame::Goodbye(goodbye) => Some(&goodbye.resume_token),
        };
        if let Some(token) = token {
            self.token.clone_from(token);
        }
        Some(frame)
    }

    /// Waits for the snapshot.
    pub(super) async fn snapshot(&mut self) -> pb::PositionSnapshot {
        loop {
            if let Frame::Snapshot(snapshot) = self.next().await.expect("a snapshot comes") {
                return snapshot;
            }
        }
    }

    /// Waits for the next change.
    pub(super) async fn change(&mut self) -> pb::PositionChange {
        loop {
            if let Frame::Change(change) = self.next().await.expect("a change comes") {
                return change;
            }
        }
    }

    /// Waits for the goodbye, and that nothing follows it.
    pub(super) async fn goodbye(&mut self) -> common::StreamGoodbye {
        loop {
            if let Frame::Goodbye(goodbye) = self.next().await.expect("a goodbye comes") {
                assert!(self.next().await.is_none(), "nothing follows a goodbye");
                return goodbye;
            }
        }
    }

    /// Waits until the position satisfies, and returns it.
    pub(super) async fn until_position(
        &mut self,
        symbol: &str,
        satisfies: impl Fn(&pb::Position) -> bool,
    ) -> pb::Position {
        loop {
            let positions = match self.next().await.expect("the stream goes on") {
                Frame::Snapshot(snapshot) => snapshot.positions,
                Frame::Change(pb::PositionChange {
                    change: Some(Change::Position(position)),
                    ..
                }) => vec![position],
                _ => Vec::new(),
            };
            let found = positions
                .into_iter()
                .find(|position| position.symbol == symbol && satisfies(position));
            if let Some(position) = found {
                return position;
            }
        }
    }
}

/// Waits with a bound.
pub(super) async fn within<F: Future>(wait: F) -> F::Output {
    tokio::time::timeout(BOUND, wait)
        .await
        .expect("it happens in time")
}

/// Waits, with a bound, until something counts as many.
pub(super) async fn until_at_least(least: usize, count: impl Fn() -> usize) {
    within(async {
        while count() < least {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

pub(super) fn time(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: 1_723_118_400 + seconds,
        nanos: 0,
    })
}

/// A fill as the order service concludes it; the number names the trade and when it matched.
pub(super) fn fill(number: i64, side: common::Side, quantity: &str, price: &str) -> order::Fill {
    order::Fill {
        account: "main".to_owned(),
        client_order_index: number,
        venue: VENUE.to_owned(),
        symbol: SOL.to_owned(),
        trade_id: number.to_string(),
        venue_order_id: format!("order-{number}"),
        side: side.into(),
        price: price.to_owned(),
        quantity: quantity.to_owned(),
        venue_time: time(number),
        received_time: time(number),
        ..Default::default()
    }
}

pub(super) fn buy(number: i64, quantity: &str, price: &str) -> order::Fill {
    fill(number, common::Side::Buy, quantity, price)
}

pub(super) fn sell(number: i64, quantity: &str, price: &str) -> order::Fill {
    fill(number, common::Side::Sell, quantity, price)
}

/// A venue's word for a position, said at that second.
pub(super) fn held(quantity: &str, entry: &str, second: i64) -> connector::PositionReport {
    connector::PositionReport {
        venue: VENUE.to_owned(),
        account: "main".to_owned(),
        symbol: SOL.to_owned(),
        quantity: quantity.to_owned(),
        entry_price: entry.to_owned(),
        mark_price: "110".to_owned(),
        venue_time: time(second),
        received_time: time(second),
        ..Default::default()
    }
}
