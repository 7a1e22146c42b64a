//! I6: no order leaves between the answer to a kill and the wish to trade again, and nothing is open
//! where the mesh ends killed.

use chimera_contracts::order::v1::TradingState;

use super::{Report, open, rows};
use crate::sim::evidence::Seen;
use crate::sim::hosts::ACCOUNT;

/// Holds what left the hosts against what the operator was told.
pub fn kill(seen: &Seen, report: &mut Report) {
    let mut switched = seen.switched.iter().peekable();
    while let Some(kill) = switched.next() {
        let Some(answered) = kill.answered else {
            continue;
        };
        if kill.state != TradingState::Halted {
            continue;
        }
        // The wish alone may open the gate before it is answered.
        let again = switched.peek().map(|next| next.asked);
        for request in seen.wire.0.iter().filter(|request| request.places()) {
            if request.at > answered && again.is_none_or(|again| request.at < again) {
                let at = request.at;
                let what = format!("killed at {answered:?}, {at:?} {:?}", request.parameters);
                report.violate("I6", what);
            }
        }
    }
    let killed = seen
        .switched
        .last()
        .is_some_and(|last| last.state == TradingState::Halted && last.answered.is_some());
    let Some(ledger) = seen.ledger.as_ref().filter(|_| killed) else {
        return;
    };
    for row in rows(ledger, "orders").filter(|row| row["account"] == ACCOUNT && open(row)) {
        report.violate("I6", format!("the mesh is killed, the venue has {row}"));
    }
}
