//! Follows prices, positions and margin of one venue by stream while a run goes on.

use std::sync::{Arc, Mutex, PoisonError};

use chimera_contracts::{
    market_data::v1::{
        self as market_data, Channel as Topic, Subscription, WatchRequest, WatchResponse,
        market_data_service_client::MarketDataServiceClient, market_update::Update,
    },
    position::v1::{
        self as position, WatchPositionsRequest, WatchPositionsResponse, position_change::Change,
        position_service_client::PositionServiceClient,
    },
};
use chimera_runtime::Channel;
use tonic::Streaming;

use super::{
    error::SmokeError,
    progress::Progress,
    report::{MarginPoint, PositionPoint, PricePoint},
};

/// Points kept of each kind: an hour of ten a second; a smoke run is minutes.
const MAX_POINTS: usize = 36_000;

/// What was seen so far. Cheap to clone.
#[derive(Clone, Default)]
pub struct Seen {
    inner: Arc<Mutex<Points>>,
}

/// The points themselves.
#[derive(Clone, Default)]
pub struct Points {
    /// Prices.
    pub prices: Vec<PricePoint>,
    /// Positions.
    pub positions: Vec<PositionPoint>,
    /// Margin.
    pub margin: Vec<MarginPoint>,
}

impl Seen {
    /// Returns a copy of what was seen.
    pub fn points(&self) -> Points {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn add(&self, add: impl FnOnce(&mut Points)) {
        add(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Opens the price stream.
pub async fn prices(
    channel: &Channel,
    venue: &str,
    symbol: &str,
) -> Result<Streaming<WatchResponse>, SmokeError> {
    let request = WatchRequest {
        subscriptions: vec![Subscription {
            venue: venue.to_owned(),
            symbol: symbol.to_owned(),
            channel: Topic::Ticker.into(),
            ..Subscription::default()
        }],
    };
    let mut client = MarketDataServiceClient::new(channel.clone());
    let answer = client
        .watch(request)
        .await
        .map_err(SmokeError::call("watch prices"))?;
    Ok(answer.into_inner())
}

/// Opens the stream of positions and margin.
pub async fn positions(
    channel: &Channel,
    venue: &str,
    account: &str,
) -> Result<Streaming<WatchPositionsResponse>, SmokeError> {
    let request = WatchPositionsRequest {
        venue: venue.to_owned(),
        account: account.to_owned(),
        resume_token: String::new(),
    };
    let mut client = PositionServiceClient::new(channel.clone());
    let answer = client
        .watch_positions(request)
        .await
        .map_err(SmokeError::call("watch positions"))?;
    Ok(answer.into_inner())
}

/// Records prices until the stream ends or the future is dropped.
pub async fn record_prices(mut stream: Streaming<WatchResponse>, seen: Seen) {
    use market_data::watch_response::Frame;
    while let Ok(Some(frame)) = stream.message().await {
        let Some(Frame::Updates(batch)) = frame.frame else {
            continue;
        };
        for update in batch.updates {
            let Some(Update::Ticker(ticker)) = update.update else {
                continue;
            };
            let point = PricePoint {
                time_ms: millis(ticker.received_time.as_ref()),
                bid: ticker.bid_price,
                ask: ticker.ask_price,
            };
            seen.add(|points| {
                // One point a change of the touch: repeated prices draw nothing new.
                let same = points
                    .prices
                    .last()
                    .is_some_and(|last| last.bid == point.bid && last.ask == point.ask);
                if !same && points.prices.len() < MAX_POINTS {
                    points.prices.push(point);
                }
            });
        }
    }
}

/// Records positions and margin until the stream ends or the future is dropped.
pub async fn record_positions(
    mut stream: Streaming<WatchPositionsResponse>,
    symbol: String,
    venue: String,
    progress: Progress,
    seen: Seen,
) {
    use position::watch_positions_response::Frame;
    while let Ok(Some(frame)) = stream.message().await {
        match frame.frame {
            Some(Frame::Snapshot(snapshot)) => {
                for held in snapshot
                    .positions
                    .into_iter()
                    .filter(|held| held.symbol == symbol)
                {
                    add_position(&venue, held, &progress, &seen);
                }
                for margin in snapshot.margins {
                    add_margin(&margin, &seen);
                }
            }
            Some(Frame::Change(change)) => match change.change {
                Some(Change::Position(held)) if held.symbol == symbol => {
                    add_position(&venue, held, &progress, &seen);
                }
                Some(Change::Margin(margin)) => add_margin(&margin, &seen),
                _ => {}
            },
            _ => {}
        }
    }
}

fn add_position(venue: &str, held: position::Position, progress: &Progress, seen: &Seen) {
    progress.update(venue, |line| line.position.clone_from(&held.quantity));
    let point = PositionPoint {
        time_ms: millis(held.updated_time.as_ref()),
        quantity: held.quantity,
        average_price: held.average_price,
    };
    seen.add(|points| {
        let same = points.positions.last().is_some_and(|last| {
            last.quantity == point.quantity && last.average_price == point.average_price
        });
        if !same && points.positions.len() < MAX_POINTS {
            points.positions.push(point);
        }
    });
}

fn add_margin(margin: &position::Margin, seen: &Seen) {
    let point = MarginPoint {
        time_ms: millis(margin.received_time.as_ref()),
        wallet_balance: margin.wallet_balance.clone(),
        available: margin.available.clone(),
        initial_margin: margin.initial_margin.clone(),
    };
    seen.add(|points| {
        if points.margin.len() < MAX_POINTS {
            points.margin.push(point);
        }
    });
}

/// Returns a time of the contract in milliseconds since 1970; zero when absent.
pub fn millis(time: Option<&prost_types::Timestamp>) -> i64 {
    time.map_or(0, |time| {
        time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000
    })
}
