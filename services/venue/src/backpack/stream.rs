//! Address, topics and subscriptions.
//!
//! One address carries everything; a subscription is not confirmed, only refused. Private streams
//! are opened by a signature in the subscription, which lives for its window.
//! Section `Streams`

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::sign;
use crate::error::VenueError;
use crate::request::Endpoints;
use crate::stream::{
    Channel, PrivateAccess, StreamPlan, StreamRules, StreamUrl, SubscribeFrame, Topic,
};

/// The venue names no bound; fewer lose less when a connection goes, and are resubscribed sooner.
const TOPICS_PER_CONNECTION_MAX: usize = 200;

/// Keeps a subscribe frame near 2 kB.
const TOPICS_PER_FRAME_MAX: usize = 100;

/// The private streams: orders with their fills, and positions. Balances have none.
const PRIVATE: [&str; 2] = ["account.orderUpdate", "account.positionUpdate"];

/// The rules of connections. The venue documents its pings alone; the other numbers are the
/// strictest of its peers'.
pub(super) const STREAM_RULES: StreamRules = StreamRules {
    topics_max: TOPICS_PER_CONNECTION_MAX,
    topics_per_frame_max: TOPICS_PER_FRAME_MAX,
    frames_per_second_max: 5,
    connections_per_five_minutes_max: 100,
    server_ping_interval: Duration::from_secs(60),
    connection_age_max: Duration::from_secs(24 * 3_600),
    confirms: false,
};

/// `{"method":"SUBSCRIBE","params":["depth.SOL_USDC"]}`, with
/// `"signature":["<key>","<signature>","<timestamp>","<window>"]` for private streams.
#[derive(Serialize)]
struct Request<'a> {
    method: &'a str,
    params: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<[String; 4]>,
}

fn name(topic: &Topic) -> Result<String, VenueError> {
    let symbol = topic.symbol.as_str();
    Ok(match topic.channel {
        Channel::Depth => format!("depth.{symbol}"),
        Channel::Quote => format!("bookTicker.{symbol}"),
        Channel::Trades => format!("trade.{symbol}"),
        Channel::Bars(interval) => format!("kline.{}.{symbol}", interval.as_str()),
        Channel::Ticker => format!("ticker.{symbol}"),
        Channel::MarkPrice => format!("markPrice.{symbol}"),
        Channel::AggregateTrades => {
            return Err(VenueError::not_built("this venue aggregates no trades"));
        }
    })
}

/// Returns the connections that together carry all topics, each topic once (F94).
pub(super) fn plans(
    endpoints: &Endpoints,
    topics: &[Topic],
) -> Result<Vec<StreamPlan>, VenueError> {
    let mut topics = topics.to_vec();
    topics.sort();
    topics.dedup();
    let connections = topics.chunks(TOPICS_PER_CONNECTION_MAX);
    let plan = |topics: &[Topic]| {
        let frames = topics.chunks(TOPICS_PER_FRAME_MAX).zip(1..);
        let frames = frames.map(|(topics, id)| frame("SUBSCRIBE", id, topics));
        Ok(StreamPlan {
            url: StreamUrl(endpoints.stream.clone()),
            frames: frames.collect::<Result<_, VenueError>>()?,
        })
    };
    connections.map(plan).collect()
}

/// Returns a frame that subscribes or unsubscribes. The venue takes no id: ours stays here.
pub(super) fn frame(method: &str, id: u64, topics: &[Topic]) -> Result<SubscribeFrame, VenueError> {
    if topics.is_empty() {
        return Err(VenueError::not_built("a subscription needs a topic"));
    }
    if topics.len() > TOPICS_PER_FRAME_MAX {
        let detail = format!(
            "{} topics, at most {TOPICS_PER_FRAME_MAX} a frame",
            topics.len()
        );
        return Err(VenueError::not_built(detail));
    }
    let text = text(&Request {
        method,
        params: topics.iter().map(name).collect::<Result<_, _>>()?,
        signature: None,
    })?;
    let topics = topics.to_vec();
    Ok(SubscribeFrame { id, text, topics })
}

/// Returns the connection that carries the account, opened by a signature alone.
pub(super) fn private(
    endpoints: &Endpoints,
    access: &PrivateAccess<'_>,
) -> Result<StreamPlan, VenueError> {
    let fields = BTreeMap::new();
    let signed = sign::sign(
        access.credentials,
        sign::SUBSCRIBE,
        &fields,
        access.venue_now,
    )?;
    let text = text(&Request {
        method: "SUBSCRIBE",
        params: PRIVATE.map(str::to_owned).to_vec(),
        signature: Some([
            signed.key,
            signed.signature,
            signed.timestamp,
            signed.window,
        ]),
    })?;
    let frame = SubscribeFrame {
        id: 1,
        text,
        topics: Vec::new(),
    };
    Ok(StreamPlan {
        url: StreamUrl(endpoints.stream.clone()),
        frames: vec![frame],
    })
}

fn text(request: &Request<'_>) -> Result<String, VenueError> {
    serde_json::to_string(request).map_err(|error| VenueError::not_built(error.to_string()))
}
