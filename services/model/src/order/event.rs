//! What we concluded.

use serde::{Deserialize, Serialize};

use super::fills::BookedFill;
use crate::decimal::Decimal;
use crate::ids::{ClientOrderId, VenueOrderId};

/// Longest words of a venue that are kept; a code fits many times over (H54).
const WORDS_MAX: usize = 256;

/// Why something is as it is: a code to branch on, words to read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reason {
    /// A reason of the contract when it is ours, the venue's code when it is theirs.
    pub code: String,
    /// Words for a person, perhaps the venue's; printable and bounded.
    pub message: String,
}

impl Reason {
    /// Returns a reason; unprintable characters become spaces and overlong text is cut (F32, H54).
    #[must_use]
    pub fn new(code: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        Self {
            code: printable(code.as_ref()),
            message: printable(message.as_ref()),
        }
    }

    /// Returns no reason.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }
}

fn printable(text: &str) -> String {
    let cut = text.floor_char_boundary(WORDS_MAX.min(text.len()));
    text[..cut]
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect()
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NoticeKind {
    /// A fill or quantity that cannot be true was refused; the account is not to be trusted until
    /// a query agrees (H55).
    Hostile,
    /// The venue shows another order under our client id.
    Doubled,
    /// The report contradicts what is known; a query must decide.
    Contradiction,
    /// A refusal as duplicate proved that the order lives (F03).
    ProofOfLife,
    /// The venue's word for the state is not known here (F109).
    UnknownStatus,
    /// More filled than was asked for (F37).
    Overfilled,
    /// A fill came after the end (F19).
    LateFill,
    /// An order that was believed absent is at the venue (F05).
    Appeared,
}

/// Something an operator should see. It changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// Words for a person.
    pub words: String,
}

/// What we concluded; the only thing that changes an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Event {
    /// It never left the house.
    Denied(Reason),
    /// Whether the venue has it is not known.
    Doubted(Reason),
    /// The venue has it.
    Accepted,
    /// Its ids at the venue.
    Identified {
        /// The venue's id.
        venue_order_id: Option<VenueOrderId>,
        /// The client id the venue shows.
        client_order_id: Option<ClientOrderId>,
    },
    /// A cancel was asked for, by whoever may.
    CancelAsked,
    /// Cancels were refused and it still works.
    CancelRefused(Reason),
    /// The venue states a cumulative quantity beyond the fills known.
    Stated {
        /// The cumulative quantity.
        filled: Decimal,
        /// The average price stated with it.
        average: Option<Decimal>,
    },
    /// The venue made it smaller (F53).
    Resized {
        /// The quantity it has now.
        quantity: Decimal,
    },
    /// A fill is booked.
    Fill(BookedFill),
    /// An inferred fill is booked, or restated with another quantity; zero takes it back.
    Restated(BookedFill),
    /// All filled, by the venue's word.
    Completed,
    /// Cancelled.
    Cancelled(Reason),
    /// The venue's no.
    Rejected {
        /// Why.
        reason: Reason,
        /// True when nobody said no but it was proven absent.
        absent: bool,
    },
    /// Ended by its time in force or a rule.
    Expired(Reason),
    /// It is at the venue although it was believed not to be.
    Adopted,
    /// Something an operator should see.
    Noticed(Notice),
}

/// The kinds of events, as the transition table names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// See [`Event::Denied`].
    Denied,
    /// See [`Event::Doubted`].
    Doubted,
    /// See [`Event::Accepted`].
    Accepted,
    /// See [`Event::Identified`].
    Identified,
    /// See [`Event::CancelAsked`].
    CancelAsked,
    /// See [`Event::CancelRefused`].
    CancelRefused,
    /// See [`Event::Stated`].
    Stated,
    /// See [`Event::Resized`].
    Resized,
    /// See [`Event::Fill`].
    Fill,
    /// See [`Event::Restated`].
    Restated,
    /// See [`Event::Completed`].
    Completed,
    /// See [`Event::Cancelled`].
    Cancelled,
    /// See [`Event::Rejected`].
    Rejected,
    /// See [`Event::Expired`].
    Expired,
    /// See [`Event::Adopted`].
    Adopted,
    /// See [`Event::Noticed`].
    Noticed,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Denied,
        Self::Doubted,
        Self::Accepted,
        Self::Identified,
        Self::CancelAsked,
        Self::CancelRefused,
        Self::Stated,
        Self::Resized,
        Self::Fill,
        Self::Restated,
        Self::Completed,
        Self::Cancelled,
        Self::Rejected,
        Self::Expired,
        Self::Adopted,
        Self::Noticed,
    ];

    /// Returns the word that streams and timelines use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Denied => "DENIED",
            Self::Doubted => "UNKNOWN",
            Self::Accepted => "ACCEPTED",
            Self::Identified => "IDENTIFIED",
            Self::CancelAsked => "CANCEL_ASKED",
            Self::CancelRefused => "CANCEL_REFUSED",
            Self::Stated => "STATED",
            Self::Resized => "RESIZED",
            Self::Fill | Self::Restated => "FILL",
            Self::Completed => "FILLED",
            Self::Cancelled => "CANCELLED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
            Self::Adopted => "ADOPTED",
            Self::Noticed => "NOTICED",
        }
    }
}

impl Event {
    /// Returns its kind.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Denied(_) => EventKind::Denied,
            Self::Doubted(_) => EventKind::Doubted,
            Self::Accepted => EventKind::Accepted,
            Self::Identified { .. } => EventKind::Identified,
            Self::CancelAsked => EventKind::CancelAsked,
            Self::CancelRefused(_) => EventKind::CancelRefused,
            Self::Stated { .. } => EventKind::Stated,
            Self::Resized { .. } => EventKind::Resized,
            Self::Fill(_) => EventKind::Fill,
            Self::Restated(_) => EventKind::Restated,
            Self::Completed => EventKind::Completed,
            Self::Cancelled(_) => EventKind::Cancelled,
            Self::Rejected { .. } => EventKind::Rejected,
            Self::Expired(_) => EventKind::Expired,
            Self::Adopted => EventKind::Adopted,
            Self::Noticed(_) => EventKind::Noticed,
        }
    }

    /// Returns the event that tells an operator something.
    #[must_use]
    pub fn notice(kind: NoticeKind, words: impl Into<String>) -> Self {
        Self::Noticed(Notice {
            kind,
            words: printable(&words.into()),
        })
    }
}
