//! Private streams: events of an account on their way to its sockets, faults included.

use super::feed::combine;
use super::private_frames::{
    AccountMove, OrderContext, account_update, leverage_update, open_worth, order_update,
    trade_lite,
};
use super::sessions::Sessions;
use crate::delivery::Delivery;
use crate::engine::AccountId;
use crate::exchange::{Event, Exchange, Execution, Fill, Order};
use crate::faults::Facts;
use crate::hub::Hub;

/// One private event, ready to be sent.
#[derive(Clone, Debug)]
struct Message {
    account: AccountId,
    event: &'static str,
    frame: String,
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
    delivery: Delivery<Message>,
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
            let account = exchange.account(message.account).name.clone();
            let facts = Facts {
                symbol: about.symbol.as_deref(),
                client_id: about.client_id.as_deref(),
                account: Some(&account),
                execution: about.execution,
                event: Some(message.event),
                ..Facts::default()
            };
            let faults = &mut exchange.faults;
            self.delivery
                .pass(faults, &facts, message, now_ms, |message| {
                    send(hub, sessions, message);
                });
        }
    }

    /// Sends what has been held back long enough.
    pub fn tick(&mut self, hub: &mut Hub, sessions: &Sessions, now_ms: u64) {
        self.delivery
            .tick(now_ms, |message| send(hub, sessions, message));
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
