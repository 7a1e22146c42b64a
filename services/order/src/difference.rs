//! One difference between this mesh and a venue, with an id that is a function of it (F124).

use chimera_model::report::{Fill, OrderReport};
use chimera_model::{Asset, Decimal, Symbol};
use sha2::{Digest, Sha256};

use crate::key::OrderKey;

/// Hexadecimal digits of a difference's id: 64 bits, far beyond what one comparison finds.
const ID_BYTES: usize = 8;

/// What a difference is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DifferenceKind {
    /// The venue has an order that this mesh has not.
    OrderMissingHere,
    /// This mesh has an open order that the venue does not show.
    OrderMissingThere,
    /// The filled quantity or state of an order differs.
    OrderState,
    /// The venue has a fill that this mesh has not.
    FillMissingHere,
    /// The position by fills differs from the venue's.
    Position,
    /// This mesh has booked a fill that the venue leaves out between others that it shows.
    FillMissingThere,
    /// The price of an order or of a fill differs.
    Price,
    /// The quantity of a fill differs.
    Quantity,
    /// The fee of a fill differs.
    Fee,
    /// The balance as the account's stream told it differs from the venue's answer.
    Balance,
}

impl DifferenceKind {
    const fn name(self) -> &'static str {
        match self {
            Self::OrderMissingHere => "ORDER_MISSING_HERE",
            Self::OrderMissingThere => "ORDER_MISSING_THERE",
            Self::OrderState => "ORDER_STATE",
            Self::FillMissingHere => "FILL_MISSING_HERE",
            Self::Position => "POSITION",
            Self::FillMissingThere => "FILL_MISSING_THERE",
            Self::Price => "PRICE",
            Self::Quantity => "QUANTITY",
            Self::Fee => "FEE",
            Self::Balance => "BALANCE",
        }
    }
}

/// One difference between this mesh and the venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The same for the same difference on every run.
    pub id: String,
    /// What it is about.
    pub kind: DifferenceKind,
    /// The order, when it is about one.
    pub order: Option<OrderKey>,
    /// The venue's order id, where known.
    pub venue_order_id: String,
    /// The instrument; nothing when it is about a balance.
    pub symbol: Option<Symbol>,
    /// The asset, when it is about a balance.
    pub asset: Option<Asset>,
    /// What this mesh holds.
    pub here: String,
    /// What the venue states.
    pub there: String,
    /// What repairs this mesh's records.
    pub repair: Repair,
    /// Whether it was repaired.
    pub applied: bool,
}

/// What repairs this mesh's records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Weigh what the venue states of an order.
    Weigh(Box<OrderReport>),
    /// Book a fill.
    Book(Box<Fill>),
    /// Ask for the order until its end is known.
    Ask,
    /// Adjust the position by so much.
    Adjust(Decimal),
    /// Take in the venue's statement of a balance.
    TakeIn,
    /// Nothing that could be done by itself.
    Leave,
}

impl Repair {
    /// Returns it in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Weigh(_) => "take in the venue's statement".to_owned(),
            Self::Book(_) => "book the fill".to_owned(),
            Self::Ask => "ask for the order until its end is known".to_owned(),
            Self::Adjust(change) => format!("adjust the position by {change}"),
            Self::TakeIn => "take in the venue's balance".to_owned(),
            Self::Leave => "none by itself: an operator decides".to_owned(),
        }
    }
}

pub(crate) fn difference(
    kind: DifferenceKind,
    order: Option<OrderKey>,
    venue_order_id: &str,
    symbol: Symbol,
    (here, there): (String, String),
    repair: Repair,
) -> Difference {
    let name = order.as_ref().map(OrderKey::text).unwrap_or_default();
    let id = identify(&[
        kind.name(),
        &name,
        venue_order_id,
        symbol.as_str(),
        &here,
        &there,
    ]);
    Difference {
        id,
        kind,
        order,
        venue_order_id: venue_order_id.to_owned(),
        symbol: Some(symbol),
        asset: None,
        here,
        there,
        repair,
        applied: false,
    }
}

/// Returns an id that is a function of its parts.
pub(crate) fn identify(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = hasher.finalize();
    digest[..ID_BYTES]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Returns the difference of a balance.
pub(crate) fn balance(asset: Asset, (here, there): (Decimal, Decimal)) -> Difference {
    let kind = DifferenceKind::Balance;
    let (here, there) = (here.to_string(), there.to_string());
    Difference {
        id: identify(&[kind.name(), asset.as_str(), &here, &there]),
        kind,
        order: None,
        venue_order_id: String::new(),
        symbol: None,
        asset: Some(asset),
        here,
        there,
        repair: Repair::TakeIn,
        applied: false,
    }
}
