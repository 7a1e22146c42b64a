//! Private streams: events of an account on their way to its sockets, faults included.

use super::feed::combine;
use super::private_frames::{
    AccountMove, OrderContext, account_update, leverage_update, open_worth, order_update,
    trade_lite,
};
use super::sessions::Sessions;
use crate::engine::AccountId;
use crate::exchange::{Event, Exchange, Execution, Fill, Order};
use crate::faults::{Facts, FaultKind};
use crate::hub::Hub;

/// Events that a script holds back at once.
const HELD_MAX: usize = 10_000;

/// One private event, ready to be sent.
#[derive(Clone, Debug)]
struct Message {
    account: AccountId,
    event: &'static str,
    frame: String,
}

/// An event that a script holds back.
#[derive(Debug)]
struct Held {
    message: Message,
    /// When it is sent.
    due_ms: Option<u64>,
    /// After how many further events it is sent.
    after: Option<u32>,
}

/// What is known of a private event besides its frame.
#[derive(Clone, Debug, Default)]
struct About {
    symbol: Option<String>,
    client_id: Option<String>,
    execution: Option<Execution>,
}

/// The private streams of the venue.
#[derive(Debug, Default)]
pub(super) struct PrivateFeed {
    held: Vec<Held>,
}

impl PrivateFeed {
    /// Tells an account's sockets of an event that concerns it.
    pub fn tell(
        &mut self,
        exchange: &mut Exchange,
        hub: &mut Hub,
        sessions: &Sessions,
        event: &Event,
        now_ms: u64,
    ) {
        for (message, about) in compose(exchange, event, now_ms) {
            self.pass(exchange, hub, sessions, message, &about, now_ms);
        }
    }

    /// Sends what has been held back long enough.
    pub fn tick(&mut self, hub: &mut Hub, sessions: &Sessions, now_ms: u64) {
        self.release(hub, sessions, |held| {
            held.due_ms.is_some_and(|due_ms| due_ms <= now_ms)
        });
    }

    fn pass(
        &mut self,
        exchange: &mut Exchange,
        hub: &mut Hub,
        sessions: &Sessions,
        message: Message,
        about: &About,
        now_ms: u64,
    ) {
        let account = exchange.account(message.account).name.clone();
        let facts = Facts {
            symbol: about.symbol.as_deref(),
            client_id: about.client_id.as_deref(),
            account: Some(&account),
            execution: about.execution,
            event: Some(message.event),
            ..Facts::default()
        };
        let fault = exchange.faults.take(&facts, |kind| {
            matches!(
                kind,
                FaultKind::DuplicateEvent
                    | FaultKind::DropEvent
                    | FaultKind::DelayEvent { .. }
                    | FaultKind::ReorderEvent { .. }
            )
        });
        let held = |due_ms, after| Held {
            message: message.clone(),
            due_ms,
            after,
        };
        let hold = match fault {
            Some(FaultKind::DropEvent) => return,
            Some(FaultKind::DelayEvent { ms }) => Some(held(Some(now_ms + ms), None)),
            Some(FaultKind::ReorderEvent { past }) => Some(held(None, Some(past.max(1)))),
            Some(FaultKind::DuplicateEvent) => {
                send(hub, sessions, &message);
                None
            }
            _ => None,
        };
        if let Some(hold) = hold
            && self.held.len() < HELD_MAX
        {
            self.held.push(hold);
            return;
        }
        send(hub, sessions, &message);
        for held in &mut self.held {
            held.after = held.after.map(|after| after.saturating_sub(1));
        }
        self.release(hub, sessions, |held| held.after == Some(0));
    }

    fn release(&mut self, hub: &mut Hub, sessions: &Sessions, due: impl Fn(&Held) -> bool) {
        let (out, kept) = std::mem::take(&mut self.held).into_iter().partition(due);
        self.held = kept;
        let out: Vec<Held> = out;
        for held in out {
            send(hub, sessions, &held.message);
        }
    }
}

fn send(hub: &mut Hub, sessions: &Sessions, message: &Message) {
    let Some(key) = sessions.key(message.account) else {
        return;
    };
    hub.publish(key, &message.frame, combine);
    hub.publish(&format!("{key}@{}", message.event), &message.frame, combine);
}

/// Returns the frames of an event; none where it concerns no account.
fn compose(exchange: &Exchange, event: &Event, now_ms: u64) -> Vec<(Message, About)> {
    match event {
        Event::Order {
            order,
            execution,
            fill,
            time_ms,
        } => compose_order(
            exchange,
            order,
            (*execution, fill.as_deref()),
            now_ms,
            *time_ms,
        ),
        Event::Balance {
            account,
            reason,
            wallet,
            change,
            position,
            time_ms,
        } => {
            let moved = AccountMove {
                reason: *reason,
                wallet: *wallet,
                change: *change,
                position: position.map(|(id, held, mark)| (exchange.instrument(id), held, mark)),
            };
            let frame = account_update(&moved, now_ms, *time_ms);
            let message = Message {
                account: *account,
                event: "ACCOUNT_UPDATE",
                frame,
            };
            let symbol = position.map(|(id, _, _)| exchange.instrument(id).symbol.clone());
            vec![(
                message,
                About {
                    symbol,
                    ..About::default()
                },
            )]
        }
        Event::Leverage {
            account,
            instrument,
            leverage,
            time_ms,
        } => {
            let instrument = exchange.instrument(*instrument);
            let frame = leverage_update(instrument, *leverage, now_ms, *time_ms);
            let symbol = Some(instrument.symbol.clone());
            let message = Message {
                account: *account,
                event: "ACCOUNT_CONFIG_UPDATE",
                frame,
            };
            vec![(
                message,
                About {
                    symbol,
                    ..About::default()
                },
            )]
        }
        Event::Book { .. } | Event::Trade(_) => Vec::new(),
    }
}

/// A fill is told twice, in short and in full.
fn compose_order(
    exchange: &Exchange,
    order: &Order,
    change: (Execution, Option<&Fill>),
    now_ms: u64,
    time_ms: u64,
) -> Vec<(Message, About)> {
    let (execution, fill) = change;
    let account = order.terms.account;
    let instrument = exchange.instrument(order.terms.instrument);
    let symbol = Some(instrument.symbol.clone());
    let mut messages = Vec::new();
    if let Some(fill) = fill {
        let frame = trade_lite(instrument, order, fill, now_ms);
        let about = About {
            symbol: symbol.clone(),
            ..About::default()
        };
        messages.push((
            Message {
                account,
                event: "TRADE_LITE",
                frame,
            },
            about,
        ));
    }
    let open = exchange.open_orders(account);
    let here = open.filter(|open| open.terms.instrument == order.terms.instrument);
    let (bids, asks) = open_worth(here);
    let context = OrderContext {
        execution,
        fill,
        bids,
        asks,
    };
    let frame = order_update(instrument, order, &context, now_ms, time_ms);
    let client_id = Some(order.terms.client_id.clone());
    let about = About {
        symbol,
        client_id,
        execution: Some(execution),
    };
    messages.push((
        Message {
            account,
            event: "ORDER_TRADE_UPDATE",
            frame,
        },
        about,
    ));
    messages
}
