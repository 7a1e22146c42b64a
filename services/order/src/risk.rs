//! What may be risked. One check against one picture; the picture counts what is in flight or in
//! doubt at its worst, and whoever passes is in the picture before the next one is checked (F57).

use std::collections::VecDeque;
use std::time::Duration;

use chimera_model::instrument::InstrumentKind;
use chimera_model::order::{OrderKind, OrderSpec};
use chimera_model::{Decimal, DecimalError, Instrument, Rounding, Side};
use tokio::time::Instant;

use crate::config::RiskConfig;
use crate::denial::Denial;
use crate::holding::Holding;
use crate::market::Top;
use crate::trading::TradingState;

/// The window in which new orders are counted.
const RATE_WINDOW: Duration = Duration::from_secs(1);

/// Decimals of bounds that are computed from prices; they are shown and compared, never traded.
const BOUND_DECIMALS: u32 = 12;

/// What may be used for new orders, less what is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funds {
    /// How much.
    pub available: Decimal,
    /// In what.
    pub asset: String,
    /// The part of a notional that must be there as margin; all of it on spot.
    pub margin_rate: Decimal,
}

/// Everything an order is judged by.
#[derive(Debug, Clone)]
pub struct Picture<'a> {
    /// The instrument.
    pub instrument: &'a Instrument,
    /// What the account holds of it and what may still come.
    pub holding: Holding,
    /// The best prices, when there are any that may be traded on.
    pub top: Option<Top>,
    /// What may be used; nothing when the venue has not said.
    pub funds: Option<Funds>,
    /// Orders that are not final.
    pub open_orders: usize,
    /// The kill switch.
    pub trading: TradingState,
}

/// What an order would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// Price times quantity.
    pub notional: Decimal,
    /// The net exposure after a full fill, signed.
    pub exposure_after: Decimal,
    /// Whether it can only bring the position closer to flat.
    pub lowers_exposure: bool,
}

/// Why an order may not pass now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Risk says no.
    Denied(Denial),
    /// There is no price to check against; nothing is wrong with the order.
    NoFreshPrice,
    /// The instrument's own rule on notional.
    Rule(chimera_model::RuleViolation),
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

fn unheld(what: &'static str) -> impl Fn(DecimalError) -> Refusal {
    move |_| Refusal::Denied(Denial::NumberOutOfRange { what })
}

/// Returns whether an order can only bring its position closer to flat, whatever of everything on
/// its way on its side fills before or after it.
#[must_use]
pub fn lowers_exposure(spec: &OrderSpec, holding: &Holding) -> bool {
    let after = holding
        .with(spec.side, spec.reduce_only, spec.quantity)
        .and_then(|after| after.beyond_flat(spec.side));
    holding.against(spec.side).is_positive() && after.is_ok_and(|after| !after.is_positive())
}

/// Returns whether an order is a way out: it lowers exposure, or the venue itself lets it do nothing
/// but reduce the position there is.
#[must_use]
pub fn is_way_out(spec: &OrderSpec, holding: &Holding) -> bool {
    let only_reduces = spec.reduce_only && holding.against(spec.side).is_positive();
    only_reduces || lowers_exposure(spec, holding)
}

/// Judges an order.
///
/// # Errors
/// Says why it may not pass.
pub fn assess(
    config: &RiskConfig,
    spec: &OrderSpec,
    picture: &Picture<'_>,
) -> Result<Assessment, Refusal> {
    let lowers = lowers_exposure(spec, &picture.holding);
    let way_out = is_way_out(spec, &picture.holding);
    if !picture.trading.allows(way_out) {
        let state = picture.trading.name();
        return Err(Denial::TradingHalted { state }.into());
    }
    if spec.reduce_only && !way_out {
        let position = picture.holding.position;
        return Err(Denial::ReduceOnly { position }.into());
    }
    if picture.open_orders >= config.open_orders_max && !way_out {
        let limit = config.open_orders_max;
        return Err(Denial::OpenOrderLimit { limit }.into());
    }
    let reference = match picture.top.and_then(|top| reference(spec.side, &top)) {
        Some(reference) => reference,
        // A way out stays open without a price; its own price is all there is to count by (F59).
        None if way_out => spec.price.unwrap_or_default(),
        None => return Err(Refusal::NoFreshPrice),
    };
    if let Some(top) = picture.top {
        collar(config, spec, &top, way_out)?;
    }
    let worst_price = spec.price.unwrap_or(reference).max(reference);
    let price = spec.price.unwrap_or(reference);
    let notional = price
        .checked_mul(spec.quantity)
        .map_err(unheld("notional"))?;
    if price.is_positive() {
        crate::admission::check_notional(picture.instrument, notional, spec.reduce_only)
            .map_err(Refusal::Rule)?;
    }
    let signed = match spec.side {
        Side::Buy => spec.quantity,
        Side::Sell => -spec.quantity,
    };
    let after = picture
        .holding
        .position
        .checked_add(signed)
        .map_err(unheld("position"))?;
    let exposure_after = after.checked_mul(reference).map_err(unheld("exposure"))?;
    if !lowers {
        exposure(config, spec, &picture.holding, worst_price)?;
    }
    if !way_out {
        let worth = worst_price
            .checked_mul(spec.quantity)
            .map_err(unheld("notional"))?;
        margin(config, spec, picture, worth)?;
    }
    Ok(Assessment {
        notional,
        exposure_after,
        lowers_exposure: lowers,
    })
}

/// Returns the price that a quantity is counted by: the one it would be taken at, else the other.
pub(crate) fn reference(side: Side, top: &Top) -> Option<Decimal> {
    top.opposite(side).or(top.touch(side))
}

/// Refuses prices far from the market, and market orders into a market that is not there (H38).
fn collar(config: &RiskConfig, spec: &OrderSpec, top: &Top, lowers: bool) -> Result<(), Refusal> {
    let Some(far) = reference(spec.side, top) else {
        return Ok(());
    };
    let near = top.touch(spec.side).unwrap_or(far);
    let times = |price: Decimal, factor: Result<Decimal, DecimalError>| {
        let bound = factor.and_then(|factor| price.checked_mul(factor));
        bound
            .and_then(|bound| bound.round(BOUND_DECIMALS, Rounding::HalfEven))
            .map_err(unheld("collar"))
    };
    let (above, below) = (
        |by| Decimal::ONE.checked_add(by),
        |by| Decimal::ONE.checked_sub(by),
    );
    let (minimum, maximum) = match spec.side {
        Side::Buy => (
            times(near, below(config.collar_passive))?,
            times(far, above(config.collar))?,
        ),
        Side::Sell => (
            times(far, below(config.collar))?,
            times(near, above(config.collar_passive))?,
        ),
    };
    let price = match (spec.kind, spec.price) {
        (OrderKind::Limit, Some(price)) => price,
        // A market order pays the far touch; measured from the near one it shows a thin market.
        (OrderKind::Market, _) => {
            let (low, high) = (near.min(far), near.max(far));
            let limit = times(low, above(config.collar))?;
            let thin = top.opposite(spec.side).is_none() || high > limit;
            if thin && !lowers {
                return Err(Denial::PriceCollar {
                    price: far,
                    reference: near,
                    minimum,
                    maximum,
                }
                .into());
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    if price < minimum || price > maximum {
        return Err(Denial::PriceCollar {
            price,
            reference: far,
            minimum,
            maximum,
        }
        .into());
    }
    Ok(())
}

/// Refuses what would pass the cap if everything on its way filled on the order's own side.
pub(crate) fn exposure(
    config: &RiskConfig,
    spec: &OrderSpec,
    holding: &Holding,
    price: Decimal,
) -> Result<(), Refusal> {
    let exposure = holding
        .with(spec.side, spec.reduce_only, spec.quantity)
        .and_then(|after| after.beyond_flat(spec.side))
        .and_then(|worst| worst.checked_mul(price))
        .map_err(unheld("exposure"))?;
    if exposure > config.exposure_max {
        let limit = config.exposure_max;
        return Err(Denial::ExposureLimit { exposure, limit }.into());
    }
    Ok(())
}

/// Refuses what cannot be paid for; funds that the venue has not stated are none.
fn margin(
    config: &RiskConfig,
    spec: &OrderSpec,
    picture: &Picture<'_>,
    notional: Decimal,
) -> Result<(), Refusal> {
    let Some(funds) = &picture.funds else {
        return Err(Denial::InsufficientMargin {
            required: notional,
            available: Decimal::ZERO,
            asset: picture.instrument.settle.to_string(),
        }
        .into());
    };
    let spot_sale = picture.instrument.kind == InstrumentKind::Spot && spec.side == Side::Sell;
    let required = if spot_sale {
        spec.quantity
    } else {
        funds
            .margin_rate
            .checked_add(config.fee_rate)
            .and_then(|rate| notional.checked_mul(rate))
            .map_err(unheld("margin"))?
    };
    if required > funds.available {
        return Err(Denial::InsufficientMargin {
            required,
            available: funds.available,
            asset: funds.asset.clone(),
        }
        .into());
    }
    Ok(())
}

/// Counts new orders in a sliding window.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rate {
    passed: VecDeque<Instant>,
}

impl Rate {
    /// Counts an order if the window has room; those that lower exposure have as much room again.
    pub(crate) fn admit(&mut self, limit: u32, lowers_exposure: bool, now: Instant) -> bool {
        while self
            .passed
            .front()
            .is_some_and(|passed| now.saturating_duration_since(*passed) >= RATE_WINDOW)
        {
            self.passed.pop_front();
        }
        let room = if lowers_exposure {
            limit.saturating_mul(2)
        } else {
            limit
        };
        let admitted = self.passed.len() < usize::try_from(room).unwrap_or(usize::MAX);
        if admitted {
            self.passed.push_back(now);
        }
        admitted
    }
}
