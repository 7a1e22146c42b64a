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

use super::{
    error::ChaosError,
    venue::{ACCOUNT, VENUE},
};

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
    pub async fn close_all(&self, within: Duration) -> Result<(), ChaosError> {
        self.until("orders are still open", within, async || {
            let asked = GetTradingStateRequest {};
            let answer = self.orders.clone().get_trading_state(asked).await?;
            if answer.into_inner().open_orders == 0 {
                return Ok(true);
            }
            let request = CancelAllOrdersRequest {
                account: ACCOUNT.to_owned(),
                ..CancelAllOrdersRequest::default()
            };
            self.orders.clone().cancel_all_orders(request).await?;
            Ok(false)
        })
        .await
    }

    /// Waits until every position agrees with the venue's word.
    pub async fn agreed(&self, within: Duration) -> Result<(), ChaosError> {
        self.until("positions still differ", within, async || {
            let positions = self.positions().await?;
            let agrees = |it: &Position| it.check() == PositionCheck::Agrees;
            Ok(positions.iter().all(agrees))
        })
        .await
    }

    /// Returns the orders of some indices; those that the mesh does not know are left out.
    pub async fn orders(&self, indices: BTreeSet<i64>) -> Result<BTreeMap<i64, Order>, ChaosError> {
        let ask = |index: i64| {
            let mut orders = self.orders.clone();
            async move {
                let request = GetOrderRequest {
                    account: ACCOUNT.to_owned(),
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

    /// Returns every fill.
    pub async fn fills(&self) -> Result<Vec<Fill>, ChaosError> {
        let mut request = ListFillsRequest {
            account: ACCOUNT.to_owned(),
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

    /// Returns every position.
    pub async fn positions(&self) -> Result<Vec<Position>, Status> {
        let request = ListPositionsRequest {
            account: ACCOUNT.to_owned(),
            ..ListPositionsRequest::default()
        };
        let answer = self.positions.clone().list_positions(request).await?;
        Ok(answer.into_inner().positions)
    }

    /// Returns every balance.
    pub async fn balances(&self) -> Result<Vec<Balance>, ChaosError> {
        let request = ListBalancesRequest {
            account: ACCOUNT.to_owned(),
            ..ListBalancesRequest::default()
        };
        let answer = self.positions.clone().list_balances(request).await?;
        Ok(answer.into_inner().balances)
    }

    /// Returns what the mesh's own comparison with the venue finds.
    pub async fn differences(&self) -> Result<Vec<Difference>, ChaosError> {
        let request = ReconcileRequest {
            account: ACCOUNT.to_owned(),
            venue: VENUE.name().to_owned(),
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
