//! The kill switch: durable before it answers, checked at the last points before the wire, here and
//! in the connector, and not done until nothing is open (F27, F60, F135).

use std::time::Duration;

use chimera_contracts::connector::v1 as connector;
use chimera_contracts::order::v1 as pb;
use chimera_model::order::OrderState;
use chimera_model::{Account, Symbol, Venue};
use chimera_runtime::deadline::Deadline;

use crate::call::{Switched, Told, TradingView};
use crate::config::ms;
use crate::entry::Entry;
use crate::follow::Waiter;
use crate::journal_log::{Body, TradingChange};
use crate::key::OrderKey;
use crate::market::Connector;
use crate::service::{Desk, spawn_bound};
use crate::trading::TradingState;
use crate::writer::Stored;

/// How long one attempt to withdraw may take, and how long until the next: the answer to a kill
/// waits for one that succeeds. The pause doubles up to the longest, since a connector may be gone
/// for long and each attempt is logged.
const WITHDRAW_WITHIN: Duration = Duration::from_millis(500);
const WITHDRAW_PAUSE: Duration = Duration::from_millis(20);
const WITHDRAW_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Has the connector withdraw what has not left.
struct Withdrawal {
    connector: Connector,
    request: connector::WithdrawSubmissionsRequest,
}

impl Withdrawal {
    /// Ends when the connector has confirmed.
    async fn done(mut self) {
        let mut pause = WITHDRAW_PAUSE;
        loop {
            let deadline = Deadline::after(WITHDRAW_WITHIN);
            let asked = self.connector.withdraw_submissions(self.request);
            match deadline.bound(asked).await {
                Ok(Ok(_)) => return,
                Ok(Err(error)) => tracing::warn!(%error, "submissions are not withdrawn yet"),
                Err(error) => tracing::warn!(%error, "submissions are not withdrawn yet"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(WITHDRAW_PAUSE_MAX);
        }
    }
}

impl Desk {
    /// Sets the trading state.
    ///
    /// A state that forbids more is in force at once, one that allows more only when it is durable.
    /// The answer comes when it is durable, the connector has withdrawn what had not left, and what
    /// had left has its outcome, and after a halt when the venues show nothing open; or when the
    /// time for that is over, and then it says so.
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
            for key in self.killable() {
                self.ask_cancel(&key);
                cancels_asked += 1;
            }
        }
        let mut switched = Switched {
            state,
            since: self.ledger.trading.since,
            cancels_asked,
            settled: true,
            none_open: false,
            leftovers: Vec::new(),
            unverified: Vec::new(),
        };
        let withdrawal = self.withdrawal(state);
        let switch = self.tools.switch.clone();
        let (tasks, told) = (self.tools.tasks.clone(), self.tools.told.clone());
        let settle = ms(self.tools.config.timing.kill_settle_ms);
        self.effect(Box::new(move |stored| {
            if stored == Stored::Not {
                // The switch stays where it forbids more; what is not durable is not promised.
                if let Some(withdrawal) = withdrawal {
                    spawn_bound(&tasks, "order-withdraw", withdrawal.done());
                }
                let _ = reply.send(Err(crate::error::OrderError::JournalFailed));
                return;
            }
            switch.set(state);
            spawn_bound(&tasks, "order-kill", async move {
                if let Some(withdrawal) = withdrawal {
                    let both = async { tokio::join!(withdrawal.done(), switch.settled()) };
                    switched.settled = tokio::time::timeout(settle, both).await.is_ok();
                }
                if !switched.settled {
                    tracing::error!("a submission may still be on its way after the kill");
                }
                if state == TradingState::Halted {
                    let _ = told.send(Told::Settled { switched, reply }).await;
                } else {
                    let _ = reply.send(Ok(switched));
                }
            });
        }));
    }

    /// Returns what has the connector withdraw what was recorded up to now; nothing when everything
    /// may pass.
    fn withdrawal(&self, state: TradingState) -> Option<Withdrawal> {
        (state != TradingState::Active).then(|| Withdrawal {
            connector: self.tools.connector.clone(),
            request: connector::WithdrawSubmissionsRequest {
                before_seq: self.next_seq,
                spare_lowering: state == TradingState::Reducing,
            },
        })
    }

    /// Returns whether trading is halted and the order bears an id of ours. The journal may lack
    /// it: then it is marked external, and still ours for a kill.
    pub(crate) fn is_to_die(&self, key: &OrderKey) -> bool {
        self.ledger.trading.state == TradingState::Halted && key.index().is_some()
    }

    /// Returns the open orders that bear an id of ours.
    pub(crate) fn killable(&self) -> Vec<OrderKey> {
        let ours = |entry: &Entry| entry.order.spec().index.is_some();
        self.open_where(ours)
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
        self.open_where(|entry| {
            let spec = entry.order.spec();
            !entry.order.is_external()
                && account.is_none_or(|account| account == spec.account)
                && venue.is_none_or(|venue| venue == spec.venue)
                && symbol.is_none_or(|symbol| symbol == spec.symbol)
        })
    }

    fn open_where(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<OrderKey> {
        let open = self.ledger.open.iter();
        let matching = open.filter(|key| self.ledger.get(key).is_some_and(&wanted));
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
        // The connector may have outlived this service, with what waits in it.
        if let Some(withdrawal) = self.withdrawal(self.ledger.trading.state) {
            spawn_bound(&self.tools.tasks, "order-withdraw", withdrawal.done());
        }
        if self.ledger.trading.state == TradingState::Halted {
            for key in self.killable() {
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
