//! What must hold when the faults have healed: this mesh against the venue's own ledger.

use std::collections::{BTreeMap, BTreeSet};

use chimera_contracts::connector::v1 as wire;
use chimera_contracts::order::v1 as pb;
use pb::OrderState as S;

use super::{EXPOSURE_MAX, Storm};
use crate::standing::tests::counts_hold;
use crate::tests::mesh::Mesh;
use crate::tests::venue::{VenueOrder, quantity};

impl Storm {
    pub(super) async fn audit(&mut self) {
        self.audit_differences().await;
        self.audit_orders().await;
        self.audit_fills().await;
        self.audit_parents().await;
        if !self.strangers {
            // The best ask is 100.01, the best bid 99.99; a lot is a tenth of a unit.
            let (seed, worst) = (self.seed, self.venue().with(|state| state.worst_lots));
            assert!(
                worst * 9_999 <= EXPOSURE_MAX * 1_000,
                "seed {seed}: {worst} lots"
            );
        }
        let records = self.mesh().store.records();
        assert!(counts_hold(&records) > 0, "seed {}", self.seed);
        self.audit_replay().await;
    }

    /// The service itself finds nothing that differs; if it does, both ledgers are printed.
    async fn audit_differences(&self) {
        let differences = self.mesh().reconcile(true).await;
        if !differences.is_empty() {
            for fill in self.venue().with(|state| state.fills.clone()) {
                println!("venue: {fill:?}");
            }
            for fill in self.mesh().fills().await {
                println!("mesh: {fill:?}");
            }
        }
        assert_eq!(differences, [], "seed {}", self.seed);
    }

    async fn audit_orders(&self) {
        let seed = self.seed;
        let mut seen = BTreeSet::new();
        let orders = self.venue().with(|state| state.orders.clone());
        for order in orders.iter().filter(|order| order.index > 0) {
            let name = format!("seed {seed} order {}", order.index);
            assert!(seen.insert(order.index), "{name}: two at the venue");
            let ours = self.mesh().get(order.index).await;
            assert_eq!(ours.filled_quantity, quantity(order.filled), "{name}");
            // What is all filled counts as filled, though the venue cancelled it before the last of
            // it.
            let all_filled = ours.state() == S::Filled && order.filled >= order.lots;
            assert!(
                all_filled || ours.state() == state_of(order),
                "{name}: {ours:?}"
            );
            assert_eq!(ours.venue_order_id, order.id, "{name}");
        }
        for index in self.placed.keys().filter(|index| !seen.contains(index)) {
            if let Some(order) = self.order(*index).await {
                let parent = order.tracking_progress.is_some();
                let absent = [S::Denied, S::Rejected].contains(&order.state());
                assert!(
                    parent || absent,
                    "seed {seed}: {order:?} is not at the venue"
                );
            }
        }
    }

    /// Returns an order; nothing when it was never admitted.
    async fn order(&self, index: i64) -> Option<pb::Order> {
        let request = pb::GetOrderRequest {
            account: "main".into(),
            client_order_index: index,
        };
        let found = self.mesh().client().get_order(request).await;
        found.ok().and_then(|found| found.into_inner().order)
    }

    /// Every trade of the venue is booked once, and nothing else is.
    async fn audit_fills(&self) {
        let mut booked: BTreeMap<(String, String), String> = BTreeMap::new();
        let mut request = pb::ListFillsRequest {
            page_size: 1_000,
            ..Default::default()
        };
        loop {
            let page = self
                .mesh()
                .client()
                .list_fills(request.clone())
                .await
                .unwrap()
                .into_inner();
            for fill in page.fills {
                let key = (fill.venue_order_id, fill.trade_id);
                let again = booked.insert(key, fill.quantity).is_some();
                assert!(
                    !again || fill.inferred,
                    "seed {}: a fill is booked twice",
                    self.seed
                );
            }
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        booked.retain(|_, quantity| quantity != "0");
        let true_fills = self.venue().with(|state| state.fills.clone());
        let truth: BTreeMap<(String, String), String> = true_fills
            .into_iter()
            .map(|fill| ((fill.venue_order_id, fill.trade_id), fill.quantity))
            .collect();
        assert_eq!(booked, truth, "seed {}", self.seed);
    }

    async fn audit_parents(&self) {
        let orders = self.venue().with(|state| state.orders.clone());
        for (index, request) in &self.placed {
            if request.tracking_limit.is_none() {
                continue;
            }
            let Some(parent) = self.order(*index).await else {
                continue;
            };
            let Some(progress) = parent.tracking_progress.clone() else {
                continue;
            };
            let name = format!("seed {} parent {index}: {parent:?}", self.seed);
            assert!(state_is_final(parent.state()), "{name}");
            let children: BTreeSet<i64> = progress
                .children
                .iter()
                .map(|child| child.client_order_index)
                .collect();
            let mine = orders
                .iter()
                .filter(|order| children.contains(&order.index));
            let filled: i64 = mine.clone().map(|order| order.filled).sum();
            assert_eq!(parent.filled_quantity, quantity(filled), "{name}");
            assert!(mine.clone().all(|order| !order.is_open()), "{name}");
        }
    }

    /// A restart makes the same of the journal.
    async fn audit_replay(&mut self) {
        async fn all(mesh: &Mesh) -> Vec<pb::Order> {
            let request = pb::ListOrdersRequest {
                page_size: 1_000,
                ..Default::default()
            };
            mesh.client()
                .list_orders(request)
                .await
                .unwrap()
                .into_inner()
                .orders
        }
        let before = all(self.mesh()).await;
        let mesh = self.mesh.take().unwrap().crash().await;
        let after = all(&mesh).await;
        let known: BTreeMap<_, _> = before
            .iter()
            .map(|order| {
                (
                    (order.client_order_index, order.venue_order_id.clone()),
                    order,
                )
            })
            .collect();
        for order in &after {
            let name = (order.client_order_index, order.venue_order_id.clone());
            if let Some(before) = known.get(&name) {
                assert_eq!(*before, order, "seed {}", self.seed);
            }
        }
        self.mesh = Some(mesh);
    }
}

fn state_of(order: &VenueOrder) -> S {
    match order.status {
        wire::ReportedStatus::New => S::Open,
        wire::ReportedStatus::PartiallyFilled => S::PartiallyFilled,
        wire::ReportedStatus::Filled => S::Filled,
        wire::ReportedStatus::Cancelled => S::Cancelled,
        wire::ReportedStatus::Expired => S::Expired,
        _ => S::Rejected,
    }
}

fn state_is_final(state: S) -> bool {
    [S::Denied, S::Filled, S::Cancelled, S::Rejected, S::Expired].contains(&state)
}
