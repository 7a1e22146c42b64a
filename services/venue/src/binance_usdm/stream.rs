//! Addresses, topics and subscriptions.
//!
//! Since 2026-04-23 streams are spread over three roots: `/public` has books and trades, `/market`
//! what changes slowly, `/private` the account.
//! Page `websocket-market-streams/Connect`

use std::time::Duration;

use serde::Serialize;

use crate::credentials::SessionKey;
use crate::error::VenueError;
use crate::request::Endpoints;
use crate::stream::{
    Channel, SessionRules, StreamPlan, StreamRules, StreamUrl, SubscribeFrame, Topic,
};

/// The venue allows 1,024; fewer lose less when a connection goes, and are resubscribed sooner.
const TOPICS_PER_CONNECTION_MAX: usize = 200;

/// Keeps a subscribe frame near 2 kB.
const TOPICS_PER_FRAME_MAX: usize = 100;

/// The rules of connections.
pub(super) const STREAM_RULES: StreamRules = StreamRules {
    topics_max: TOPICS_PER_CONNECTION_MAX,
    topics_per_frame_max: TOPICS_PER_FRAME_MAX,
    frames_per_second_max: 10,
    connections_per_five_minutes_max: 300,
    server_ping_interval: Duration::from_secs(3 * 60),
    connection_age_max: Duration::from_secs(24 * 3_600),
    confirms: true,
};

/// The rules of listen keys.
pub(super) const SESSION_RULES: SessionRules = SessionRules {
    lifetime: Duration::from_secs(60 * 60),
    extend_interval: Duration::from_secs(25 * 60),
};

/// `{"method":"SUBSCRIBE","params":["btcusdt@depth@100ms"],"id":1}`
#[derive(Serialize)]
struct Request<'a> {
    method: &'a str,
    params: Vec<String>,
    id: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Root {
    Public,
    Market,
}

const fn root(channel: Channel) -> Root {
    match channel {
        Channel::Depth | Channel::Quote | Channel::Trades => Root::Public,
        Channel::AggregateTrades | Channel::Bars(_) | Channel::Ticker | Channel::MarkPrice => {
            Root::Market
        }
    }
}

fn name(topic: &Topic) -> String {
    let symbol = topic.symbol.as_str().to_lowercase();
    match topic.channel {
        Channel::Depth => format!("{symbol}@depth@100ms"),
        Channel::Quote => format!("{symbol}@bookTicker"),
        Channel::Trades => format!("{symbol}@trade"),
        Channel::AggregateTrades => format!("{symbol}@aggTrade"),
        Channel::Bars(interval) => format!("{symbol}@kline_{}", interval.as_str()),
        Channel::Ticker => format!("{symbol}@ticker"),
        Channel::MarkPrice => format!("{symbol}@markPrice@1s"),
    }
}

/// Returns the connections that together carry all topics, each topic once (F94).
pub(super) fn plans(
    endpoints: &Endpoints,
    topics: &[Topic],
) -> Result<Vec<StreamPlan>, VenueError> {
    let mut topics = topics.to_vec();
    topics.sort();
    topics.dedup();
    let mut plans = Vec::new();
    for (of, path) in [(Root::Public, "/public/ws"), (Root::Market, "/market/ws")] {
        let of: Vec<Topic> = topics
            .iter()
            .filter(|topic| root(topic.channel) == of)
            .cloned()
            .collect();
        for connection in of.chunks(TOPICS_PER_CONNECTION_MAX) {
            let frames = connection.chunks(TOPICS_PER_FRAME_MAX).zip(1..);
            let frames = frames.map(|(topics, id)| frame("SUBSCRIBE", id, topics));
            let frames = frames.collect::<Result<_, _>>()?;
            plans.push(StreamPlan {
                url: address(endpoints, path, None)?,
                frames,
            });
        }
    }
    Ok(plans)
}

/// Returns a frame that subscribes or unsubscribes. All topics must be of one connection's root.
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
    if topics
        .iter()
        .any(|topic| root(topic.channel) != root(topics[0].channel))
    {
        return Err(VenueError::not_built(
            "these topics belong on different connections",
        ));
    }
    let request = Request {
        method,
        params: topics.iter().map(name).collect(),
        id,
    };
    let text = serde_json::to_string(&request)
        .map_err(|error| VenueError::not_built(error.to_string()))?;
    Ok(SubscribeFrame {
        id,
        text,
        topics: topics.to_vec(),
    })
}

/// Returns the connection that carries the account. The key is the subscription.
pub(super) fn private(
    endpoints: &Endpoints,
    session: Option<&SessionKey>,
) -> Result<StreamPlan, VenueError> {
    let Some(session) = session else {
        return Err(VenueError::not_built("a listen key is needed"));
    };
    let url = address(endpoints, "/private/ws", Some(session))?;
    Ok(StreamPlan {
        url,
        frames: Vec::new(),
    })
}

fn address(
    endpoints: &Endpoints,
    path: &str,
    session: Option<&SessionKey>,
) -> Result<StreamUrl, VenueError> {
    let mut url = endpoints.stream.clone();
    if url.cannot_be_a_base() {
        return Err(VenueError::not_built(
            "the stream's base address cannot carry paths",
        ));
    }
    let path = format!("{}{path}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    if let Some(session) = session {
        url.query_pairs_mut()
            .append_pair("listenKey", session.expose());
    }
    Ok(StreamUrl(url))
}
