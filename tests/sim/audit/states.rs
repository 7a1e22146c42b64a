//! I4: every order goes where an order may go, and stands where its records leave it.

use chimera_contracts::order::v1::OrderState as Shown;
use chimera_model::ClientOrderIndex;
use chimera_model::order::OrderState as State;
use chimera_order::Body;
use rust_decimal::Decimal;

use super::Report;
use crate::sim::evidence::{Seen, exact};
use crate::sim::journal::{self, Story, Told};

/// I2: one child of a tracking limit lives at most.
fn alone(story: &Story, parent: ClientOrderIndex, report: &mut Report) {
    let children = story.children(parent);
    let alive = children.filter(|told| !told.state.is_final()).count();
    if alive > 1 {
        report.violate("I2", format!("{alive} children of {parent} live at once"));
    }
}

/// Reads the journal from its first record.
pub fn states(seen: &Seen, report: &mut Report) {
    let rows = match journal::read(&seen.journal) {
        Ok(rows) => rows,
        Err(unreadable) => return report.violate("I4", unreadable),
    };
    let mut story = Story::default();
    for row in &rows {
        if let Some(wrong) = story.take(row) {
            report.violate("I4", wrong);
        }
        if let Body::Intent(intent) = &row.logged.body
            && let Some(parent) = intent.spec.parent
        {
            alone(&story, parent, report);
        }
    }
    for (index, asked) in &story.parents {
        let filled: Decimal = story.children(*index).map(Told::filled).sum();
        if filled > *asked {
            let what = format!("children of {index} filled {filled} of {asked}");
            report.violate("I2", what);
        }
    }
    let Some(last) = &seen.last else { return };
    for (key, told) in &story.orders {
        let Some(index) = key.index().map(|index| i64::from(index.get())) else {
            continue;
        };
        let order = last.orders.iter().find(|it| it.client_order_index == index);
        let Some(order) = order else {
            report.violate(
                "I4",
                format!("order {index} is in the journal and not listed"),
            );
            continue;
        };
        let filled = exact(&order.filled_quantity);
        if order.state() != shown(told.state) || filled != told.filled() {
            let (state, filled) = (order.state().as_str_name(), &order.filled_quantity);
            let (told, much) = (told.state, told.filled());
            let what =
                format!("order {index} is {state} {filled}, its records say {told:?} {much}");
            report.violate("I4", what);
        }
    }
}

fn shown(state: State) -> Shown {
    match state {
        State::Denied => Shown::Denied,
        State::Submitting => Shown::Submitting,
        State::Unknown => Shown::Unknown,
        State::Open => Shown::Open,
        State::PartiallyFilled => Shown::PartiallyFilled,
        State::PendingCancel => Shown::PendingCancel,
        State::Filled => Shown::Filled,
        State::Cancelled => Shown::Cancelled,
        State::Rejected => Shown::Rejected,
        State::Expired => Shown::Expired,
    }
}
