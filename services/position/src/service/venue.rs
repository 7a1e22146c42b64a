//! What the venues say.

use std::time::Duration;

use chimera_contracts::common::v1::Instrument;
use chimera_contracts::connector::v1 as connector;
use chimera_model::position::PositionKey;
use chimera_model::{IdError, Symbol};

use super::{Ask, Service};
use crate::holdings::{AccountKey, Dated, Moment};
use crate::metrics;
use crate::wire::{self, Unreadable};

/// What an account's feed says.
#[derive(Debug)]
pub(crate) enum VenueInput {
    /// All positions, asked for at that moment.
    Positions {
        asked: Moment,
        reports: Vec<connector::PositionReport>,
    },
    /// Balances and margin, asked for at that moment.
    Margin {
        asked: Moment,
        answer: Box<connector::GetMarginResponse>,
    },
    Position(Box<connector::PositionReport>),
    Balance(Box<connector::BalanceReport>),
    MarginReport(Box<connector::MarginReport>),
    /// The least quantity of an instrument's orders, in the instrument's words.
    Instrument {
        symbol: Symbol,
        instrument: Box<Instrument>,
    },
    /// Nothing new; the word is so old.
    Heard {
        staleness: Duration,
    },
}

/// What a venue said cannot be taken.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Name(#[from] IdError),
}

impl Service {
    pub(super) fn venue(&mut self, key: AccountKey, input: VenueInput) {
        let now = self.now();
        let (what, outcome) = match input {
            VenueInput::Positions { asked, reports } => {
                let outcome = self.positions_stated(key, asked, &reports, now);
                for symbol in self.holdings.unlearned(key) {
                    self.ask(key, Ask::Instrument(symbol));
                }
                ("positions", outcome)
            }
            VenueInput::Margin { asked, answer } => {
                ("margin", self.margin_answered(key, asked, &answer, now))
            }
            VenueInput::Position(report) => ("position", self.position_stated(key, &report, now)),
            VenueInput::Balance(report) => ("balance", self.balance_stated(key, &report, now)),
            VenueInput::MarginReport(report) => ("margin", self.margin_stated(key, &report, now)),
            VenueInput::Instrument { symbol, instrument } => {
                ("instrument", self.learn(key, symbol, &instrument, now))
            }
            VenueInput::Heard { staleness } => {
                let at = now.instant.checked_sub(staleness).unwrap_or(now.instant);
                self.holdings.hear_account(key, Some(at));
                return;
            }
        };
        if let Err(error) = outcome {
            metrics::unreadable(what);
            let AccountKey { account, venue } = key;
            tracing::warn!(%account, %venue, what, %error, "the venue's word is left out");
        }
    }

    fn positions_stated(
        &mut self,
        key: AccountKey,
        asked: Moment,
        reports: &[connector::PositionReport],
        now: Moment,
    ) -> Result<(), Unusable> {
        // All or nothing: what is left out would count as flat.
        let words = reports
            .iter()
            .map(wire::position_word)
            .collect::<Result<Vec<_>, _>>()?;
        let effects = self.holdings.positions_stated(key, &words, asked, now)?;
        self.publish(effects, now);
        Ok(())
    }

    fn position_stated(
        &mut self,
        key: AccountKey,
        report: &connector::PositionReport,
        now: Moment,
    ) -> Result<(), Unusable> {
        let effects = self
            .holdings
            .position_stated(key, wire::position_word(report)?, now)?;
        self.publish(effects, now);
        Ok(())
    }

    fn margin_answered(
        &mut self,
        key: AccountKey,
        asked: Moment,
        answer: &connector::GetMarginResponse,
        now: Moment,
    ) -> Result<(), Unusable> {
        let date = |venue_time| Dated::answer(venue_time, asked);
        let margin = answer
            .margin
            .as_ref()
            .map(|report| wire::margin(report, date));
        let mut first_error = None;
        if let Some(Ok(margin)) = margin {
            let effects = self.holdings.margin_stated(key, margin);
            self.publish(effects, now);
        } else if let Some(Err(error)) = margin {
            first_error = Some(error);
        }
        for report in &answer.balances {
            match wire::balance(report, date) {
                Ok((asset, balance)) => {
                    let effects = self.holdings.balance_stated(key, asset, balance);
                    self.publish(effects, now);
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        first_error.map_or(Ok(()), |error| Err(error.into()))
    }

    fn balance_stated(
        &mut self,
        key: AccountKey,
        report: &connector::BalanceReport,
        now: Moment,
    ) -> Result<(), Unusable> {
        let told = |venue_time| Dated::told(venue_time, now);
        let (asset, balance) = wire::balance(report, told)?;
        let effects = self.holdings.balance_stated(key, asset, balance);
        self.publish(effects, now);
        Ok(())
    }

    fn margin_stated(
        &mut self,
        key: AccountKey,
        report: &connector::MarginReport,
        now: Moment,
    ) -> Result<(), Unusable> {
        let told = |venue_time| Dated::told(venue_time, now);
        let margin = wire::margin(report, told)?;
        let effects = self.holdings.margin_stated(key, margin);
        self.publish(effects, now);
        Ok(())
    }

    fn learn(
        &mut self,
        key: AccountKey,
        symbol: Symbol,
        instrument: &Instrument,
        now: Moment,
    ) -> Result<(), Unusable> {
        let AccountKey { account, venue } = key;
        let position = PositionKey {
            account,
            venue,
            symbol,
        };
        let effects = self
            .holdings
            .min_quantity(position, wire::min_quantity(instrument)?);
        self.publish(effects, now);
        Ok(())
    }
}
