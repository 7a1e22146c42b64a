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

use std::path::PathBuf;
use std::sync::Arc;

use chimera_model::instrument::{ContractForm, InstrumentKind, InstrumentStatus};
use chimera_model::{
    Account, Asset, ClientOrderIndex, Decimal, Instrument, Symbol, UnixNanos, VenueSymbol,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::VENUE;
use crate::error::VenueError;
use crate::{
    AccountContext, Answer, Call, ClientIdPrefix, InstrumentTable, VenueAdapter, VenueConfig,
    adapter,
};

/// The time of the signing vectors.
const NOW_MS: i64 = 1_700_000_000_123;

/// Where recorded payloads are, or nothing where they are not.
fn recorded_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("CHIMERA_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    if folder.join("venues/binance").is_dir() {
        return Some(folder);
    }
    println!("skipped: no recorded payloads at {}", folder.display());
    None
}

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

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn index(value: i64) -> ClientOrderIndex {
    ClientOrderIndex::new(value).unwrap()
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

fn answered<T>(call: &Call<T>, status: u16, body: impl AsRef<[u8]>) -> Result<T, VenueError> {
    answered_with(call, status, &[], body)
}

fn answered_with<T>(
    call: &Call<T>,
    status: u16,
    fields: &[(&'static str, &'static str)],
    body: impl AsRef<[u8]>,
) -> Result<T, VenueError> {
    call.read(&Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers(fields),
        body: body.as_ref(),
    })
}

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    fields.iter().map(field).collect()
}
