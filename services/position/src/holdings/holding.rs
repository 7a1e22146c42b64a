//! One position beside the venue's word for it.

use std::time::Duration;

use chimera_model::position::{Adjustment, Outcome, Position};
use chimera_model::{Decimal, UnixNanos};
use tokio::time::Instant;

use super::statements::is_older;
use super::{Dated, Moment, Notice};

/// While both sides keep moving, two moments of one truth differ again and again without anything
/// being amiss; this many times the settling time without one moment of agreement is an alert all
/// the same.
const SETTLE_ROUNDS_MAX: u32 = 12;

/// What a venue says it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VenueWord {
    pub quantity: Decimal,
    pub entry_price: Option<Decimal>,
    pub said: Dated,
}

impl VenueWord {
    /// Returns the word of an answer that names no position.
    pub(crate) const fn flat(asked: Moment) -> Self {
        Self {
            quantity: Decimal::ZERO,
            entry_price: None,
            said: Dated::answer(None, asked),
        }
    }
}

/// How the sum of fills stands to the venue's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    NotCompared,
    Agrees,
    Settling {
        /// Since when they differ.
        since: Instant,
        /// Since when they differ by just so much.
        unchanged_since: Instant,
        difference: Decimal,
    },
    Differs,
}

/// A check without its times: what a reader is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckWord {
    NotCompared,
    Agrees,
    Settling,
    Differs,
}

impl Check {
    pub(crate) const fn word(&self) -> CheckWord {
        match self {
            Self::NotCompared => CheckWord::NotCompared,
            Self::Agrees => CheckWord::Agrees,
            Self::Settling { .. } => CheckWord::Settling,
            Self::Differs => CheckWord::Differs,
        }
    }
}

/// A position by fills beside the venue's word for it.
#[derive(Debug)]
pub(crate) struct Holding {
    pub position: Position,
    pub venue: Option<VenueWord>,
    pub mark: Option<Decimal>,
    pub min_quantity: Option<Decimal>,
    pub check: Check,
    /// Whether a difference may be an opening from before any record. Never again once both sides
    /// agreed: what differs later is drift.
    may_open: bool,
    /// Whether both sides agreed since the position was built.
    agreed: bool,
    /// The sequence and time of the last change.
    pub seq: u64,
    pub updated: Option<UnixNanos>,
}

impl Holding {
    pub(crate) const fn new(position: Position) -> Self {
        Self {
            position,
            venue: None,
            mark: None,
            min_quantity: None,
            check: Check::NotCompared,
            may_open: false,
            agreed: false,
            seq: 0,
            updated: None,
        }
    }

    /// Takes a position that was built anew; it is compared anew.
    pub(super) fn replace(&mut self, position: Position) {
        self.position = position;
        self.check = Check::NotCompared;
        self.may_open = false;
        self.agreed = false;
    }

    /// Notes that the venue named all positions for the first time since this one was built.
    pub(super) fn compare_first(&mut self) {
        self.may_open = !self.agreed;
    }

    /// Takes the venue's word, unless a newer one is known (F91); returns whether it changed
    /// anything.
    pub(super) fn hear(&mut self, word: VenueWord, mark: Option<Decimal>) -> bool {
        if self
            .venue
            .is_some_and(|known| is_older(word.said, known.said))
        {
            return false;
        }
        let before = (self.venue.map(|word| word.quantity), self.mark);
        self.venue = Some(word);
        // Channels that do not state the mark price do not unsay it either.
        self.mark = mark.filter(|mark| mark.is_positive()).or(self.mark);
        (Some(word.quantity), self.mark) != before
    }

    pub(super) fn heard(&self) -> Option<Instant> {
        self.venue.map(|word| word.said.heard.instant)
    }

    /// Returns whether the position is too small for any order (F44).
    pub(crate) fn is_dust(&self) -> bool {
        self.min_quantity
            .is_some_and(|least| self.position.is_dust(least))
    }

    /// Compares the position with the venue's word.
    pub(super) fn judge(&mut self, now: Moment, settle: Duration) -> Option<Notice> {
        let key = *self.position.key();
        let word = match self.venue {
            // Venues state positions of contracts; what is held of an asset itself is a balance.
            Some(word) if !key.is_spot() => word,
            _ => {
                self.check = Check::NotCompared;
                return None;
            }
        };
        let here = self.position.quantity();
        if here == word.quantity {
            let differed = self.check == Check::Differs;
            self.check = Check::Agrees;
            self.may_open = false;
            self.agreed = true;
            return differed.then_some(Notice::Agrees { key });
        }
        // A difference that cannot be held is none of two honest numbers; it counts as unchanged.
        let difference = word.quantity.checked_sub(here).unwrap_or(Decimal::ZERO);
        let (since, unchanged_since) = match self.check {
            Check::Differs => return None,
            Check::Settling {
                since,
                unchanged_since,
                difference: before,
            } => (
                since,
                if before == difference {
                    unchanged_since
                } else {
                    now.instant
                },
            ),
            Check::NotCompared | Check::Agrees => (now.instant, now.instant),
        };
        let lasted = |since: Instant| now.instant.saturating_duration_since(since);
        let exhausted = lasted(since) >= settle * SETTLE_ROUNDS_MAX;
        if lasted(unchanged_since) < settle && !exhausted {
            self.check = Check::Settling {
                since,
                unchanged_since,
                difference,
            };
            return None;
        }
        if self.may_open {
            if self.open_as(word) {
                self.check = Check::Agrees;
                return Some(Notice::OpeningInferred {
                    key,
                    here,
                    venue: word.quantity,
                });
            }
            if !exhausted {
                // The venue's word is older than a fill that is booked; a newer one is on its way.
                self.check = Check::Settling {
                    since,
                    unchanged_since,
                    difference,
                };
                return None;
            }
        }
        self.may_open = false;
        self.check = Check::Differs;
        Some(Notice::Differs {
            key,
            here,
            venue: word.quantity,
        })
    }

    fn open_as(&mut self, word: VenueWord) -> bool {
        let opening = Adjustment::Opening {
            quantity: word.quantity,
            average_price: word.entry_price,
            as_of: word.said.venue_time.unwrap_or(word.said.heard.unix),
        };
        let opened = matches!(self.position.adjust(&opening), Ok(Outcome::Booked(_)));
        if opened {
            self.may_open = false;
            self.agreed = true;
        }
        opened
    }
}
