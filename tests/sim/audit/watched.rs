//! I8: whoever watched saw every change once and in order, also across lost streams and crashes, and
//! holds in the end what the lists say.

use std::collections::BTreeMap;

use chimera_contracts::order::v1::Fill;

use super::Report;
use crate::sim::evidence::Seen;

/// Holds what a watcher put together against the lists. Gaps were told when they were seen.
pub fn watched(seen: &Seen, report: &mut Report) {
    let (watched, Some(last)) = (&seen.watched, &seen.last) else {
        return;
    };
    if watched.begun == 0 {
        return report.violate("I8", "the watcher never got a snapshot");
    }
    for order in &last.orders {
        // Older ones had ended when the snapshot was taken.
        if order.seq <= watched.snapshot_seq {
            continue;
        }
        let index = order.client_order_index;
        match watched.orders.get(&index) {
            Some(shown) if shown == order => {}
            Some(shown) => {
                let what = format!("order {index} was watched as {shown:?}, is {order:?}");
                report.violate("I8", what);
            }
            None => report.violate("I8", format!("order {index} was never watched")),
        }
    }
    let mut listed: BTreeMap<(i64, &str), u32> = BTreeMap::new();
    let since = |fill: &&Fill| fill.seq > watched.snapshot_seq;
    for fill in last.fills.iter().filter(since) {
        // An inferred one may be stated again: each statement is a change of its own.
        let key = (fill.client_order_index, fill.trade_id.as_str());
        *listed.entry(key).or_default() += 1;
    }
    for ((index, trade), listed) in listed {
        let told = watched.fills.get(&(index, trade.to_owned()));
        let told = told.copied().unwrap_or(0);
        if told != listed {
            let what = format!("fill {trade} was watched {told} times, is listed {listed}");
            report.violate("I8", what);
        }
    }
}
