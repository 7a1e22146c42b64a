//! The venue, tested as bytes in and bytes out.

mod books;
mod client_ids;
mod errors;
mod hostile;
mod orders;
mod recorded;
mod requests;
mod signing;
mod streams;

use std::sync::Arc;

use chimera_model::instrument::{ContractForm, InstrumentKind, InstrumentStatus};
use chimera_model::{Account, Asset, Decimal, Instrument, Symbol, UnixNanos, VenueSymbol};

use super::VENUE;
use crate::tests::answers::{answered, answered_with, headers};
use crate::tests::recorded::folder as recorded_folder;
use crate::tests::{decimal, index};
use crate::{
    AccountContext, ClientIdPrefix, Credentials, InstrumentTable, PrivateAccess, SessionKey,
    VenueAdapter, VenueConfig, adapter,
};

/// The time of the signing vectors.
const NOW_MS: i64 = 1_700_000_000_123;

fn venue() -> Arc<dyn VenueAdapter> {
    adapter(VenueConfig {
        venue: VENUE,
        client_id_prefix: ClientIdPrefix::new("c1").unwrap(),
        endpoints: None,
        aliases: None,
    })
    .unwrap()
}

fn now() -> UnixNanos {
    UnixNanos::from_millis(NOW_MS).unwrap()
}

fn access<'a>(session: &'a SessionKey, credentials: &'a Credentials) -> PrivateAccess<'a> {
    PrivateAccess {
        session: Some(session),
        credentials,
        venue_now: now(),
    }
}

/// An instrument that takes nearly every number.
fn instrument(venue_symbol: &str) -> Instrument {
    let name: String = venue_symbol
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let asset = |text: &str| Asset::new(text).unwrap();
    Instrument {
        venue: VENUE,
        symbol: Symbol::new(&format!("{}-USDT-PERP", name.to_ascii_uppercase())).unwrap(),
        venue_symbol: VenueSymbol::new(venue_symbol).unwrap(),
        kind: InstrumentKind::Perpetual,
        form: ContractForm::Linear,
        base: asset("BASE"),
        quote: asset("USDT"),
        settle: asset("USDT"),
        tick_size: decimal("0.00000001"),
        lot_size: decimal("0.00000001"),
        price_scale: 8,
        quantity_scale: 8,
        min_quantity: Decimal::ZERO,
        max_quantity: decimal("1000000000"),
        market_lot: None,
        min_notional: None,
        price_collar: None,
        min_price: None,
        max_price: None,
        contract_multiplier: Decimal::ONE,
        status: InstrumentStatus::Trading,
        version: 1,
    }
}

fn context<'s>(symbols: impl IntoIterator<Item = &'s str>) -> AccountContext {
    let empty = InstrumentTable::new(venue().aliases().clone());
    AccountContext {
        account: Account::new("main").unwrap(),
        instruments: Arc::new(empty.refreshed(symbols.into_iter().map(instrument))),
    }
}
