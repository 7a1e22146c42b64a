//! How callers reach the owner of the state.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chimera_contracts::order::v1 as pb;
use chimera_model::{Account, ClientOrderIndex, Symbol, Venue};
use chimera_runtime::Clock;
use chimera_runtime::deadline::Deadline;
use chimera_runtime::drain::Signal;
use chimera_runtime::trace::TraceContext;
use futures::Stream;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

use crate::admission::{PlaceOrder, differing};
use crate::call::{Admitted, Call, ListFilter, Page, Switched, TradingView};
use crate::entry::Entry;
use crate::error::OrderError;
use crate::follow::Waiter;
use crate::key::{OrderKey, SiteKey};
use crate::market::{Market, canonical};
use crate::read_back::read_back;
use crate::reconcile::Comparison;
use crate::risk::Assessment;
use crate::service::{Cancelled, Placed};
use crate::store::Store;
use crate::streams::Frames;
use crate::timeline;
use crate::trading::{Switch, TradingState};
use crate::watch::{Filter, Token};

/// How long before the caller's deadline it is told that the outcome is not known, so that it
/// learns the index with it.
const LAST_WORD: Duration = Duration::from_millis(20);

/// The way to the owner of the state. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) calls: mpsc::Sender<Call>,
    pub(crate) urgent: mpsc::Sender<Call>,
    pub(crate) switch: Switch,
    pub(crate) market: Market,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) drain: Signal,
    pub(crate) heartbeat: Duration,
}

impl Handle {
    /// Asks the owner and waits for the answer; a full queue is an answer too.
    async fn ask<T>(&self, call: impl FnOnce(Waiter<T>) -> Call) -> Result<T, OrderError> {
        let (reply, answer) = oneshot::channel();
        self.calls
            .try_send(call(reply))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => OrderError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => OrderError::Draining,
            })?;
        answer.await.map_err(|_| OrderError::Draining)?
    }

    /// Places an order and returns it after its first outcome.
    pub(crate) async fn place(&self, order: PlaceOrder) -> Result<Placed, OrderError> {
        order.check()?;
        let admitted = match self.admit(&order).await {
            Ok(admitted) => admitted,
            Err(error) => return self.repeated(&order, error).await,
        };
        let claimed = Arc::clone(&admitted.claimed);
        let placing = self.ask(|reply| Call::Place {
            admitted: Box::new(admitted),
            reply,
        });
        let Some(deadline) = Deadline::current() else {
            return placing.await;
        };
        let until = deadline.instant() - LAST_WORD.min(deadline.remaining() / 2);
        match tokio::time::timeout_at(until, placing).await {
            Ok(placed) => placed,
            Err(_) => Err(OrderError::OutcomeUnknown {
                index: ClientOrderIndex::new(claimed.load(Ordering::SeqCst).into())
                    .ok()
                    .or(order.index),
            }),
        }
    }

    async fn admit(&self, order: &PlaceOrder) -> Result<Admitted, OrderError> {
        let instrument = self.market.instrument(order.venue, &order.symbol).await?;
        let spec = order.admit(&instrument)?;
        let top = self.market.top(&instrument).await?;
        Ok(Admitted {
            spec,
            tracking: order.tracking.clone(),
            instrument,
            top,
            trace_id: order.trace_id.clone(),
            trace: TraceContext::current(),
            claimed: Arc::default(),
        })
    }

    /// Answers a repetition of what cannot be admitted now: the order stands whatever the venue's
    /// rules and prices have become since (F08).
    async fn repeated(&self, order: &PlaceOrder, error: OrderError) -> Result<Placed, OrderError> {
        let Some(index) = order.index else {
            return Err(error);
        };
        let account = order.account;
        let recorded = self
            .ask(|reply| Call::Recorded {
                account,
                index,
                reply,
            })
            .await?;
        let Some(entry) = recorded else {
            return Err(error);
        };
        let recorded = entry.order.spec();
        let named = canonical(&order.symbol) == Some(recorded.symbol)
            || self
                .market
                .known(order.venue, &order.symbol)
                .is_some_and(|known| known.symbol == recorded.symbol);
        let mut asked = chimera_model::order::OrderSpec {
            parent: None,
            ..recorded.clone()
        };
        asked.venue = order.venue;
        asked.side = order.side;
        asked.kind = order.kind;
        asked.quantity = order.quantity;
        asked.price = order.price;
        asked.post_only = order.post_only;
        asked.reduce_only = order.reduce_only;
        asked.time_in_force = order.lifetime();
        let tracking = entry.tracking.as_ref().map(|tracking| tracking.spec());
        let mut fields = differing(recorded, tracking, &asked, order.tracking.as_ref());
        if !named {
            fields.push("symbol");
        }
        if !fields.is_empty() {
            return Err(OrderError::IndexConflict { index, fields });
        }
        let order = self.get(account, index).await?;
        Ok(Placed {
            order,
            replayed: true,
        })
    }

    pub(crate) async fn validate(
        &self,
        order: PlaceOrder,
    ) -> Result<(Symbol, Assessment), OrderError> {
        order.check()?;
        let admitted = self.admit(&order).await?;
        let symbol = admitted.spec.symbol;
        let assessment = self
            .ask(|reply| Call::Validate {
                admitted: Box::new(admitted),
                reply,
            })
            .await?;
        Ok((symbol, assessment))
    }

    pub(crate) async fn cancel(
        &self,
        account: Account,
        index: ClientOrderIndex,
    ) -> Result<Cancelled, OrderError> {
        self.ask(|reply| Call::Cancel {
            account,
            index,
            reply,
        })
        .await
    }

    /// Resolves a symbol or alias that a filter names.
    async fn symbol(&self, venue: Venue, name: &str) -> Result<Symbol, OrderError> {
        if let Some(known) = self.market.known(venue, name) {
            return Ok(known.symbol);
        }
        match canonical(name) {
            Some(symbol) => Ok(symbol),
            None => Ok(self.market.instrument(venue, name).await?.symbol),
        }
    }

    pub(crate) async fn cancel_all(
        &self,
        account: Account,
        venue: Option<Venue>,
        symbol: Option<(Venue, String)>,
    ) -> Result<Vec<pb::Order>, OrderError> {
        let symbol = match symbol {
            Some((venue, name)) => Some(self.symbol(venue, &name).await?),
            None => None,
        };
        self.ask(|reply| Call::CancelAll {
            account,
            venue,
            symbol,
            reply,
        })
        .await
    }

    pub(crate) async fn get(
        &self,
        account: Account,
        index: ClientOrderIndex,
    ) -> Result<pb::Order, OrderError> {
        self.ask(|reply| Call::Get {
            account,
            index,
            reply,
        })
        .await
    }

    pub(crate) async fn list(&self, filter: ListFilter) -> Result<Page, OrderError> {
        self.ask(|reply| Call::List {
            filter: Box::new(filter),
            reply,
        })
        .await
    }

    /// Returns an order's story, everything included that was durable when it was asked for.
    pub(crate) async fn explain(
        &self,
        account: Account,
        index: ClientOrderIndex,
    ) -> Result<(pb::Order, Vec<pb::TimelineEntry>), OrderError> {
        let order = self.get(account, index).await?;
        let key = OrderKey::ours(account, index);
        match timeline::explain(self.store.as_ref(), &key).await? {
            Some((_, entries)) => Ok((order, entries)),
            None => Err(OrderError::NotFound { account, index }),
        }
    }

    pub(crate) async fn reconcile(
        &self,
        site: SiteKey,
        dry_run: bool,
    ) -> Result<Comparison, OrderError> {
        self.ask(|reply| Call::Reconcile {
            site,
            dry_run,
            reply,
        })
        .await
    }

    /// Sets the kill switch by a queue of its own: no backlog of orders stands before it, and what it
    /// forbids is forbidden already.
    pub(crate) async fn set_trading(
        &self,
        state: TradingState,
        reason: String,
    ) -> Result<Switched, OrderError> {
        let (reply, answer) = oneshot::channel();
        let call = Call::SetTrading {
            state,
            reason,
            asked: self.switch.ask(state),
            reply,
        };
        self.urgent
            .send(call)
            .await
            .map_err(|_| OrderError::Draining)?;
        answer.await.map_err(|_| OrderError::Draining)?
    }

    pub(crate) async fn trading(&self) -> Result<TradingView, OrderError> {
        self.ask(|reply| Call::GetTrading { reply }).await
    }

    /// Returns an order by its records; for those that memory may have forgotten.
    pub(crate) async fn recorded(&self, key: &OrderKey) -> Result<Option<Box<Entry>>, OrderError> {
        match key {
            OrderKey::Ours { account, index } => {
                let (account, index) = (*account, *index);
                self.ask(|reply| Call::Recorded {
                    account,
                    index,
                    reply,
                })
                .await
            }
            OrderKey::External { .. } => read_back(self.store.as_ref(), key).await,
        }
    }

    /// Waits until everything before is durable; returns the epoch and the last sequence.
    pub(crate) async fn mark(&self) -> Result<(String, u64), OrderError> {
        self.ask(|reply| Call::Mark { reply }).await
    }

    pub(crate) async fn watch(
        &self,
        filter: Filter,
        token: &str,
    ) -> Result<impl Stream<Item = Result<pb::WatchOrdersResponse, Status>> + use<>, OrderError>
    {
        let after = match token {
            "" => None,
            token => {
                let (epoch, _) = self.mark().await?;
                Some(Token::read(token, &epoch, &filter)?.seq)
            }
        };
        let opened = self
            .ask(|reply| Call::Watch {
                filter,
                after,
                reply,
            })
            .await?;
        let (clock, drain) = (self.clock.clone(), self.drain.clone());
        Ok(Frames::new(opened, filter, self.heartbeat, clock, drain).into_stream())
    }
}
