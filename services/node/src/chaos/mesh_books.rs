//! What the mesh has written down, read through its public contract.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chimera_contracts::{
    order::v1::{
        CancelAllOrdersRequest, Difference, Fill, GetOrderRequest, GetTradingStateRequest,
        ListFillsRequest, ListOrdersRequest, Order, OrderState, ReconcileRequest,
        order_service_client::OrderServiceClient,
    },
    position::v1::{
        Balance, ListBalancesRequest, ListPositionsRequest, Position, PositionCheck,
        position_service_client::PositionServiceClient,
    },
};
use chimera_runtime::Channel;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;
use tonic::{Code, Status};

use super::{error::ChaosError, market::Market};

/// Entries of a page; the most that the contract gives.
const PAGE: i32 = 1_000;
/// Orders asked for at one time.
const QUESTIONS: usize = 16;
/// Between two questions whether something has come to rest.
const ASK_PAUSE: Duration = Duration::from_millis(50);

/// Reads the records of a running mesh.
pub struct MeshBooks {
    orders: OrderServiceClient<Channel>,
    positions: PositionServiceClient<Channel>,
}

impl MeshBooks {
    /// Returns a reader at the end of a channel.
    pub fn new(channel: Channel) -> Self {
        Self {
            orders: OrderServiceClient::new(channel.clone()),
            positions: PositionServiceClient::new(channel),
        }
    }

    /// Waits until no order is in doubt.
    pub async fn certain(&self, within: Duration) -> Result<(), ChaosError> {
        let states = [OrderState::Submitting, OrderState::Unknown].map(i32::from);
        let request = ListOrdersRequest {
            states: states.to_vec(),
            page_size: 1,
            ..ListOrdersRequest::default()
        };
        self.until("orders are still in doubt", within, async || {
            let answer = self.orders.clone().list_orders(request.clone()).await?;
            Ok(answer.into_inner().orders.is_empty())
        })
        .await
    }

    /// Cancels everything and waits until nothing is open.
    pub async fn close_all(
        &self,
        markets: &[&'static Market],
        within: Duration,
    ) -> Result<(), ChaosError> {
        self.until("orders are still open", within, async || {
            let asked = GetTradingStateRequest {};
            let answer = self.orders.clone().get_trading_state(asked).await?;
            if answer.into_inner().open_orders == 0 {
                return Ok(true);
            }
            for market in markets {
                let request = CancelAllOrdersRequest {
                    account: market.account.to_owned(),
                    ..CancelAllOrdersRequest::default()
                };
                self.orders.clone().cancel_all_orders(request).await?;
            }
            Ok(false)
        })
        .await
    }

    /// Waits until every position agrees with the venue's word.
    pub async fn agreed(
        &self,
        markets: &[&'static Market],
        within: Duration,
    ) -> Result<(), ChaosError> {
        self.until("positions still differ", within, async || {
            let agrees = |it: &Position| it.check() == PositionCheck::Agrees;
            for market in markets {
                if !self.positions(market).await?.iter().all(agrees) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await
    }

    /// Returns the orders of some indices; those that the mesh does not know are left out.
    pub async fn orders(
        &self,
        market: &Market,
        indices: BTreeSet<i64>,
    ) -> Result<BTreeMap<i64, Order>, ChaosError> {
        let ask = |index: i64| {
            let mut orders = self.orders.clone();
            async move {
                let request = GetOrderRequest {
                    account: market.account.to_owned(),
                    client_order_index: index,
                };
                match orders.get_order(request).await {
                    Ok(answer) => Ok(answer.into_inner().order.map(|order| (index, order))),
                    Err(status) if status.code() == Code::NotFound => Ok(None),
                    Err(status) => Err(status),
                }
            }
        };
        let answers = stream::iter(indices).map(ask).buffer_unordered(QUESTIONS);
        let found: Vec<Option<(i64, Order)>> = answers.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Returns every fill of a market's account.
    pub async fn fills(&self, market: &Market) -> Result<Vec<Fill>, ChaosError> {
        let mut request = ListFillsRequest {
            account: market.account.to_owned(),
            page_size: PAGE,
            ..ListFillsRequest::default()
        };
        let mut fills = Vec::new();
        loop {
            let answer = self.orders.clone().list_fills(request.clone()).await?;
            let page = answer.into_inner();
            fills.extend(page.fills);
            if page.next_page_token.is_empty() {
                return Ok(fills);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Returns every position of a market's account.
    pub async fn positions(&self, market: &Market) -> Result<Vec<Position>, Status> {
        let request = ListPositionsRequest {
            account: market.account.to_owned(),
            ..ListPositionsRequest::default()
        };
        let answer = self.positions.clone().list_positions(request).await?;
        Ok(answer.into_inner().positions)
    }

    /// Returns the balance of what a market's profit and fees are settled in.
    pub async fn balance(&self, market: &Market) -> Result<Option<Balance>, ChaosError> {
        let request = ListBalancesRequest {
            account: market.account.to_owned(),
            ..ListBalancesRequest::default()
        };
        let answer = self.positions.clone().list_balances(request).await?;
        let mut balances = answer.into_inner().balances.into_iter();
        Ok(balances.find(|it| it.venue == market.venue() && it.asset == market.asset))
    }

    /// Returns what the mesh's own comparison with the venue finds.
    pub async fn differences(&self, market: &Market) -> Result<Vec<Difference>, ChaosError> {
        let request = ReconcileRequest {
            account: market.account.to_owned(),
            venue: market.venue().to_owned(),
            dry_run: true,
        };
        let answer = self.orders.clone().reconcile(request).await?;
        Ok(answer.into_inner().differences)
    }

    async fn until(
        &self,
        what: &'static str,
        within: Duration,
        ask: impl AsyncFn() -> Result<bool, Status>,
    ) -> Result<(), ChaosError> {
        let deadline = Instant::now() + within;
        while !ask().await? {
            if Instant::now() >= deadline {
                return Err(ChaosError::Restless { what, within });
            }
            tokio::time::sleep(ASK_PAUSE).await;
        }
        Ok(())
    }
}
