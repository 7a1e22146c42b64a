//! The venue, tested as bytes in and bytes out.

mod client_ids;
mod errors;
mod fills;
mod hostile;
mod markets;
mod orders;
mod recorded;
mod requests;
mod signing;
mod streams;

use std::sync::Arc;

use chimera_model::instrument::{ContractForm, InstrumentKind, InstrumentStatus};
use chimera_model::{Account, Asset, Decimal, Instrument, Symbol, UnixNanos, VenueSymbol};

use super::{Backpack, VENUE};
use crate::tests::answers::answered;
use crate::tests::recorded::folder as recorded_folder;
use crate::tests::{decimal, index};
use crate::{
    AccountContext, ClientIdPrefix, Credentials, InstrumentTable, VenueAdapter, VenueConfig,
};

/// The time of the signing vectors.
const NOW_MS: i64 = 1_700_000_000_123;

/// A pair that anybody may know: the seed counts from 0 to 31.
const KEY: &str = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
const SEED: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const PERP: &str = "SOL_USDC_PERP";

fn venue() -> Backpack {
    Backpack::new(VenueConfig {
        venue: VENUE,
        client_id_prefix: ClientIdPrefix::new("c1").unwrap(),
        endpoints: None,
        aliases: None,
    })
    .unwrap()
}

fn credentials() -> Credentials {
    Credentials::new(KEY, SEED)
}

fn now() -> UnixNanos {
    UnixNanos::from_millis(NOW_MS).unwrap()
}

/// An instrument that takes nearly every number; its kind stands in its name.
fn instrument(venue_symbol: &str) -> Instrument {
    let mut parts = venue_symbol.split('_');
    let asset = |text: Option<&str>| Asset::new(text.unwrap()).unwrap();
    let (base, quote) = (asset(parts.next()), asset(parts.next()));
    let (kind, symbol) = match parts.next() {
        Some("PERP") => (InstrumentKind::Perpetual, Symbol::perpetual(&base, &quote)),
        None => (InstrumentKind::Spot, Symbol::spot(&base, &quote)),
        Some(other) => panic!("no expectation for {other}"),
    };
    Instrument {
        venue: VENUE,
        symbol: symbol.unwrap(),
        venue_symbol: VenueSymbol::new(venue_symbol).unwrap(),
        kind,
        form: ContractForm::Linear,
        base,
        quote,
        settle: quote,
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
