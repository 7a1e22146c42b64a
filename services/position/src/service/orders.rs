//! What the order service says.

use std::collections::BTreeMap;

use chimera_contracts::order::v1::Fill;
use chimera_model::position::{Outcome, Position, PositionKey, Refusal};

use super::{Ask, OrdersInput, Service};
use crate::holdings::Refused;
use crate::metrics;
use crate::wire::{self, Unreadable};

impl Service {
    pub(super) fn orders(&mut self, input: OrdersInput) {
        let now = self.now();
        match input {
            OrdersInput::Rebuilding => self.building = Some(BTreeMap::new()),
            OrdersInput::History(fills) => {
                let mut building = self.building.take().unwrap_or_default();
                for fill in &fills {
                    let outcome = booking_in(&mut building, fill);
                    self.note(fill, outcome);
                }
                self.building = Some(building);
            }
            OrdersInput::Rebuilt => {
                let built = self.building.take().unwrap_or_default();
                match self.holdings.replace(built, now) {
                    Ok(effects) => self.publish(effects, now),
                    // Every key was made into a position before.
                    Err(error) => tracing::error!(%error, "positions could not be replaced"),
                }
                metrics::rebuilt();
                self.ready.send_replace(true);
            }
            OrdersInput::Fill(fill) => {
                let booked = wire::booking(&fill)
                    .map_err(Refusing::from)
                    .and_then(|booking| self.holdings.book(&booking, now).map_err(Refusing::from));
                match booked {
                    Ok((outcome, effects)) => {
                        self.note(&fill, Ok(outcome));
                        self.publish(effects, now);
                    }
                    Err(refusing) => self.note(&fill, Err(refusing)),
                }
            }
            OrdersInput::Heard { staleness } => {
                let at = now.instant.checked_sub(staleness).unwrap_or(now.instant);
                self.holdings.hear_fills(at);
            }
        }
    }

    /// Counts what became of a fill; one that is refused is an alert, and the venue is asked.
    fn note(&mut self, fill: &Fill, outcome: Result<Outcome, Refusing>) {
        let refusing = match outcome {
            Ok(outcome) => return metrics::fill(word_of(&outcome)),
            Err(refusing) => refusing,
        };
        metrics::fill("refused");
        let Fill {
            account,
            venue,
            symbol,
            trade_id,
            venue_order_id,
            ..
        } = fill;
        tracing::error!(
            account, venue, symbol, trade_id, venue_order_id, %refusing,
            "a fill was not booked; the position is not to be trusted before the venue confirms it"
        );
        if let Ok(key) = wire::account_key(account, venue) {
            self.ask(key, Ask::Look);
        }
        if let Refusing::Refused(Refused::Position(Refusal::NotKept { .. })) = refusing {
            self.rebuild.notify_one();
        }
    }
}

/// Why a fill was not booked.
#[derive(Debug, thiserror::Error)]
enum Refusing {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Books a fill of the history into positions that are being built.
fn booking_in(
    building: &mut BTreeMap<PositionKey, Position>,
    fill: &Fill,
) -> Result<Outcome, Refusing> {
    let booking = wire::booking(fill)?;
    let key = booking.key();
    if let Some(position) = building.get_mut(&key) {
        return Ok(booking.apply(position).map_err(Refused::from)?);
    }
    let mut position = Position::new(key).map_err(Refused::from)?;
    let outcome = booking.apply(&mut position).map_err(Refused::from)?;
    building.insert(key, position);
    Ok(outcome)
}

const fn word_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Booked(_) => "booked",
        Outcome::Absorbed => "absorbed",
        Outcome::Completed => "completed",
        Outcome::Replaced => "replaced",
        Outcome::Duplicate => "duplicate",
    }
}
