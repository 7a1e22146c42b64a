//! Answers.

use chimera_contracts::position::v1 as pb;
use chimera_model::position::{Marked, totals};

use super::{PositionFilter, Service, Start, Subscription};
use crate::error::PositionError;
use crate::holdings::{AccountKey, Moment};
use crate::hub::Filter;
use crate::render;
use crate::token::Place;

impl Service {
    pub(super) fn list_positions(
        &self,
        filter: PositionFilter,
    ) -> Result<Vec<pb::Position>, PositionError> {
        self.must_be_built()?;
        let now = self.now();
        let holdings = self.holdings.positions(filter.account);
        let wanted = holdings.filter(|holding| {
            let symbol = holding.position.key().symbol;
            filter.symbol.is_none_or(|wanted| wanted == symbol)
        });
        let shown = wanted.map(|holding| {
            render::position(holding, self.holdings.staleness_of(holding, now.instant))
        });
        Ok(shown.collect::<Result<_, _>>()?)
    }

    pub(super) fn pnl(&self, filter: Filter) -> Result<pb::GetPnlResponse, PositionError> {
        let positions = self.list_positions(PositionFilter {
            account: filter,
            symbol: None,
        })?;
        let marked = self.holdings.positions(filter).map(|holding| Marked {
            position: &holding.position,
            mark: holding.mark,
        });
        Ok(pb::GetPnlResponse {
            totals: render::pnl_totals(&totals(marked)?),
            positions,
        })
    }

    pub(super) fn list_balances(&self, filter: Filter) -> Vec<pb::Balance> {
        let balances = self.holdings.balances(filter);
        balances
            .map(|(key, asset, balance)| render::balance(key, asset, balance))
            .collect()
    }

    pub(super) fn margin(
        &self,
        key: AccountKey,
        history: usize,
    ) -> Result<pb::GetMarginResponse, PositionError> {
        let (account, venue) = (key.account.to_string(), key.venue.to_string());
        let known: Vec<AccountKey> = self.holdings.accounts().collect();
        if !known.contains(&key) {
            let mut venues: Vec<&str> = known.iter().map(|key| key.venue.as_str()).collect();
            venues.dedup();
            if venues.contains(&venue.as_str()) {
                return Err(PositionError::UnknownAccount { account, venue });
            }
            // Before the connector named its venues, none is unknown.
            if venues.is_empty() {
                return Err(PositionError::VenueNotReady { account, venue });
            }
            venues.sort_unstable();
            venues.dedup();
            return Err(PositionError::UnknownVenue {
                venue,
                known: venues.join(", "),
            });
        }
        let line = self.holdings.margin(key);
        let Some((line, latest)) = line.and_then(|line| Some((line, line.latest()?))) else {
            return Err(PositionError::VenueNotReady { account, venue });
        };
        Ok(pb::GetMarginResponse {
            margin: Some(render::margin(key, latest)),
            history: line
                .history(history)
                .map(|margin| render::margin(key, margin))
                .collect(),
        })
    }

    pub(super) fn subscribe(
        &mut self,
        filter: Filter,
        resume: Option<&str>,
    ) -> Result<Subscription, PositionError> {
        if self.draining {
            return Err(PositionError::Draining);
        }
        self.must_be_built()?;
        let now = self.now();
        let start = match resume {
            Some(token) => {
                let place = self.tokens.read(token, &filter)?;
                Start::Resumed {
                    place,
                    missed: self.hub.after(place.seq, &filter)?,
                }
            }
            None => Start::Snapshot(Box::new(self.snapshot(filter, now)?)),
        };
        Ok(Subscription {
            start,
            reader: self.hub.subscribe(filter, now.instant)?,
        })
    }

    fn snapshot(&self, filter: Filter, now: Moment) -> Result<pb::PositionSnapshot, PositionError> {
        let positions = self.holdings.positions(filter).map(|holding| {
            render::position(holding, self.holdings.staleness_of(holding, now.instant))
        });
        let margins = self.holdings.margins(filter);
        let margins = margins.filter_map(|(key, line)| Some(render::margin(key, line.latest()?)));
        let seq = self.hub.seq();
        Ok(pb::PositionSnapshot {
            seq,
            positions: positions.collect::<Result<_, _>>()?,
            balances: self.list_balances(filter),
            margins: margins.collect(),
            resume_token: self.tokens.write(
                Place {
                    seq,
                    last_sent: seq,
                },
                &filter,
            ),
        })
    }

    fn must_be_built(&self) -> Result<(), PositionError> {
        if self.holdings.is_built() {
            Ok(())
        } else {
            Err(PositionError::Recovering)
        }
    }
}
