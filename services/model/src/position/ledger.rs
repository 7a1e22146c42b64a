//! A position: what it takes, what it refuses, what it holds.

use std::collections::BTreeMap;

use super::adjustment::Adjustment;
use super::exact::Exact;
use super::history::{BookedFill, Booking, Entry, History, Name, Standing};
use super::key::PositionKey;
use super::limits;
use super::refusal::Refusal;
use super::state::Leg;
use crate::account::PositionSide;
use crate::decimal::Decimal;
use crate::ids::{Asset, IdError, UnixNanos};
use crate::order::FillKey;
use crate::report::Fill;

/// What became of what a position was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is booked; a fill that crosses zero has two legs (F56).
    Booked(Vec<Leg>),
    /// It is part of an opening that the venue stated; only its fee is booked.
    Absorbed,
    /// It was booked without its fee, which is booked now (F35).
    Completed,
    /// An earlier booking was voided, corrected or restated.
    Replaced,
    /// It was booked before; nothing changed (F34).
    Duplicate,
}

/// A position of one account in one instrument.
#[derive(Debug, Clone)]
pub struct Position {
    key: PositionKey,
    settle: Asset,
    history: History,
    newest_fill: Option<UnixNanos>,
    /// Up to when fills are part of a stated opening.
    opened_as_of: Option<UnixNanos>,
}

impl Position {
    /// Returns a position without bookings.
    ///
    /// # Errors
    /// Fails when the symbol's words are too long to be assets.
    pub fn new(key: PositionKey) -> Result<Self, IdError> {
        let base = key.base()?;
        Ok(Self {
            key,
            settle: key.settle()?,
            history: History::new(key.is_spot().then_some(base)),
            newest_fill: None,
            opened_as_of: None,
        })
    }

    /// Books a fill, once however often it is told (F34, F36).
    ///
    /// # Errors
    /// Refuses what no honest venue says (H55), what contradicts an earlier booking, and what
    /// belongs to another position (F46).
    pub fn book(&mut self, fill: &Fill) -> Result<Outcome, Refusal> {
        self.check(fill)?;
        check_size(fill)?;
        let key = key_of(fill);
        let name = Name::Fill(key.clone());
        if let Some((at, booking)) = self.history.find(&name) {
            let again = judge_again(booking, &key, fill)?;
            if again == Outcome::Completed {
                let complete = Entry::Fill(Box::new(BookedFill::new(fill, false)));
                self.history.amend(at, |booking| booking.entry = complete)?;
            }
            return Ok(again);
        }
        let standing = self.standing_of(fill.venue_time);
        let entry = Entry::Fill(Box::new(BookedFill::new(fill, false)));
        let legs = self.history.push(Booking {
            name,
            entry,
            standing,
        })?;
        self.newest_fill = self.newest_fill.max(Some(fill.venue_time));
        Ok(match standing {
            Standing::Absorbed => Outcome::Absorbed,
            Standing::Counts | Standing::Voided => Outcome::Booked(legs),
        })
    }

    /// Books what an order is known to have filled without the trades being named, in the place of
    /// an earlier such booking; a quantity of zero takes it back (F35, F38).
    ///
    /// # Errors
    /// Refuses what [`Position::book`] refuses, and restating what is not kept any more.
    pub fn restate(&mut self, fill: &Fill) -> Result<Outcome, Refusal> {
        self.check(fill)?;
        if !fill.quantity.is_zero() {
            check_size(fill)?;
        }
        let key = key_of(fill);
        if self.history.has_settled(&key) {
            return Err(Refusal::NotKept { key });
        }
        let name = Name::Fill(key.clone());
        let stated = BookedFill::new(fill, true);
        let Some((at, booking)) = self.history.find(&name) else {
            if stated.quantity.is_zero() {
                return Ok(Outcome::Duplicate);
            }
            let standing = self.standing_of(fill.venue_time);
            let entry = Entry::Fill(Box::new(stated));
            return Ok(Outcome::Booked(self.history.push(Booking {
                name,
                entry,
                standing,
            })?));
        };
        match &booking.entry {
            Entry::Fill(old) if **old == stated => return Ok(Outcome::Duplicate),
            Entry::Fill(old) if old.inferred => {}
            _ => return Err(Refusal::Conflicting { key, field: "kind" }),
        }
        self.history
            .amend(at, |booking| booking.entry = Entry::Fill(Box::new(stated)))?;
        Ok(Outcome::Replaced)
    }

    /// Takes a fill back that the venue voided, as if it had not been (F47).
    ///
    /// # Errors
    /// Fails when the fill is not kept any more.
    pub fn void(&mut self, key: &FillKey) -> Result<Outcome, Refusal> {
        let (at, booking) = self.kept_fill(key)?;
        if booking.standing == Standing::Voided {
            return Ok(Outcome::Duplicate);
        }
        self.history
            .amend(at, |booking| booking.standing = Standing::Voided)?;
        Ok(Outcome::Replaced)
    }

    /// Books `fill` in the place of the fill `key`, which the venue corrected; the first one stays
    /// known as voided (F47).
    ///
    /// # Errors
    /// Fails when the fill `key` is not kept any more, and as [`Position::book`] does.
    pub fn correct(&mut self, key: &FillKey, fill: &Fill) -> Result<Outcome, Refusal> {
        self.check(fill)?;
        check_size(fill)?;
        let (at, booking) = self.kept_fill(key)?;
        let standing = booking.standing;
        let new_key = key_of(fill);
        let name = Name::Fill(new_key.clone());
        if new_key != *key && self.history.knows(&name) {
            return Err(Refusal::Conflicting {
                key: new_key,
                field: "trade id",
            });
        }
        let entry = Entry::Fill(Box::new(BookedFill::new(fill, false)));
        self.history.replace(
            at,
            Booking {
                name,
                entry,
                standing,
            },
        )?;
        Ok(Outcome::Replaced)
    }

    /// Books what is no fill, once however often it is told (F45, F48).
    ///
    /// # Errors
    /// Refuses an opening that is older than a fill that is booked, and a movement without a price.
    pub fn adjust(&mut self, adjustment: &Adjustment) -> Result<Outcome, Refusal> {
        let id = adjustment.id(&self.key);
        let name = Name::Adjustment(id.clone());
        if self.history.knows(&name) {
            return Ok(Outcome::Duplicate);
        }
        match adjustment {
            Adjustment::Opening {
                quantity,
                average_price,
                as_of,
            } => {
                if !quantity.is_zero() {
                    limits::quantity(quantity.abs())?;
                }
                average_price.map_or(Ok(()), limits::price)?;
                if let Some(newest) = self.newest_fill.filter(|newest| newest > as_of) {
                    return Err(Refusal::Outdated {
                        id,
                        as_of: *as_of,
                        newest,
                    });
                }
            }
            Adjustment::Movement {
                quantity, price, ..
            } => {
                limits::quantity(quantity.abs())?;
                limits::price(*price)?;
            }
        }
        let entry = Entry::Adjustment(adjustment.clone());
        let legs = self.history.push(Booking {
            name,
            entry,
            standing: Standing::Counts,
        })?;
        if let Adjustment::Opening { as_of, .. } = adjustment {
            self.opened_as_of = self.opened_as_of.max(Some(*as_of));
        }
        Ok(Outcome::Booked(legs))
    }

    /// Returns which position it is.
    #[must_use]
    pub const fn key(&self) -> &PositionKey {
        &self.key
    }

    /// Returns the asset that profits are in.
    #[must_use]
    pub const fn settle_asset(&self) -> Asset {
        self.settle
    }

    /// Returns the net quantity: above zero is long, below zero is short; net of fees that were
    /// charged in the asset itself (F42).
    #[must_use]
    pub const fn quantity(&self) -> Decimal {
        self.history.state().quantity()
    }

    /// Returns the fees by asset; a rebate is below zero (F43).
    #[must_use]
    pub const fn fees(&self) -> &BTreeMap<Asset, Decimal> {
        self.history.state().fees()
    }

    /// Returns whether a part was opened before any record, and the average rests on the venue's
    /// word (F48).
    #[must_use]
    pub const fn is_inferred(&self) -> bool {
        self.history.state().is_inferred()
    }

    /// Returns whether it is too small to be closed by an order, and so counts as flat (F44).
    #[must_use]
    pub fn is_dust(&self, min_quantity: Decimal) -> bool {
        !self.quantity().is_zero() && self.quantity().abs() < min_quantity
    }

    /// Returns when the newest fill matched.
    #[must_use]
    pub const fn newest_fill(&self) -> Option<UnixNanos> {
        self.newest_fill
    }

    pub(super) fn average(&self) -> Option<&Exact> {
        self.history.state().average()
    }

    pub(super) fn realized(&self) -> Exact {
        self.history.state().realized()
    }

    pub(super) fn unrealized(&self, mark: Decimal) -> Exact {
        self.history.state().unrealized(mark)
    }

    fn check(&self, fill: &Fill) -> Result<(), Refusal> {
        let named = PositionKey {
            account: fill.account,
            venue: fill.venue,
            symbol: fill.symbol,
        };
        if named != self.key {
            let (fill, position) = (Box::new(named), Box::new(self.key));
            return Err(Refusal::Foreign { fill, position });
        }
        if fill.position_side != PositionSide::Net {
            return Err(Refusal::Hedged);
        }
        Ok(())
    }

    fn standing_of(&self, venue_time: UnixNanos) -> Standing {
        match self.opened_as_of {
            Some(as_of) if venue_time <= as_of => Standing::Absorbed,
            _ => Standing::Counts,
        }
    }

    fn kept_fill(&self, key: &FillKey) -> Result<(usize, &Booking), Refusal> {
        let found = self.history.find(&Name::Fill(key.clone()));
        found.ok_or_else(|| Refusal::NotKept { key: key.clone() })
    }
}

fn check_size(fill: &Fill) -> Result<(), Refusal> {
    limits::price(fill.price)?;
    limits::quantity(fill.quantity)?;
    limits::notional(fill.price, fill.quantity)
}

/// Judges a fill whose key is booked: a duplicate, the fee that was missing, or a contradiction.
fn judge_again(booking: &Booking, key: &FillKey, fill: &Fill) -> Result<Outcome, Refusal> {
    let old = match &booking.entry {
        Entry::Fill(old) if booking.standing != Standing::Voided => old,
        _ => return Ok(Outcome::Duplicate),
    };
    let differences = [
        ("kind", old.inferred),
        ("price", old.price != fill.price),
        ("quantity", old.quantity != fill.quantity),
        (
            "fee",
            old.fee.is_some() && fill.fee.is_some() && old.fee != fill.fee,
        ),
    ];
    if let Some((field, _)) = differences.into_iter().find(|(_, differs)| *differs) {
        return Err(Refusal::Conflicting {
            key: key.clone(),
            field,
        });
    }
    let completes = old.fee.is_none() && fill.fee.is_some();
    Ok(if completes {
        Outcome::Completed
    } else {
        Outcome::Duplicate
    })
}

/// Returns what names a fill within its position.
fn key_of(fill: &Fill) -> FillKey {
    FillKey {
        trade_id: fill.trade_id.clone(),
        venue_order_id: fill.venue_order_id.clone(),
        side: fill.side,
    }
}
