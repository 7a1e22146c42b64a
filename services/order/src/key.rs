//! What names an order in this service.

use std::fmt;

use chimera_model::{Account, ClientOrderIndex, Symbol, Venue, VenueOrderId};
use serde::{Deserialize, Serialize};

use crate::ledger::Line;

/// An account at a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SiteKey {
    /// Whose.
    pub account: Account,
    /// Where.
    pub venue: Venue,
}

/// Names an order: ours by account and index, others by what the venue calls them (F15, F46).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OrderKey {
    /// One that bears our client id.
    Ours {
        /// Whose.
        account: Account,
        /// Which.
        index: ClientOrderIndex,
    },
    /// One that somebody else placed.
    External {
        /// Whose.
        account: Account,
        /// Where.
        venue: Venue,
        /// Of what: some venues count orders anew for each instrument.
        symbol: Symbol,
        /// Which.
        venue_order_id: VenueOrderId,
    },
}

impl OrderKey {
    /// Returns the name of an order of ours.
    #[must_use]
    pub const fn ours(account: Account, index: ClientOrderIndex) -> Self {
        Self::Ours { account, index }
    }

    /// Returns the name of an order by what the venue calls it.
    #[must_use]
    pub const fn external(line: Line, venue_order_id: VenueOrderId) -> Self {
        Self::External {
            account: line.account,
            venue: line.venue,
            symbol: line.symbol,
            venue_order_id,
        }
    }

    /// Returns whose it is.
    #[must_use]
    pub const fn account(&self) -> Account {
        match self {
            Self::Ours { account, .. } | Self::External { account, .. } => *account,
        }
    }

    /// Returns our index, when it has one.
    #[must_use]
    pub const fn index(&self) -> Option<ClientOrderIndex> {
        match self {
            Self::Ours { index, .. } => Some(*index),
            Self::External { .. } => None,
        }
    }

    /// Returns the one text that stands for it in the journal.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Ours { account, index } => format!("o/{account}/{index}"),
            Self::External {
                account,
                venue,
                symbol,
                venue_order_id,
            } => format!("x/{account}/{venue}/{symbol}/{venue_order_id}"),
        }
    }

    /// Reads a text back.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('/')?;
        let (account, rest) = rest.split_once('/')?;
        let account = Account::new(account).ok()?;
        match kind {
            "o" => Some(Self::Ours {
                account,
                index: rest.parse().ok()?,
            }),
            "x" => {
                // The venue's id comes last: it may hold any printable character.
                let (venue, rest) = rest.split_once('/')?;
                let (symbol, id) = rest.split_once('/')?;
                Some(Self::External {
                    account,
                    venue: Venue::new(venue).ok()?,
                    symbol: Symbol::new(symbol).ok()?,
                    venue_order_id: VenueOrderId::new(id).ok()?,
                })
            }
            _ => None,
        }
    }
}

impl fmt::Display for OrderKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text())
    }
}
