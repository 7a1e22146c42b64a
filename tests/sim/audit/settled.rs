//! I10: a bounded time after the last fault nothing is in doubt, and everybody who follows has
//! caught up.

use chimera_contracts::common::v1::OrderType;
use chimera_contracts::order::v1::OrderState;
use chimera_contracts::position::v1::PositionCheck;

use crate::sim::evidence::Final;

/// Returns what is not yet as it must be, of what the mesh says and of a watcher's last sequence.
pub fn unsettled(last: &Final, watched_seq: u64) -> Vec<String> {
    let mut unsettled = Vec::new();
    for order in &last.orders {
        let works = order.r#type() == OrderType::TrackingLimit && order.state() == OrderState::Open;
        let doubtful = matches!(
            order.state(),
            OrderState::Submitting | OrderState::Unknown | OrderState::PendingCancel
        );
        if works || doubtful {
            let (index, state) = (order.client_order_index, order.state().as_str_name());
            unsettled.push(format!("order {index} is {state}"));
        }
    }
    let newest = last.orders.iter().map(|it| it.seq).max().unwrap_or(0);
    if watched_seq < newest {
        unsettled.push(format!("the watcher is at {watched_seq} of {newest}"));
    }
    for position in &last.positions {
        if position.check() != PositionCheck::Agrees {
            let (symbol, check) = (&position.symbol, position.check().as_str_name());
            unsettled.push(format!("position of {symbol} is {check}"));
        }
    }
    let differences = last.differences.iter();
    unsettled.extend(differences.map(|difference| format!("{difference:?}")));
    unsettled
}
