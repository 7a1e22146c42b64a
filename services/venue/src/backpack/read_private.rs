//! Frames of the private streams.

use chimera_model::report::AccountEvent;

use super::map_order::Mapper;
use super::read_public::{Opened, open};
use super::{wire_account, wire_order};
use crate::checked::{unmapped, unmapped_fee};
use crate::error::{VenueError, printable};

/// Reads a frame. What names an unknown instrument becomes an event that says so; only a frame
/// that cannot be read at all is an error.
pub(super) fn read(mapper: &Mapper, frame: &[u8]) -> Result<Vec<AccountEvent>, VenueError> {
    let (stream, kind, text) = match open(frame)? {
        Opened::Event { stream, kind, text } => (stream, kind, text),
        // All that is ever asked for on this connection is the account: a refusal, e.g. of the
        // signature, leaves it silent for ever.
        Opened::Refused { .. } => return Ok(vec![AccountEvent::SessionExpired]),
        Opened::Nameless => return Ok(Vec::new()),
    };
    match (stream, kind) {
        (
            _,
            "orderAccepted" | "orderCancelled" | "orderExpired" | "orderFill" | "orderModified"
            | "triggerPlaced" | "triggerFailed",
        ) => order(mapper, &serde_json::from_str(text)?),
        (_, "positionAdjusted" | "positionOpened" | "positionClosed") => {
            position(mapper, &serde_json::from_str(text)?)
        }
        // What is open when the stream begins bears no name.
        (stream, "") if stream.starts_with("account.positionUpdate") => {
            position(mapper, &serde_json::from_str(text)?)
        }
        (_, kind) => Ok(vec![AccountEvent::Ignored {
            kind: printable(kind),
        }]),
    }
}

fn order(
    mapper: &Mapper,
    frame: &wire_order::OrderFrame<'_>,
) -> Result<Vec<AccountEvent>, VenueError> {
    let mut events = vec![match mapper.order_event(frame) {
        Ok(report) => AccountEvent::Order(Box::new(report)),
        Err(error) => AccountEvent::Unmapped(unmapped(&frame.symbol, "order", error)?),
    }];
    let fee = frame.fee_symbol.as_deref().map(unmapped_fee).transpose()?;
    events.extend(fee.flatten().map(AccountEvent::Unmapped));
    Ok(events)
}

fn position(
    mapper: &Mapper,
    frame: &wire_account::PositionFrame<'_>,
) -> Result<Vec<AccountEvent>, VenueError> {
    Ok(vec![match mapper.position_event(frame) {
        Ok(report) => AccountEvent::Position(Box::new(report)),
        Err(error) => AccountEvent::Unmapped(unmapped(&frame.symbol, "position", error)?),
    }])
}
