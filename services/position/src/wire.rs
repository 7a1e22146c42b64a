//! The words of the other services as ours. What cannot be read is an error with the field's name.

use chimera_contracts::common::v1 as common;
use chimera_contracts::connector::v1 as connector;
use chimera_contracts::order::v1 as order;
use chimera_model::account::PositionSide;
use chimera_model::report::{Fee, Fill, FillKind, ReportSource};
use chimera_model::{
    Account, Asset, ClientOrderIndex, Decimal, Liquidity, Side, Symbol, TradeId, UnixNanos, Venue,
    VenueOrderId,
};
use prost_types::Timestamp;

use crate::holdings::{AccountKey, Balance, Booking, Dated, Margin, PositionWord};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// A word of another service that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} cannot be read: {why}")]
pub(crate) struct Unreadable {
    pub field: &'static str,
    pub why: String,
}

type Read<T> = Result<T, Unreadable>;

trait Field<T> {
    fn field(self, field: &'static str) -> Read<T>;
}

impl<T, E: std::fmt::Display> Field<T> for Result<T, E> {
    fn field(self, field: &'static str) -> Read<T> {
        self.map_err(|error| Unreadable {
            field,
            why: error.to_string(),
        })
    }
}

fn decimal(field: &'static str, text: &str) -> Read<Decimal> {
    text.parse().field(field)
}

fn optional(field: &'static str, text: &str) -> Read<Option<Decimal>> {
    if text.is_empty() {
        Ok(None)
    } else {
        decimal(field, text).map(Some)
    }
}

fn asset(field: &'static str, text: &str) -> Read<Asset> {
    Asset::new(text).field(field)
}

fn time(field: &'static str, time: Option<Timestamp>) -> Read<Option<UnixNanos>> {
    let Some(Timestamp { seconds, nanos }) = time else {
        return Ok(None);
    };
    let nanos_of = |seconds: i64, nanos: i32| {
        let seconds = u64::try_from(seconds).ok()?.checked_mul(NANOS_PER_SECOND)?;
        seconds.checked_add(u64::try_from(nanos).ok()?)
    };
    match nanos_of(seconds, nanos) {
        Some(nanos) => Ok(Some(UnixNanos::from_nanos(nanos))),
        None => {
            let why = format!("{seconds} s and {nanos} ns are no time after 1970");
            Err(Unreadable { field, why })
        }
    }
}

/// Reads an account at a venue.
pub(crate) fn account_key(account: &str, venue: &str) -> Read<AccountKey> {
    Ok(AccountKey {
        account: Account::new(account).field("account")?,
        venue: Venue::new(venue).field("venue")?,
    })
}

/// Reads a fill that the mesh concluded.
pub(crate) fn booking(fill: &order::Fill) -> Read<Booking> {
    let side = match common::Side::try_from(fill.side) {
        Ok(common::Side::Buy) => Side::Buy,
        Ok(common::Side::Sell) => Side::Sell,
        _ => {
            return Err(Unreadable {
                field: "side",
                why: format!("no side is {}", fill.side),
            });
        }
    };
    let liquidity = match common::Liquidity::try_from(fill.liquidity) {
        Ok(common::Liquidity::Maker) => Some(Liquidity::Maker),
        Ok(common::Liquidity::Taker) => Some(Liquidity::Taker),
        _ => None,
    };
    let AccountKey { account, venue } = account_key(&fill.account, &fill.venue)?;
    let client_order_index = match fill.client_order_index {
        0 => None,
        index => Some(ClientOrderIndex::new(index).field("client_order_index")?),
    };
    let venue_time = time("venue_time", fill.venue_time)?;
    Ok(Booking {
        fill: Fill {
            venue,
            account,
            symbol: Symbol::new(&fill.symbol).field("symbol")?,
            trade_id: TradeId::new(&fill.trade_id).field("trade_id")?,
            venue_order_id: VenueOrderId::new(&fill.venue_order_id).field("venue_order_id")?,
            client_order_id: None,
            client_order_index,
            side,
            position_side: PositionSide::Net,
            price: decimal("price", &fill.price)?,
            quantity: decimal("quantity", &fill.quantity)?,
            fee: fill.fee.as_ref().map(fee).transpose()?,
            liquidity,
            realized_pnl: None,
            venue_time: venue_time.ok_or_else(|| Unreadable {
                field: "venue_time",
                why: "absent".to_owned(),
            })?,
            kind: FillKind::Trade,
            source: ReportSource::Rest,
        },
        inferred: fill.inferred,
    })
}

fn fee(fee: &common::Fee) -> Read<Fee> {
    Ok(Fee {
        asset: asset("fee.asset", &fee.asset)?,
        amount: decimal("fee.amount", &fee.amount)?,
    })
}

/// Reads a venue's word for a position.
pub(crate) fn position_word(report: &connector::PositionReport) -> Read<PositionWord> {
    let entry_price = optional("entry_price", &report.entry_price)?;
    Ok(PositionWord {
        symbol: Symbol::new(&report.symbol).field("symbol")?,
        quantity: decimal("quantity", &report.quantity)?,
        // A flat position is entered at `0`, which is no price.
        entry_price: entry_price.filter(|price| price.is_positive()),
        mark_price: optional("mark_price", &report.mark_price)?,
        venue_time: time("venue_time", report.venue_time)?,
    })
}

/// Reads a venue's word for a balance.
pub(crate) fn balance(
    report: &connector::BalanceReport,
    date: impl Fn(Option<UnixNanos>) -> Dated,
) -> Read<(Asset, Balance)> {
    let said = date(time("venue_time", report.venue_time)?);
    let balance = Balance {
        total: decimal("total", &report.total)?,
        available: optional("available", &report.available)?,
        received_time: time("received_time", report.received_time)?.unwrap_or(said.heard.unix),
        said,
    };
    Ok((asset("asset", &report.asset)?, balance))
}

/// Reads a venue's word for the margin of an account.
pub(crate) fn margin(
    report: &connector::MarginReport,
    date: impl Fn(Option<UnixNanos>) -> Dated,
) -> Read<Margin> {
    let said = date(time("venue_time", report.venue_time)?);
    let asset = match report.asset.as_str() {
        "" => None,
        text => Some(asset("asset", text)?),
    };
    Ok(Margin {
        asset,
        wallet_balance: decimal("wallet_balance", &report.wallet_balance)?,
        margin_balance: decimal("margin_balance", &report.margin_balance)?,
        available: decimal("available", &report.available)?,
        initial_margin: decimal("initial_margin", &report.initial_margin)?,
        maintenance_margin: decimal("maintenance_margin", &report.maintenance_margin)?,
        unrealized_pnl: decimal("unrealized_pnl", &report.unrealized_pnl)?,
        received_time: time("received_time", report.received_time)?.unwrap_or(said.heard.unix),
        said,
    })
}

/// Reads the least quantity of an instrument's orders.
pub(crate) fn min_quantity(instrument: &common::Instrument) -> Read<Decimal> {
    decimal("min_quantity", &instrument.min_quantity)
}
