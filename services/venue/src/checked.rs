//! Values of every venue, refused where they make no sense.

use chimera_model::book::Level;
use chimera_model::market::PriceLevel;
use chimera_model::report::Unmapped;
use chimera_model::{Asset, Decimal, Instrument, Side, VenueSymbol};

use crate::error::{ErrorClass, VenueError};
use crate::levels::RawLevels;
use crate::wire_value::{Number, some};

/// Returns the side that took: when the buyer made, the seller took.
pub(crate) const fn taker_side(buyer_is_maker: bool) -> Side {
    if buyer_is_maker {
        Side::Sell
    } else {
        Side::Buy
    }
}

/// Returns a level, unless price or quantity is zero: no price (F75).
pub(crate) fn level(price: Number, quantity: Number) -> Result<Option<PriceLevel>, VenueError> {
    let (price, quantity) = (not_negative(price.0)?, not_negative(quantity.0)?);
    let level = PriceLevel { price, quantity };
    Ok((price.is_positive() && quantity.is_positive()).then_some(level))
}

/// Reads one side of a whole book.
pub(crate) fn levels(
    text: &str,
    instrument: &Instrument,
    limit: usize,
) -> Result<Vec<Level>, VenueError> {
    let mut levels = Vec::with_capacity(limit);
    RawLevels(text).read_into(instrument, &mut levels)?;
    Ok(levels)
}

/// Refuses what cannot be a price or quantity (F96).
pub(crate) fn not_negative(value: Decimal) -> Result<Decimal, VenueError> {
    if value.is_negative() {
        return Err(VenueError::unreadable(format!("{value} is below zero")));
    }
    Ok(value)
}

/// Refuses what cannot be a price or quantity of a trade (F96, H55).
pub(crate) fn positive(value: Decimal) -> Result<Decimal, VenueError> {
    if !value.is_positive() {
        return Err(VenueError::unreadable(format!("{value} is not above zero")));
    }
    Ok(value)
}

/// Returns a price, unless it is zero: no price (F75).
pub(crate) fn price(number: Number) -> Result<Option<Decimal>, VenueError> {
    not_negative(number.0)?;
    Ok(some(number))
}

/// Refuses an answer about another instrument than was asked about.
pub(crate) fn same_symbol(symbol: &str, instrument: &Instrument) -> Result<(), VenueError> {
    if symbol == instrument.venue_symbol.as_str() {
        return Ok(());
    }
    let asked = &instrument.venue_symbol;
    Err(VenueError::unreadable(format!(
        "the answer is about {symbol:?}, asked was {asked}"
    )))
}

/// Returns an asset; one that has no name of ours is unmapped, and hides no other (F70).
pub(crate) fn asset(text: &str) -> Result<Asset, VenueError> {
    Asset::new(text).map_err(|error| VenueError::new(ErrorClass::Unmapped, error.to_string()))
}

/// Decimals of a step; a decimal has at most 28.
pub(crate) fn scale(step: Decimal) -> u8 {
    u8::try_from(step.scale()).unwrap_or(u8::MAX)
}

/// Returns the note of a fee that no asset of ours can hold; the fill itself stands (F70).
pub(crate) fn unmapped_fee(asset: &str) -> Result<Option<Unmapped>, VenueError> {
    if asset.is_empty() || Asset::new(asset).is_ok() {
        return Ok(None);
    }
    Ok(Some(Unmapped {
        venue_symbol: VenueSymbol::new(asset)?,
        what: "fee".to_owned(),
    }))
}

/// Returns the note of something about an unknown instrument or asset, if that is what went wrong.
pub(crate) fn unmapped(name: &str, what: &str, error: VenueError) -> Result<Unmapped, VenueError> {
    if error.class != ErrorClass::Unmapped {
        return Err(error);
    }
    Ok(Unmapped {
        venue_symbol: VenueSymbol::new(name)?,
        what: what.to_owned(),
    })
}
