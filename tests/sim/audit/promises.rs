//! I3: what was acknowledged is kept.

use std::collections::BTreeMap;

use chimera_contracts::order::v1::{Order, OrderState, PlaceOrderRequest};
use serde_json::Value;

use super::{Report, same};
use crate::sim::evidence::{Final, Seen, exact};

/// I3: what was acknowledged is still there, with the terms that were asked for; what was refused
/// for good never traded.
pub fn promises(seen: &Seen, last: &Final, report: &mut Report) {
    let ours: BTreeMap<i64, &Order> = last
        .orders
        .iter()
        .map(|order| (order.client_order_index, order))
        .collect();
    for (index, placed) in seen.placed.iter().filter(|(_, it)| !it.taken) {
        let order = ours.get(index);
        let asked = &placed.request;
        match order {
            None if placed.acknowledged.is_some() => {
                report.violate("I3", format!("order {index} was acknowledged and is gone"));
            }
            // A request that was lost on the way; a child of a tracking limit took its index.
            Some(order) if order.parent_client_order_index > 0 && placed.acknowledged.is_none() => {
            }
            Some(order) if !as_asked(order, asked) => {
                report.violate(
                    "I3",
                    format!("order {index} was {asked:?} and is {order:?}"),
                );
            }
            Some(order) if placed.refused_for_good && order.state() != OrderState::Denied => {
                let state = order.state().as_str_name();
                report.violate("I3", format!("order {index} was refused and is {state}"));
            }
            _ => {}
        }
    }
}

/// Returns whether the venue made an order smaller that may only reduce (F53).
fn shrunk(order: &Order, asked: &PlaceOrderRequest) -> bool {
    asked.reduce_only && exact(&order.quantity) < exact(&asked.quantity)
}

fn as_asked(order: &Order, asked: &PlaceOrderRequest) -> bool {
    order.side() == asked.side()
        && order.r#type() == asked.r#type()
        && (same(&order.quantity, &Value::from(asked.quantity.as_str())) || shrunk(order, asked))
        && (asked.price.is_empty() || same(&order.price, &Value::from(asked.price.as_str())))
}
