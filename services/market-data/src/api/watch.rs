//! Opens a watch stream.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use chimera_contracts::{
    common::v1::{StreamAck, StreamItemStatus},
    market_data::v1::{Subscription, WatchRequest},
};
use chimera_runtime::fault::{Fault as _, FieldError};
use futures::stream::{self, BoxStream, StreamExt as _};
use tonic::Status;

use super::{DEPTH_DEFAULT, DEPTH_MAX, MarketDataApi, count, kind};
use crate::{
    error::MarketDataError,
    reader::{Reader, Surroundings},
    topic::Followed,
};

/// Most subscriptions of one stream, as the contract says.
const SUBSCRIPTIONS_MAX: usize = 1_024;

/// A topic to follow, and the depth of its snapshot.
type Wanted = (Arc<dyn Followed>, usize);

impl MarketDataApi {
    /// Returns the frames of a watch stream, encoded.
    pub(super) fn frames(
        &self,
        request: WatchRequest,
    ) -> Result<BoxStream<'static, Result<Bytes, Status>>, Status> {
        let wanted = request.subscriptions;
        if wanted.is_empty() || wanted.len() > SUBSCRIPTIONS_MAX {
            let expected = format!("1 to {SUBSCRIPTIONS_MAX} subscriptions");
            return Err(FieldError::new("subscriptions", expected).into_status());
        }
        let mut items = Vec::with_capacity(wanted.len());
        let mut topics = Vec::with_capacity(wanted.len());
        let mut seated = BTreeSet::new();
        for (at, subscription) in wanted.iter().enumerate() {
            let (item, topic) = self.subscribe(at, subscription)?;
            // A repeated one counts once (F94), but has a row of its own in the ack.
            if let Some((topic, depth)) = topic
                && seated.insert(topic.name().clone())
            {
                topics.push((topic, depth));
            }
            items.push(item);
        }
        let shared = &self.shared;
        let permit = shared.stream().map_err(MarketDataError::into_status)?;
        let ack = StreamAck {
            epoch: String::new(),
            items,
        };
        let surroundings = Surroundings {
            heartbeat: shared.config.heartbeat(),
            drain: shared.drain.clone(),
            clock: shared.clock.clone(),
            _permit: permit,
        };
        let reader = Reader::new(ack, topics, surroundings);
        let frames = stream::unfold(reader, |mut reader| async move {
            let frame = reader.next().await?;
            Some((Ok(frame), reader))
        });
        Ok(frames.boxed())
    }

    /// Returns the status of one subscription, and its topic unless it is refused. Malformed
    /// subscriptions fail the call; those that name what is not there are refused in the ack.
    fn subscribe(
        &self,
        at: usize,
        subscription: &Subscription,
    ) -> Result<(StreamItemStatus, Option<Wanted>), Status> {
        let kind = kind(at, subscription)?;
        let depth_field = format!("subscriptions[{at}].depth");
        let depth = count(&depth_field, subscription.depth, DEPTH_DEFAULT, DEPTH_MAX)?;
        match self
            .shared
            .instrument(&subscription.venue, &subscription.symbol)
        {
            Ok((venue, instrument)) => {
                let topic = venue.hub.followed(&instrument, kind, self.shared.now());
                let item = StreamItemStatus {
                    item: topic.name().text(),
                    accepted: true,
                    ..StreamItemStatus::default()
                };
                Ok((item, Some((topic, depth))))
            }
            Err(error) => {
                let named = [
                    subscription.venue.as_str(),
                    subscription.symbol.as_str(),
                    &kind.word(),
                ];
                let item = StreamItemStatus {
                    item: named.join("/").chars().take(160).collect(),
                    accepted: false,
                    reason: error.reason().to_owned(),
                    message: error.to_string(),
                };
                Ok((item, None))
            }
        }
    }
}
