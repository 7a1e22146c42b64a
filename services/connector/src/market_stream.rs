//! The frames of one reader of the market: acknowledgement, then the newest top of whatever
//! changed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as pb;
use chimera_contracts::connector::v1::watch_market_response::Frame;
use chimera_model::Symbol;
use chimera_runtime::drain::Signal;
use chimera_runtime::fault::Fault;
use futures::{Stream, StreamExt, stream};
use tokio::time::timeout;

use crate::command::WatchMarket;
use crate::error::ConnectorError;
use crate::market::{Interest, Market};
use crate::service::unknown_instrument;
use crate::wire;

/// How long nothing may be sent before a heartbeat is.
const HEARTBEAT_AFTER: Duration = Duration::from_secs(5);

/// When a reader may come to the next instance.
const RETURN_AFTER: Duration = Duration::from_millis(250);

struct Watch {
    market: Arc<Market>,
    interest: Interest,
    drain: Signal,
    /// Changed instruments that are not sent yet; at most one entry each.
    due: VecDeque<Symbol>,
    sent: u64,
    ended: bool,
}

/// Returns the frames of a new reader. Instruments that cannot be had are refused one by one in the
/// acknowledgement.
pub(crate) fn frames(
    market: &Arc<Market>,
    wanted: WatchMarket,
    epoch: String,
    drain: Signal,
) -> impl Stream<Item = pb::WatchMarketResponse> + use<> {
    let mut interest = market.interest();
    let items = wanted
        .symbols
        .iter()
        .map(|name| item(market, &mut interest, name))
        .collect();
    let ack = Frame::Ack(common::StreamAck { epoch, items });
    let watch = Watch {
        market: market.clone(),
        interest,
        drain,
        due: VecDeque::new(),
        sent: 0,
        ended: false,
    };
    let rest = stream::unfold(watch, |mut watch| async move {
        let frame = watch.next().await?;
        Some((frame, watch))
    });
    let frames = stream::iter([ack]).chain(rest);
    frames.map(|frame| pb::WatchMarketResponse { frame: Some(frame) })
}

fn item(market: &Market, interest: &mut Interest, name: &str) -> common::StreamItemStatus {
    let found = market
        .desk
        .instruments()
        .find(name)
        .map(|instrument| instrument.symbol);
    let limit = market.desk.adapter.stream_rules().topics_max;
    let added = match found {
        None => Err(unknown_instrument(market.desk.venue, name)),
        Some(symbol) => interest
            .add(symbol)
            .map_err(|_| ConnectorError::SubscriptionLimit {
                what: "market streams",
                limit,
            }),
    };
    let item = format!("{}/{}/top", market.desk.venue, wire::cut(name));
    match added {
        Ok(()) => common::StreamItemStatus {
            item,
            accepted: true,
            ..Default::default()
        },
        Err(error) => common::StreamItemStatus {
            item,
            accepted: false,
            reason: error.reason().to_owned(),
            message: error.to_string(),
        },
    }
}

impl Watch {
    async fn next(&mut self) -> Option<Frame> {
        while !self.ended {
            if let Some(symbol) = self.due.pop_front() {
                let Some(top) = self.market.view(symbol) else {
                    continue;
                };
                self.sent += 1;
                return Some(Frame::Top(top));
            }
            let drain = self.drain.clone();
            let changed = tokio::select! {
                biased;
                () = drain.draining() => {
                    self.ended = true;
                    return Some(goodbye());
                }
                changed = timeout(HEARTBEAT_AFTER, self.interest.changed()) => changed,
            };
            match changed {
                Ok(symbols) => self.due.extend(symbols),
                Err(_) => return Some(self.heartbeat()),
            }
        }
        None
    }

    fn heartbeat(&self) -> Frame {
        Frame::Heartbeat(common::StreamHeartbeat {
            last_seq: self.sent,
            staleness: self.market.staleness().map(wire::duration),
            sent_time: Some(wire::timestamp(self.market.desk.now())),
            resume_token: String::new(),
        })
    }
}

fn goodbye() -> Frame {
    Frame::Goodbye(common::StreamGoodbye {
        reason: common::StreamEndReason::Draining.into(),
        reconnect_after: Some(wire::duration(RETURN_AFTER)),
        resume_token: String::new(),
    })
}
