//! What an answer must echo to be about the order that was asked about (F07).

use chimera_model::report::OrderReport;
use chimera_model::{ClientOrderId, Instrument, VenueOrderId};

use crate::error::{ErrorClass, VenueError};

/// The id an order was asked for by.
#[derive(Debug, Clone)]
pub(crate) enum Echo {
    /// By ours.
    Client(ClientOrderId),
    /// By the venue's.
    Venue(VenueOrderId),
}

impl Echo {
    /// Returns whether a report is about the order.
    pub(crate) fn is_of(&self, report: &OrderReport) -> bool {
        match self {
            Self::Client(id) => report.client_order_id.as_ref() == Some(id),
            Self::Venue(id) => report.venue_order_id.as_ref() == Some(id),
        }
    }

    /// Refuses a report about another order, or about another instrument.
    pub(crate) fn check(
        &self,
        report: &OrderReport,
        instrument: &Instrument,
    ) -> Result<(), VenueError> {
        if self.is_of(report) && report.symbol == instrument.symbol {
            return Ok(());
        }
        let detail = format!("the answer is about another order than {self:?}");
        Err(VenueError::new(ErrorClass::WrongEcho, detail))
    }
}
