//! A client that waits until all is well again, then reads everything.

use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::order::v1 as order;
use chimera_contracts::order::v1::order_service_client::OrderServiceClient;
use chimera_contracts::position::v1 as position;
use chimera_contracts::position::v1::position_service_client::PositionServiceClient;
use chimera_runtime::Channel;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};
use tonic::Status;

use super::audit::{unequal, unsettled};
use super::evidence::Final;
use super::hosts::{ACCOUNT, VENUE};
use super::network::way;
use super::scene::{Phase, Scene};

/// How long after the last fault something may still be in doubt (I10): a request may surface for
/// 7 s, three spaced misses follow, and streams pause up to 5 s before they open anew.
const HEALED_WITHIN: Duration = Duration::from_secs(40);
/// How often it is looked whether all is well.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often the mesh is asked to compare itself with the venue, which costs some sixty of the
/// 2,400 that a minute allows.
const COMPARE_EVERY: Duration = Duration::from_secs(2);
/// How long one reading may take.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// As many as one page may hold.
const PAGE: i32 = 500;

/// Waits for the healing, then reads, then ends.
pub async fn auditor(scene: Arc<Scene>) -> turmoil::Result {
    while scene.phase() < Phase::Healing {
        sleep(LOOK_EVERY).await;
    }
    let mut auditor = Auditor {
        orders: OrderServiceClient::new(way("order")),
        positions: PositionServiceClient::new(way("position")),
    };
    let deadline = Instant::now() + HEALED_WITHIN;
    loop {
        let before = scene.seen(|seen| seen.watched.seq);
        let read = timeout(READ_WITHIN, auditor.read(&scene)).await;
        let read = read.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer")));
        let (last, waiting) = match read {
            Ok(last) => {
                let mut waiting = unsettled(&last, scene.seen(|seen| seen.watched.seq));
                if waiting.is_empty() {
                    // Balances are asked for now and then: they may still be on their way.
                    waiting = unequal(&last, &ledger(&scene).await);
                    let now = scene.seen(|seen| seen.watched.seq);
                    if now != before {
                        waiting.push(format!("changes {before} to {now} came meanwhile"));
                    }
                }
                (Some(last), waiting)
            }
            Err(status) => {
                let what = format!("{:?} {}", status.code(), status.message());
                (None, vec![what])
            }
        };
        let over = waiting.is_empty() || Instant::now() >= deadline;
        if scene.seen(|seen| seen.waiting != waiting) {
            scene.note(|| format!("not settled: {waiting:?}"));
        }
        scene.seen(|seen| {
            seen.waiting = waiting;
            seen.last = last;
        });
        if over {
            break;
        }
        let compared = scene.seen(|seen| {
            let last = seen.last.as_ref();
            last.is_some_and(|last| !last.differences.is_empty())
        });
        sleep(if compared { COMPARE_EVERY } else { LOOK_EVERY }).await;
    }
    scene.note(|| "audit".to_owned());
    scene.enter(Phase::Audit);
    let journal = scene.disk.records();
    scene.seen(|seen| seen.journal = journal);
    scene.steer("GET", "/counters", Value::Null);
    ledger(&scene).await;
    while scene.seen(|seen| seen.counters.is_none()) {
        sleep(LOOK_EVERY).await;
    }
    scene.enter(Phase::Over);
    Ok(())
}

/// Reads the venue's books.
async fn ledger(scene: &Scene) -> Value {
    scene.seen(|seen| seen.ledger = None);
    scene.steer("GET", "/ledger", Value::Null);
    loop {
        sleep(LOOK_EVERY).await;
        if let Some(ledger) = scene.seen(|seen| seen.ledger.clone()) {
            return ledger;
        }
    }
}

struct Auditor {
    orders: OrderServiceClient<Channel>,
    positions: PositionServiceClient<Channel>,
}

impl Auditor {
    async fn read(&mut self, scene: &Scene) -> Result<Final, Status> {
        let trading = self
            .orders
            .get_trading_state(order::GetTradingStateRequest {});
        let acting = scene.seen(|seen| seen.acting.clone());
        if !acting.is_empty() {
            return Err(Status::unavailable(format!("{acting:?} still act")));
        }
        if !trading.await?.into_inner().ready {
            return Err(Status::unavailable("order is not ready"));
        }
        let balances = self
            .positions
            .list_balances(position::ListBalancesRequest::default());
        let mut last = Final {
            balances: balances.await?.into_inner().balances,
            orders: self.list_orders().await?,
            fills: self.list_fills().await?,
            positions: self.list_positions().await?,
            differences: Vec::new(),
        };
        // To compare costs the venue's patience: only what seems settled is compared.
        if unsettled(&last, scene.seen(|seen| seen.watched.seq)).is_empty() {
            last.differences = self.differences().await?;
        }
        Ok(last)
    }

    async fn differences(&mut self) -> Result<Vec<order::Difference>, Status> {
        let request = order::ReconcileRequest {
            account: ACCOUNT.to_owned(),
            venue: VENUE.to_owned(),
            dry_run: true,
        };
        let answer = self.orders.reconcile(request).await?;
        Ok(answer.into_inner().differences)
    }

    async fn list_positions(&mut self) -> Result<Vec<position::Position>, Status> {
        let request = position::ListPositionsRequest::default();
        let answer = self.positions.list_positions(request).await?;
        Ok(answer.into_inner().positions)
    }

    async fn list_orders(&mut self) -> Result<Vec<order::Order>, Status> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = order::ListOrdersRequest {
                page_size: PAGE,
                page_token,
                ..Default::default()
            };
            let page = self.orders.list_orders(request).await?.into_inner();
            all.extend(page.orders);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }

    async fn list_fills(&mut self) -> Result<Vec<order::Fill>, Status> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = order::ListFillsRequest {
                page_size: PAGE,
                page_token,
                ..Default::default()
            };
            let page = self.orders.list_fills(request).await?.into_inner();
            all.extend(page.fills);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }
}
