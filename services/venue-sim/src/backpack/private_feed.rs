//! Private streams: events of an account on their way to its sockets, faults included.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

use super::feed::wrap;
use super::holdings::balances;
use super::positions::Positions;
use super::private_frames::{balance_update, order_update, position_update};
use crate::delivery::Delivery;
use crate::engine::AccountId;
use crate::exchange::{Event, Exchange, Execution};
use crate::faults::Facts;
use crate::hub::Hub;

/// One private event, ready to be sent.
#[derive(Clone, Debug)]
struct Message {
    account: AccountId,
    stream: &'static str,
    symbol: Option<String>,
    client_id: Option<String>,
    execution: Option<Execution>,
    frame: Value,
}

/// The private streams of the venue.
#[derive(Debug, Default)]
pub(super) struct PrivateFeed {
    delivery: Delivery<Message>,
    balances: BTreeMap<AccountId, BTreeMap<String, (Decimal, Decimal)>>,
}

/// Returns what a private stream of an account is called inside the hub.
pub(super) fn hub_name(account: AccountId, stream: &str) -> String {
    format!("{account}/{stream}")
}

impl PrivateFeed {
    /// Tells an account's sockets of an event that concerns it.
    pub fn tell(
        &mut self,
        exchange: &mut Exchange,
        hub: &mut Hub,
        positions: &mut Positions,
        event: &Event,
        now_ms: u64,
    ) {
        let mut messages: Vec<Message> = compose(exchange, positions, event, now_ms)
            .into_iter()
            .collect();
        if let Event::Order { order, .. } = event {
            messages.extend(self.moved(exchange, order.terms.account, now_ms));
        }
        if let Event::Balance { account, .. } = event {
            messages.extend(self.moved(exchange, *account, now_ms));
        }
        for message in messages {
            let account = exchange.account(message.account).name.clone();
            let stream = message.stream;
            let (symbol, client_id) = (message.symbol.clone(), message.client_id.clone());
            let facts = Facts {
                symbol: symbol.as_deref(),
                client_id: client_id.as_deref(),
                account: Some(&account),
                execution: message.execution,
                event: Some(stream),
                ..Facts::default()
            };
            let faults = &mut exchange.faults;
            self.delivery
                .pass(faults, &facts, message, now_ms, |message| {
                    send(hub, message)
                });
        }
    }

    /// Sends what has been held back long enough.
    pub fn tick(&mut self, hub: &mut Hub, now_ms: u64) {
        self.delivery.tick(now_ms, |message| send(hub, message));
    }

    /// Returns the balances of an account that differ from what was told last.
    fn moved(&mut self, exchange: &Exchange, account: AccountId, now_ms: u64) -> Vec<Message> {
        let now = balances(exchange, account);
        let before = self
            .balances
            .insert(account, now.clone())
            .unwrap_or_default();
        let moved = now
            .into_iter()
            .filter(|(asset, held)| before.get(asset) != Some(held));
        let message = |(asset, held): (String, (Decimal, Decimal))| Message {
            account,
            stream: "account.balanceUpdate",
            symbol: None,
            client_id: None,
            execution: None,
            frame: balance_update(&asset, held, now_ms),
        };
        moved.map(message).collect()
    }
}

fn send(hub: &mut Hub, message: &Message) {
    let name = hub_name(message.account, message.stream);
    let raw = message.frame.to_string();
    hub.publish(&name, &raw, wrap);
    if let Some(symbol) = &message.symbol {
        hub.publish(&format!("{name}.{symbol}"), &raw, wrap);
    }
}

/// Returns the frame of an event about an order or a position.
fn compose(
    exchange: &Exchange,
    positions: &mut Positions,
    event: &Event,
    now_ms: u64,
) -> Option<Message> {
    match event {
        Event::Order {
            order,
            execution,
            fill,
            time_ms,
        } => {
            let change = (*execution, fill.as_deref());
            let symbol = &exchange.instrument(order.terms.instrument).symbol;
            Some(Message {
                account: order.terms.account,
                stream: "account.orderUpdate",
                symbol: Some(symbol.clone()),
                client_id: Some(order.terms.client_id.clone()),
                execution: Some(*execution),
                frame: order_update(exchange, order, change, now_ms, *time_ms),
            })
        }
        Event::Balance {
            account,
            position: Some((instrument, position, _)),
            ..
        } => {
            let key = (*account, *instrument);
            let (change, opening) = positions.note(key, position, now_ms);
            let change = Some(change);
            Some(Message {
                account: *account,
                stream: "account.positionUpdate",
                symbol: Some(exchange.instrument(*instrument).symbol.clone()),
                client_id: None,
                execution: None,
                frame: position_update(exchange, key, position, change, &opening, now_ms),
            })
        }
        Event::Balance { position: None, .. }
        | Event::Leverage { .. }
        | Event::Book { .. }
        | Event::Trade(_) => None,
    }
}
