//! Our words as the contract's.

use std::collections::BTreeMap;
use std::time::Duration;

use chimera_contracts::common::v1 as common;
use chimera_contracts::position::v1 as pb;
use chimera_model::position::PnlTotal;
use chimera_model::{Asset, Decimal, DecimalError, UnixNanos};
use prost_types::Timestamp;

use crate::holdings::{AccountKey, Balance, CheckWord, Holding, Margin};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Returns a position with the age of the newest word behind it.
pub(crate) fn position(
    holding: &Holding,
    staleness: Option<Duration>,
) -> Result<pb::Position, DecimalError> {
    let position = &holding.position;
    let key = position.key();
    let value = position.valuation(holding.mark)?;
    let fees = position.fees().iter();
    Ok(pb::Position {
        account: key.account.to_string(),
        venue: key.venue.to_string(),
        symbol: key.symbol.to_string(),
        quantity: position.quantity().to_string(),
        average_price: text(value.average_price),
        realized_pnl: value.realized_pnl.to_string(),
        unrealized_pnl: text(value.unrealized_pnl),
        mark_price: text(holding.mark),
        notional: text(value.notional),
        fees: fees
            .map(|(asset, amount)| common::Fee {
                asset: asset.to_string(),
                amount: amount.to_string(),
            })
            .collect(),
        settle_asset: position.settle_asset().to_string(),
        venue_quantity: text(holding.venue.map(|word| word.quantity)),
        check: check(holding.check.word()).into(),
        inferred_opening: position.is_inferred(),
        dust: holding.is_dust(),
        venue_time: position.newest_fill().map(timestamp),
        updated_time: holding.updated.map(timestamp),
        seq: holding.seq,
        staleness: staleness.map(duration),
    })
}

fn check(word: CheckWord) -> pb::PositionCheck {
    match word {
        CheckWord::NotCompared => pb::PositionCheck::Unspecified,
        CheckWord::Agrees => pb::PositionCheck::Agrees,
        CheckWord::Settling => pb::PositionCheck::Settling,
        CheckWord::Differs => pb::PositionCheck::Differs,
    }
}

pub(crate) fn balance(key: AccountKey, asset: Asset, balance: &Balance) -> pb::Balance {
    pb::Balance {
        account: key.account.to_string(),
        venue: key.venue.to_string(),
        asset: asset.to_string(),
        total: balance.total.to_string(),
        available: text(balance.available),
        venue_time: balance.said.venue_time.map(timestamp),
        received_time: Some(timestamp(balance.received_time)),
    }
}

pub(crate) fn margin(key: AccountKey, margin: &Margin) -> pb::Margin {
    pb::Margin {
        account: key.account.to_string(),
        venue: key.venue.to_string(),
        asset: margin
            .asset
            .map(|asset| asset.to_string())
            .unwrap_or_default(),
        wallet_balance: margin.wallet_balance.to_string(),
        margin_balance: margin.margin_balance.to_string(),
        available: margin.available.to_string(),
        initial_margin: margin.initial_margin.to_string(),
        maintenance_margin: margin.maintenance_margin.to_string(),
        unrealized_pnl: margin.unrealized_pnl.to_string(),
        venue_time: margin.said.venue_time.map(timestamp),
        received_time: Some(timestamp(margin.received_time)),
    }
}

pub(crate) fn pnl_totals(totals: &BTreeMap<Asset, PnlTotal>) -> Vec<pb::PnlTotal> {
    let totals = totals.iter().map(|(asset, total)| pb::PnlTotal {
        asset: asset.to_string(),
        realized_pnl: total.realized_pnl.to_string(),
        unrealized_pnl: total.unrealized_pnl.to_string(),
        fees: total.fees.to_string(),
        net_pnl: total.net_pnl.to_string(),
        gross_exposure: total.gross_exposure.to_string(),
        net_exposure: total.net_exposure.to_string(),
    });
    totals.collect()
}

pub(crate) fn timestamp(time: UnixNanos) -> Timestamp {
    let nanos = time.as_nanos();
    Timestamp {
        // At most 18,446,744,073 and 999,999,999: both fit.
        seconds: (nanos / NANOS_PER_SECOND) as i64,
        nanos: (nanos % NANOS_PER_SECOND) as i32,
    }
}

pub(crate) fn duration(duration: Duration) -> prost_types::Duration {
    // An age beyond what the message holds is the largest that it holds.
    let most = prost_types::Duration {
        seconds: i64::MAX,
        nanos: 0,
    };
    prost_types::Duration::try_from(duration).unwrap_or(most)
}

fn text(value: Option<Decimal>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
