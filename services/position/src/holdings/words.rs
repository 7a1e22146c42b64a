//! What holdings are told, and what they say.

use std::collections::BTreeSet;

use chimera_model::position::{Outcome, Position, PositionKey, Refusal};
use chimera_model::report::Fill;
use chimera_model::{Account, Asset, Decimal, IdError, Symbol, UnixNanos, Venue};
use tokio::time::Instant;

use super::holding::VenueWord;

/// One moment on both clocks: ages are measured on the first, stamps are taken from the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub instant: Instant,
    pub unix: UnixNanos,
}

/// When a venue said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dated {
    /// By the venue's clock; absent where it does not date its words.
    pub venue_time: Option<UnixNanos>,
    /// When it was heard, or asked for.
    pub heard: Moment,
    /// Whether it was asked for.
    pub asked: bool,
}

impl Dated {
    /// Dates a word that the venue said by itself.
    pub(crate) const fn told(venue_time: Option<UnixNanos>, heard: Moment) -> Self {
        Self {
            venue_time,
            heard,
            asked: false,
        }
    }

    /// Dates the answer to a question.
    pub(crate) const fn answer(venue_time: Option<UnixNanos>, asked: Moment) -> Self {
        Self {
            venue_time,
            heard: asked,
            asked: true,
        }
    }
}

/// An account at a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AccountKey {
    pub account: Account,
    pub venue: Venue,
}

/// A fill, or what an order filled without the trades being named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Booking {
    pub fill: Fill,
    /// Concluded from cumulative quantities; stands in the place of an earlier such one.
    pub inferred: bool,
}

impl Booking {
    pub(crate) fn key(&self) -> PositionKey {
        let Fill {
            account,
            venue,
            symbol,
            ..
        } = self.fill;
        PositionKey {
            account,
            venue,
            symbol,
        }
    }

    pub(crate) fn apply(&self, position: &mut Position) -> Result<Outcome, Refusal> {
        if self.inferred {
            position.restate(&self.fill)
        } else {
            position.book(&self.fill)
        }
    }
}

/// A venue's word for one position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PositionWord {
    pub symbol: Symbol,
    pub quantity: Decimal,
    pub entry_price: Option<Decimal>,
    pub mark_price: Option<Decimal>,
    /// When the venue said it.
    pub venue_time: Option<UnixNanos>,
}

impl PositionWord {
    pub(super) const fn told(&self, heard: Moment) -> VenueWord {
        self.said(Dated::told(self.venue_time, heard))
    }

    pub(super) const fn answer(&self, asked: Moment) -> VenueWord {
        self.said(Dated::answer(self.venue_time, asked))
    }

    const fn said(&self, said: Dated) -> VenueWord {
        VenueWord {
            quantity: self.quantity,
            entry_price: self.entry_price,
            said,
        }
    }
}

/// What something said is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Position(PositionKey),
    Balance(AccountKey, Asset),
    Margin(AccountKey),
}

/// What is worth an alert, or its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The sum of fills differs from the venue's word for too long.
    Differs {
        key: PositionKey,
        here: Decimal,
        venue: Decimal,
    },
    /// It agrees again.
    Agrees { key: PositionKey },
    /// What was opened before any record is taken from the venue's word.
    OpeningInferred {
        key: PositionKey,
        here: Decimal,
        venue: Decimal,
    },
}

/// What an input changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    pub changed: BTreeSet<Subject>,
    pub notices: Vec<Notice>,
    /// Accounts whose venue should be asked again: its word and ours differ.
    pub ask: BTreeSet<AccountKey>,
}

/// Why a fill was not booked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(transparent)]
    Position(#[from] Refusal),
    #[error(transparent)]
    Name(#[from] IdError),
}
