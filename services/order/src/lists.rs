//! Answering calls: reads, lists, and what is handed on to those who decide.

use std::sync::Arc;

use chimera_model::order::OrderSpec;
use chimera_model::{Decimal, Symbol, Venue};
use tokio::time::Instant;

use crate::call::{Admitted, Call, ListFilter, Page, Then};
use crate::config::ms;
use crate::entry::Entry;
use crate::error::OrderError;
use crate::follow::Waiter;
use crate::key::OrderKey;
use crate::render;
use crate::risk::{Assessment, is_way_out};
use crate::service::{Desk, spawn_bound};
use crate::submit::{line, site, unjudged};

impl Desk {
    /// Takes a call.
    pub(crate) fn call(&mut self, call: Call) {
        match call {
            Call::Place { admitted, reply } => {
                self.note_price(&admitted);
                self.place(*admitted, reply);
            }
            Call::Validate { admitted, reply } => self.validate(&admitted, reply),
            Call::Cancel {
                account,
                index,
                reply,
            } => self.cancel(account, index, reply),
            Call::CancelAll {
                account,
                venue,
                symbol,
                reply,
            } => self.cancel_all(account, venue, symbol, reply),
            Call::Get {
                account,
                index,
                reply,
            } => {
                let key = OrderKey::ours(account, index);
                if self.ledger.get(&key).is_none() && !self.is_fresh(&key) {
                    let call = Call::Get {
                        account,
                        index,
                        reply,
                    };
                    return self.load(key, Then::Call(Box::new(call)));
                }
                let order = self.rendered(&key);
                self.reply_read(reply, order);
            }
            Call::Recorded {
                account,
                index,
                reply,
            } => {
                let key = OrderKey::ours(account, index);
                let entry = self.ledger.get(&key).cloned().map(Box::new);
                if entry.is_none() && !self.is_fresh(&key) {
                    let call = Call::Recorded {
                        account,
                        index,
                        reply,
                    };
                    return self.load(key, Then::Call(Box::new(call)));
                }
                self.reply_read(reply, Ok(entry));
            }
            Call::List { filter, reply } => {
                let page = self.list(&filter);
                self.reply_read(reply, Ok(page));
            }
            Call::Watch {
                filter,
                after,
                reply,
            } => self.watch(filter, after, reply),
            Call::Reconcile {
                site,
                dry_run,
                reply,
            } => self.reconcile(site, dry_run, reply),
            Call::SetTrading {
                state,
                reason,
                asked,
                reply,
            } => {
                self.set_trading(state, reason, reply);
                drop(asked);
            }
            Call::GetTrading { reply } => {
                let view = self.trading_view();
                self.reply_read(reply, Ok(view));
            }
            Call::Mark { reply } => {
                let mark = (self.epoch.clone(), self.next_seq - 1);
                self.reply_read(reply, Ok(mark));
            }
        }
    }

    /// Refuses a call, whatever it asked for.
    pub(crate) fn refuse_call(&mut self, call: Call, error: OrderError) {
        match call {
            Call::Place { reply, .. } => self.reply_read(reply, Err(error)),
            Call::Validate { reply, .. } => self.reply_read(reply, Err(error)),
            Call::Cancel { reply, .. } | Call::Get { reply, .. } => {
                self.reply_read(reply, Err(error));
            }
            Call::CancelAll { reply, .. } => self.reply_read(reply, Err(error)),
            Call::Recorded { reply, .. } => self.reply_read(reply, Err(error)),
            Call::List { reply, .. } => self.reply_read(reply, Err(error)),
            Call::Watch { reply, .. } => self.reply_read(reply, Err(error)),
            Call::Reconcile { reply, .. } => self.reply_read(reply, Err(error)),
            Call::SetTrading { reply, .. } => self.reply_read(reply, Err(error)),
            Call::GetTrading { reply } => self.reply_read(reply, Err(error)),
            Call::Mark { reply } => self.reply_read(reply, Err(error)),
        }
    }

    fn validate(&mut self, admitted: &Admitted, reply: Waiter<Assessment>) {
        let spec = &admitted.spec;
        let way_out = is_way_out(spec, &self.ledger.holding(&line(spec)));
        let ready = self.ready_for(site(spec), way_out);
        let offered = ready.and_then(|()| self.is_offered(admitted));
        let assessed = offered.and_then(|()| {
            self.judge(admitted)
                .map_err(|refusal| unjudged(spec, refusal))
        });
        self.reply_read(reply, assessed);
    }

    /// Returns a page of orders, newest index first; external ones come last.
    fn list(&self, filter: &ListFilter) -> Page {
        let admits = |spec: &OrderSpec, entry: &Entry| {
            filter.account.is_none_or(|account| account == spec.account)
                && filter.venue.is_none_or(|venue| venue == spec.venue)
                && filter.symbol.is_none_or(|symbol| symbol == spec.symbol)
                && (filter.states.is_empty() || filter.states.contains(&entry.order.state()))
                && filter
                    .parent
                    .is_none_or(|parent| spec.parent == Some(parent))
        };
        let mut found: Vec<(&OrderKey, &Arc<Entry>)> = self
            .ledger
            .orders
            .iter()
            .filter(|(_, entry)| admits(entry.order.spec(), entry))
            .collect();
        found.sort_by(|(left, _), (right, _)| place_in_list(right).cmp(&place_in_list(left)));
        let after = |key: &OrderKey| {
            filter
                .before
                .as_ref()
                .is_none_or(|last| place_in_list(key) < place_in_list(last))
        };
        let mut rest = found.into_iter().filter(|(key, _)| after(key));
        let page: Vec<_> = rest.by_ref().take(filter.count).collect();
        let more = rest.next().is_some();
        Page {
            next: page.last().filter(|_| more).map(|(key, _)| (*key).clone()),
            orders: page
                .into_iter()
                .map(|(_, entry)| render::order(entry))
                .collect(),
        }
    }

    /// Remembers what an instrument was last worth, for orders that bear no price.
    fn note_price(&mut self, admitted: &Admitted) {
        let price = admitted
            .top
            .and_then(|top| top.bid.or(top.ask))
            .or(admitted.spec.price);
        if let Some(price) = price {
            self.prices
                .insert((admitted.spec.venue, admitted.spec.symbol), price);
        }
    }

    pub(crate) fn last_price(&self, venue: Venue, symbol: &Symbol) -> Option<Decimal> {
        self.prices.get(&(venue, *symbol)).copied()
    }

    /// Returns how long a venue may still take a request of ours.
    pub(crate) fn validity_window(&self, key: &OrderKey) -> std::time::Duration {
        let venue = self.ledger.get(key).map(|entry| entry.order.spec().venue);
        let stated = venue.and_then(|venue| self.offers.get(&venue)?.window);
        // Until the venue's own is known, the time that a command may take at all.
        stated.unwrap_or(ms(self.tools.config.timing.command_deadline_ms))
    }

    /// Forgets an instrument whose rules may be why something was not sent (F68).
    pub(crate) fn forget_instrument(&self, key: &OrderKey) {
        if let Some(entry) = self.ledger.get(key) {
            let spec = entry.order.spec();
            self.tools.market.forget(spec.venue, spec.symbol);
        }
    }

    /// Keeps a snapshot now and then, which bounds the next restart.
    pub(crate) fn snapshot_when_due(&mut self) {
        let every = self.tools.config.snapshot_every_records;
        let last = self.next_seq - 1;
        if last < self.snapshot_seq + every {
            return;
        }
        // One at a time: the next is due again when this one is kept.
        if self.snapshot_kept.strong_count() > 0 {
            return;
        }
        self.snapshot_seq = last;
        let under_way = Arc::new(());
        self.snapshot_kept = Arc::downgrade(&under_way);
        let picture = crate::snapshot::picture(&self.ledger, self.begun, &self.epoch);
        let (store, tasks) = (self.tools.store.clone(), self.tools.tasks.clone());
        self.effect(Box::new(move |stored| {
            if stored == crate::writer::Stored::Not {
                return;
            }
            spawn_bound(&tasks, "order-snapshot", async move {
                let began = Instant::now();
                let encode = Box::new(move || crate::snapshot::encode(&picture));
                if let Err(error) = store.keep_snapshot(last, encode).await {
                    tracing::error!(%error, "a snapshot could not be kept; a restart reads more");
                }
                crate::metrics::step("snapshot", began.elapsed());
                drop(under_way);
            });
        }));
    }
}

/// Returns what a list is ordered by: the index, then the account; external orders below all.
fn place_in_list(key: &OrderKey) -> (u32, &OrderKey) {
    (key.index().map_or(0, |index| index.get()), key)
}
