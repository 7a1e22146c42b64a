//! Places one order and follows it, with its children, to its end.

use std::time::Duration;

use chimera_contracts::order::v1::{
    ExplainOrderRequest, Fill, GetOrderRequest, ListFillsRequest, ListOrdersRequest, Order,
    OrderState, PlaceOrderRequest, TimelineEntry, WatchOrdersRequest, WatchOrdersResponse,
    order_service_client::OrderServiceClient, watch_orders_response::Frame,
};
use chimera_runtime::Channel;
use tokio::time::Instant;
use tonic::{Code, Status, Streaming};

/// Between two attempts to reopen a stream that ended: long enough not to storm a restarting server.
const REOPEN_PAUSE: Duration = Duration::from_millis(500);
/// Children and fills fetched for a summary; a tracking limit has at most 10,000 children, of which
/// the newest thousand are shown.
const PAGE: i32 = 1_000;

/// Returns whether an order can still change.
#[must_use]
pub fn is_final(state: OrderState) -> bool {
    matches!(
        state,
        OrderState::Denied
            | OrderState::Filled
            | OrderState::Cancelled
            | OrderState::Rejected
            | OrderState::Expired
    )
}

/// Returns a state as people write it, e.g. `PARTIALLY_FILLED`.
#[must_use]
pub fn state_name(state: OrderState) -> &'static str {
    state.as_str_name().trim_start_matches("ORDER_STATE_")
}

/// An order's end and what it took.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// The order as it ended.
    pub order: Order,
    /// Its children, oldest first; empty for plain orders.
    pub children: Vec<Order>,
    /// Its fills and its children's, oldest first.
    pub fills: Vec<Fill>,
    /// Its timeline.
    pub timeline: Vec<TimelineEntry>,
}

/// The way to the order service.
#[derive(Clone)]
pub struct Desk {
    client: OrderServiceClient<Channel>,
}

impl Desk {
    /// Returns a desk at the end of a channel.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self {
            client: OrderServiceClient::new(channel),
        }
    }

    /// Places an order and tells `seen` of every change of it or its children until it is final.
    ///
    /// # Errors
    /// The refusal of the order, or DEADLINE_EXCEEDED when it is not final `within` the bound; it
    /// then lives on and can be asked for by its index.
    pub async fn place_and_follow(
        &self,
        request: PlaceOrderRequest,
        within: Duration,
        mut seen: impl FnMut(&Order),
    ) -> Result<Order, Status> {
        let deadline = Instant::now() + within;
        let filter = WatchOrdersRequest {
            account: request.account.clone(),
            venue: request.venue.clone(),
            ..WatchOrdersRequest::default()
        };
        // Before the order goes out, so that no change of it can be missed.
        let mut stream = self.watch(filter.clone()).await?;
        let placed = match self.client.clone().place_order(request.clone()).await {
            Ok(answer) => answer.into_inner().order.unwrap_or_default(),
            Err(status) => return Err(status),
        };
        seen(&placed);
        let index = placed.client_order_index;
        let mut last = placed;
        let mut token = String::new();
        while !is_final(last.state()) {
            let message = tokio::time::timeout_at(deadline, stream.message()).await;
            let frame = match message {
                Err(_) => return Err(unfinished(&last, within)),
                Ok(Ok(Some(frame))) => frame.frame,
                Ok(Ok(None) | Err(_)) => {
                    tokio::time::sleep(REOPEN_PAUSE).await;
                    if Instant::now() >= deadline {
                        return Err(unfinished(&last, within));
                    }
                    stream = self.reopen(&filter, &mut token).await?;
                    last = self.get(&request.account, index).await?;
                    continue;
                }
            };
            if let Some(Frame::Change(change)) = frame {
                token = change.resume_token;
                if let Some(order) = change.order {
                    // The stream began before the answer: what the answer already held is no news.
                    if order.client_order_index == index && order.seq > last.seq {
                        seen(&order);
                        last = order;
                    } else if order.parent_client_order_index == index {
                        seen(&order);
                    }
                }
            }
        }
        Ok(last)
    }

    /// Returns an order as it stands.
    ///
    /// # Errors
    /// As the order service answers.
    pub async fn get(&self, account: &str, index: i64) -> Result<Order, Status> {
        let request = GetOrderRequest {
            account: account.to_owned(),
            client_order_index: index,
        };
        let answer = self.client.clone().get_order(request).await?.into_inner();
        answer
            .order
            .ok_or_else(|| Status::internal("the answer lacks `order`"))
    }

    /// Returns an order's whole story.
    ///
    /// # Errors
    /// As the order service answers.
    pub async fn story(&self, account: &str, index: i64) -> Result<Story, Status> {
        let explained = self
            .client
            .clone()
            .explain_order(ExplainOrderRequest {
                account: account.to_owned(),
                client_order_index: index,
            })
            .await?
            .into_inner();
        let children = self.children(account, index).await?;
        let mut fills = Vec::new();
        for owner in
            std::iter::once(index).chain(children.iter().map(|child| child.client_order_index))
        {
            let request = ListFillsRequest {
                account: account.to_owned(),
                client_order_index: owner,
                page_size: PAGE,
                ..ListFillsRequest::default()
            };
            fills.extend(
                self.client
                    .clone()
                    .list_fills(request)
                    .await?
                    .into_inner()
                    .fills,
            );
        }
        fills.sort_by_key(|fill| fill.seq);
        fills.dedup_by_key(|fill| fill.seq);
        Ok(Story {
            order: explained.order.unwrap_or_default(),
            children,
            fills,
            timeline: explained.entries,
        })
    }

    async fn children(&self, account: &str, parent: i64) -> Result<Vec<Order>, Status> {
        let request = ListOrdersRequest {
            account: account.to_owned(),
            parent_client_order_index: parent,
            page_size: PAGE,
            ..ListOrdersRequest::default()
        };
        let mut orders = self
            .client
            .clone()
            .list_orders(request)
            .await?
            .into_inner()
            .orders;
        orders.sort_by_key(|order| order.client_order_index);
        Ok(orders)
    }

    async fn watch(
        &self,
        request: WatchOrdersRequest,
    ) -> Result<Streaming<WatchOrdersResponse>, Status> {
        let mut stream = self
            .client
            .clone()
            .watch_orders(request)
            .await?
            .into_inner();
        // The first frame says that the subscription stands.
        stream.message().await?;
        Ok(stream)
    }

    async fn reopen(
        &self,
        filter: &WatchOrdersRequest,
        token: &mut String,
    ) -> Result<Streaming<WatchOrdersResponse>, Status> {
        let request = WatchOrdersRequest {
            resume_token: token.clone(),
            ..filter.clone()
        };
        match self.watch(request).await {
            Err(status) if matches!(status.code(), Code::OutOfRange | Code::InvalidArgument) => {
                // Another epoch: begin with a snapshot.
                token.clear();
                self.watch(filter.clone()).await
            }
            other => other,
        }
    }
}

fn unfinished(order: &Order, within: Duration) -> Status {
    Status::deadline_exceeded(format!(
        "order {} is still {} after {} s; it lives on",
        order.client_order_index,
        state_name(order.state()),
        within.as_secs()
    ))
}
