//! Translates between the contract and the service. Decides nothing.

use std::sync::Arc;

use chimera_contracts::position::v1 as pb;
use chimera_contracts::position::v1::position_service_server::PositionService;
use chimera_model::{Account, Symbol, Venue};
use chimera_runtime::clock::Clock;
use chimera_runtime::drain::Signal;
use chimera_runtime::fault::{FieldError, into_status};
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use crate::error::PositionError;
use crate::holdings::AccountKey;
use crate::hub::Filter;
use crate::service::{Message, PositionFilter, Positions};
use crate::token::Tokens;

mod watch;

/// Most points of margin history in one answer: the contract's own bound.
const HISTORY_LIMIT_MAX: i32 = 1_000;

/// Serves the contract.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    positions: Positions,
    tokens: Arc<Tokens>,
    clock: Clock,
    drain: Signal,
}

impl Api {
    pub(crate) const fn new(
        positions: Positions,
        tokens: Arc<Tokens>,
        clock: Clock,
        drain: Signal,
    ) -> Self {
        Self {
            positions,
            tokens,
            clock,
            drain,
        }
    }
}

type Answer<T> = Result<Response<T>, Status>;

fn answer<T>(result: Result<T, PositionError>) -> Answer<T> {
    result.map(Response::new).map_err(into_status)
}

#[tonic::async_trait]
impl PositionService for Api {
    type WatchPositionsStream = BoxStream<'static, Result<pb::WatchPositionsResponse, Status>>;

    async fn list_positions(
        &self,
        request: Request<pb::ListPositionsRequest>,
    ) -> Answer<pb::ListPositionsResponse> {
        let pb::ListPositionsRequest {
            account,
            venue,
            symbol,
        } = request.into_inner();
        let listed = async {
            let account = filter(&account, &venue)?;
            let symbol = optional("symbol", &symbol, Symbol::new)?;
            let wanted = PositionFilter { account, symbol };
            self.positions
                .ask(|reply| Message::ListPositions(wanted, reply))
                .await
        };
        answer(
            listed
                .await
                .map(|positions| pb::ListPositionsResponse { positions }),
        )
    }

    async fn get_pnl(&self, request: Request<pb::GetPnlRequest>) -> Answer<pb::GetPnlResponse> {
        let pb::GetPnlRequest { account, venue } = request.into_inner();
        let pnl = async {
            let wanted = filter(&account, &venue)?;
            self.positions
                .ask(|reply| Message::GetPnl(wanted, reply))
                .await
        };
        answer(pnl.await)
    }

    async fn list_balances(
        &self,
        request: Request<pb::ListBalancesRequest>,
    ) -> Answer<pb::ListBalancesResponse> {
        let pb::ListBalancesRequest { account, venue } = request.into_inner();
        let listed = async {
            let wanted = filter(&account, &venue)?;
            self.positions
                .ask(|reply| Message::ListBalances(wanted, reply))
                .await
        };
        answer(
            listed
                .await
                .map(|balances| pb::ListBalancesResponse { balances }),
        )
    }

    async fn get_margin(
        &self,
        request: Request<pb::GetMarginRequest>,
    ) -> Answer<pb::GetMarginResponse> {
        let request = request.into_inner();
        let margin = async {
            let (key, history) = margin_request(&request)?;
            self.positions
                .ask(|reply| Message::GetMargin {
                    key,
                    history,
                    reply,
                })
                .await
        };
        answer(margin.await)
    }

    async fn watch_positions(
        &self,
        request: Request<pb::WatchPositionsRequest>,
    ) -> Answer<Self::WatchPositionsStream> {
        let pb::WatchPositionsRequest {
            account,
            venue,
            resume_token,
        } = request.into_inner();
        let watched = async {
            let filter = filter(&account, &venue)?;
            let resume = (!resume_token.is_empty()).then_some(resume_token);
            let subscribe = |reply| Message::Subscribe {
                filter,
                resume,
                reply,
            };
            let subscription = self.positions.ask(subscribe).await?;
            let (tokens, clock) = (self.tokens.clone(), self.clock.clone());
            Ok(watch::frames(
                subscription,
                filter,
                tokens,
                clock,
                self.drain.hold(),
            ))
        };
        answer(watched.await)
    }
}

/// Reads a field that may be empty.
fn optional<T>(
    field: &'static str,
    text: &str,
    read: impl Fn(&str) -> Result<T, chimera_model::IdError>,
) -> Result<Option<T>, PositionError> {
    if text.is_empty() {
        return Ok(None);
    }
    read(text)
        .map(Some)
        .map_err(|error| PositionError::field(field, &error))
}

fn filter(account: &str, venue: &str) -> Result<Filter, PositionError> {
    Ok(Filter {
        account: optional("account", account, Account::new)?,
        venue: optional("venue", venue, Venue::new)?,
    })
}

fn margin_request(request: &pb::GetMarginRequest) -> Result<(AccountKey, usize), PositionError> {
    let account =
        Account::new(&request.account).map_err(|error| PositionError::field("account", &error))?;
    let venue =
        Venue::new(&request.venue).map_err(|error| PositionError::field("venue", &error))?;
    let limit = request.history_limit;
    if !(0..=HISTORY_LIMIT_MAX).contains(&limit) {
        let expected = format!("must be 0 to {HISTORY_LIMIT_MAX}");
        return Err(PositionError::Invalid(
            FieldError::new("history_limit", expected).into(),
        ));
    }
    Ok((
        AccountKey { account, venue },
        usize::try_from(limit).unwrap_or_default(),
    ))
}
