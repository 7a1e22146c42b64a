//! The kill switch: durable before it answers, checked at the last point before the wire, and not
//! done until nothing is open (F27, F60, F135).

use chimera_model::order::OrderState;
use chimera_model::{Account, Symbol, Venue};

use chimera_contracts::order::v1 as pb;

use crate::call::{Switched, TradingView};
use crate::config::ms;
use crate::follow::Waiter;
use crate::journal_log::{Body, TradingChange};
use crate::key::OrderKey;
use crate::service::{Desk, spawn_bound};
use crate::trading::TradingState;
use crate::writer::Stored;

impl Desk {
    /// Sets the trading state.
    ///
    /// A state that forbids more is in force at once, one that allows more only when it is durable.
    /// The answer comes when it is durable and every submission that had passed the last check has
    /// its outcome, or the time for that is over.
    pub(crate) fn set_trading(
        &mut self,
        state: TradingState,
        reason: String,
        reply: Waiter<Switched>,
    ) {
        let before = self.ledger.trading.state;
        if state > before {
            self.tools.switch.set(state);
        }
        if state != before || reason != self.ledger.trading.reason {
            tracing::warn!(
                from = before.name(),
                to = state.name(),
                reason,
                "trading state is set"
            );
            self.log(None, Body::Trading(TradingChange { state, reason }));
        }
        let mut cancels_asked = 0;
        if state == TradingState::Halted {
            for key in self.cancellable(None, None, None) {
                self.ask_cancel(&key);
                cancels_asked += 1;
            }
        }
        let switched = Switched {
            state,
            since: self.ledger.trading.since,
            cancels_asked,
        };
        let switch = self.tools.switch.clone();
        let tasks = self.tools.tasks.clone();
        let settle = ms(self.tools.config.timing.kill_settle_ms);
        self.effect(Box::new(move |stored| {
            if stored == Stored::Not {
                // The switch stays where it forbids more; what is not durable is not promised.
                let _ = reply.send(Err(crate::error::OrderError::JournalFailed));
                return;
            }
            switch.set(state);
            spawn_bound(&tasks, "order-kill", async move {
                if state != TradingState::Active
                    && tokio::time::timeout(settle, switch.settled())
                        .await
                        .is_err()
                {
                    tracing::error!("a submission is still without an outcome after the kill");
                }
                let _ = reply.send(Ok(switched));
            });
        }));
    }

    pub(crate) fn trading_view(&self) -> TradingView {
        let trading = &self.ledger.trading;
        TradingView {
            state: trading.state,
            reason: trading.reason.clone(),
            since: trading.since,
            open_orders: self.ledger.open.len(),
            ready: self.is_ready(),
        }
    }

    /// Returns the open orders that this service may cancel: its own, parents before their children
    /// (F28).
    pub(crate) fn cancellable(
        &self,
        account: Option<Account>,
        venue: Option<Venue>,
        symbol: Option<Symbol>,
    ) -> Vec<OrderKey> {
        let matching = self.ledger.open.iter().filter(|key| {
            self.ledger.get(key).is_some_and(|entry| {
                let spec = entry.order.spec();
                !entry.order.is_external()
                    && account.is_none_or(|account| account == spec.account)
                    && venue.is_none_or(|venue| venue == spec.venue)
                    && symbol.is_none_or(|symbol| symbol == spec.symbol)
            })
        });
        let (parents, rest): (Vec<OrderKey>, Vec<OrderKey>) = matching
            .cloned()
            .partition(|key| self.ledger.get(key).is_some_and(|it| it.tracking.is_some()));
        parents.into_iter().chain(rest).collect()
    }

    /// Cancels every open order of an account that this service placed.
    pub(crate) fn cancel_all(
        &mut self,
        account: Account,
        venue: Option<Venue>,
        symbol: Option<Symbol>,
        reply: Waiter<Vec<pb::Order>>,
    ) {
        let keys = self.cancellable(Some(account), venue, symbol);
        for key in &keys {
            self.ask_cancel(key);
        }
        let orders = keys.iter().map(|key| self.rendered(key)).collect();
        self.reply(reply, orders);
    }

    /// Goes on after a restart with the cancels that were asked for before it (F135).
    pub(crate) fn resume_cancels(&mut self) {
        if self.ledger.trading.state == TradingState::Halted {
            for key in self.cancellable(None, None, None) {
                self.ask_cancel(&key);
            }
        }
        let asked: Vec<OrderKey> = self
            .ledger
            .open
            .iter()
            .filter(|key| {
                self.ledger.get(key).is_some_and(|entry| {
                    entry.order.is_cancel_asked()
                        && entry.order.state() != OrderState::PendingCancel
                })
            })
            .cloned()
            .collect();
        for key in asked {
            self.ask_cancel(&key);
        }
    }
}
