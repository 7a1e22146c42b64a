//! How answers look on a terminal, and as JSON.

use chimera_contracts::{
    FILE_DESCRIPTOR_SET,
    order::v1::{Order, TimelineEntry},
    position::v1::Position,
};
use comfy_table::{Table, presets::UTF8_BORDERS_ONLY};
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use crate::desk::state_name;

/// Returns a message of the contract, called `name` there, as one line of proto3 JSON.
pub fn json<M: prost::Message>(name: &str, message: &M) -> Result<String, String> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).map_err(|error| error.to_string())?;
    let descriptor = pool
        .get_message_by_name(name)
        .ok_or_else(|| format!("{name} is not in the contract"))?;
    let mut dynamic = DynamicMessage::new(descriptor);
    dynamic
        .transcode_from(message)
        .map_err(|error| error.to_string())?;
    let mut line = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut line);
    dynamic
        .serialize_with_options(
            &mut serializer,
            &SerializeOptions::new().skip_default_fields(false),
        )
        .map_err(|error| error.to_string())?;
    String::from_utf8(line).map_err(|error| error.to_string())
}

/// Returns orders as a table.
pub fn orders(orders: &[Order]) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY);
    table.set_header([
        "index", "account", "venue", "symbol", "side", "type", "quantity", "price", "filled",
        "average", "state", "why",
    ]);
    for order in orders {
        table.add_row([
            order.client_order_index.to_string(),
            order.account.clone(),
            order.venue.clone(),
            order.symbol.clone(),
            word(order.side().as_str_name(), "SIDE_"),
            word(order.r#type().as_str_name(), "ORDER_TYPE_"),
            order.quantity.clone(),
            order.price.clone(),
            order.filled_quantity.clone(),
            order.average_price.clone(),
            state_name(order.state()).to_owned(),
            order.reason.clone(),
        ]);
    }
    table.to_string()
}

/// Returns positions as a table.
pub fn positions(positions: &[Position]) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY);
    table.set_header([
        "account",
        "venue",
        "symbol",
        "quantity",
        "average",
        "realised",
        "unrealised",
        "venue says",
        "check",
    ]);
    for position in positions {
        table.add_row([
            position.account.clone(),
            position.venue.clone(),
            position.symbol.clone(),
            position.quantity.clone(),
            position.average_price.clone(),
            position.realized_pnl.clone(),
            position.unrealized_pnl.clone(),
            position.venue_quantity.clone(),
            word(position.check().as_str_name(), "POSITION_CHECK_"),
        ]);
    }
    table.to_string()
}

/// Returns a timeline as a table.
pub fn timeline(entries: &[TimelineEntry]) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_BORDERS_ONLY);
    table.set_header(["seq", "time", "kind", "what", "state", "facts"]);
    for entry in entries {
        let mut facts: Vec<_> = entry
            .facts
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        facts.sort();
        table.add_row([
            entry.seq.to_string(),
            entry.recorded_time.as_ref().map_or_else(String::new, time),
            word(entry.kind().as_str_name(), "TIMELINE_KIND_"),
            entry.name.clone(),
            state_name(entry.state()).to_owned(),
            facts.join(" "),
        ]);
    }
    table.to_string()
}

fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_lowercase()
}

fn time(time: &prost_types::Timestamp) -> String {
    jiff::Timestamp::new(time.seconds, time.nanos)
        .map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}
