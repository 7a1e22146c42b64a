//! Our index to their client order id and back: `PREFIX-INDEX`, e.g. `c1-42`.
//!
//! Venue's rule: `^[\.A-Z\:/a-z0-9_-]{1,36}$`, unique among open orders.
//! Page `trade/rest-api`

use chimera_model::report::{FillKind, OrderOrigin};
use chimera_model::{ClientOrderId, ClientOrderIndex};

use crate::client_id::ClientIdPrefix;

/// What orders begin with that the venue makes itself (F55).
/// Page `user-data-streams/Event-Order-Update`
const OWN_ORDERS: [(&str, OrderOrigin); 3] = [
    ("autoclose-", OrderOrigin::Liquidation),
    ("adl_autoclose", OrderOrigin::AutoDeleveraging),
    ("settlement_autoclose-", OrderOrigin::Settlement),
];

/// Returns the client id of an index. One to one: the index is written without leading zeros.
pub(super) fn encode(prefix: &ClientIdPrefix, index: ClientOrderIndex) -> ClientOrderId {
    ClientOrderId::new(&format!("{}-{index}", prefix.as_str()))
        .expect("invariant: prefix, hyphen and digits are printable and at most 27 bytes")
}

/// Returns the index of a client id, if this instance made it.
pub(super) fn decode(prefix: &ClientIdPrefix, id: &str) -> Option<ClientOrderIndex> {
    id.strip_prefix(prefix.as_str())?
        .strip_prefix('-')?
        .parse()
        .ok()
}

/// Returns who made the order of a client id.
pub(super) fn origin(prefix: &ClientIdPrefix, id: &str) -> OrderOrigin {
    if let Some((_, origin)) = OWN_ORDERS.iter().find(|(start, _)| id.starts_with(start)) {
        return *origin;
    }
    match decode(prefix, id) {
        Some(_) => OrderOrigin::Ours,
        None => OrderOrigin::External,
    }
}

/// Returns what kind of fill an order of this origin has.
pub(super) const fn fill_kind(origin: OrderOrigin) -> FillKind {
    match origin {
        OrderOrigin::Ours | OrderOrigin::External => FillKind::Trade,
        OrderOrigin::Liquidation => FillKind::Liquidation,
        OrderOrigin::AutoDeleveraging => FillKind::AutoDeleveraging,
        OrderOrigin::Settlement => FillKind::Settlement,
    }
}
