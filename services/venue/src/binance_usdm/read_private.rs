//! Frames of the private stream.

use chimera_model::UnixNanos;
use chimera_model::report::{AccountConfig, AccountEvent};

use super::map_order::Mapper;
use super::read_public::{Opened, open, whole};
use super::wire_event as wire;
use crate::checked::{unmapped, unmapped_fee};
use crate::error::{VenueError, printable};

/// Most events read of one frame: an account has a few hundred assets and positions at most.
const EVENTS_MAX: usize = 4_096;

/// Reads a frame. What names an unknown instrument becomes an event that says so; only a frame
/// that cannot be read at all is an error.
pub(super) fn read(mapper: &Mapper, frame: &[u8]) -> Result<Vec<AccountEvent>, VenueError> {
    let (kind, text) = match open(frame)? {
        Opened::Event { kind, text } => (kind, text),
        Opened::Answer {
            error: Some(error), ..
        } => return Err(error),
        Opened::Answer { error: None, .. } | Opened::Nameless => return Ok(Vec::new()),
    };
    match kind {
        "ORDER_TRADE_UPDATE" => order(mapper, &serde_json::from_str(text)?),
        "ACCOUNT_UPDATE" => account(mapper, &serde_json::from_str(text)?),
        "ACCOUNT_CONFIG_UPDATE" => config(mapper, &serde_json::from_str(text)?),
        "MARGIN_CALL" => margin_call(mapper, &serde_json::from_str(text)?),
        "listenKeyExpired" => whole(text).map(|()| vec![AccountEvent::SessionExpired]),
        "serverShutdown" => whole(text).map(|()| vec![AccountEvent::Shutdown]),
        // TRADE_LITE repeats a fill without its fee; the rest is of order kinds not placed here.
        kind => {
            let kind = printable(kind);
            whole(text).map(|()| vec![AccountEvent::Ignored { kind }])
        }
    }
}

fn order(mapper: &Mapper, frame: &wire::OrderFrame<'_>) -> Result<Vec<AccountEvent>, VenueError> {
    let mut events = vec![match mapper.order_event(&frame.order, frame.time) {
        Ok(report) => AccountEvent::Order(Box::new(report)),
        Err(error) => AccountEvent::Unmapped(unmapped(&frame.order.symbol, "order", error)?),
    }];
    let fee = frame
        .order
        .fee_asset
        .as_deref()
        .map(unmapped_fee)
        .transpose()?
        .flatten();
    events.extend(fee.map(AccountEvent::Unmapped));
    Ok(events)
}

fn account(
    mapper: &Mapper,
    frame: &wire::AccountFrame<'_>,
) -> Result<Vec<AccountEvent>, VenueError> {
    let (update, time) = (&frame.update, frame.time);
    if update.balances.len() + update.positions.len() > EVENTS_MAX {
        return Err(VenueError::unreadable(
            "more balances and positions than an account has",
        ));
    }
    let mut events = Vec::with_capacity(update.balances.len() + update.positions.len());
    for balance in &update.balances {
        match mapper.balance_event(balance, time) {
            Ok(report) => events.push(AccountEvent::Balance(Box::new(report))),
            Err(error) => {
                events.push(AccountEvent::Unmapped(unmapped(
                    &balance.asset,
                    "balance",
                    error,
                )?));
                continue;
            }
        }
        if let Some(cash) = mapper.cash_event(balance, &update.reason, time)? {
            events.push(AccountEvent::Cash(Box::new(cash)));
        }
    }
    for position in &update.positions {
        events.push(match mapper.position_event(position, time) {
            Ok(report) => AccountEvent::Position(Box::new(report)),
            Err(error) => AccountEvent::Unmapped(unmapped(&position.symbol, "position", error)?),
        });
    }
    Ok(events)
}

fn config(mapper: &Mapper, frame: &wire::ConfigFrame<'_>) -> Result<Vec<AccountEvent>, VenueError> {
    let mut events = Vec::new();
    if let Some(leverage) = &frame.leverage {
        events.push(match mapper.leverage(leverage) {
            Ok(config) => AccountEvent::Config(config),
            Err(error) => AccountEvent::Unmapped(unmapped(&leverage.symbol, "leverage", error)?),
        });
    }
    if let Some(assets) = &frame.assets {
        events.push(AccountEvent::Config(AccountConfig::MultiAssetMargin(
            assets.multi_assets.0,
        )));
    }
    Ok(events)
}

fn margin_call(
    mapper: &Mapper,
    frame: &wire::MarginCallFrame<'_>,
) -> Result<Vec<AccountEvent>, VenueError> {
    let (mut symbols, mut events) = (Vec::new(), Vec::new());
    for position in frame.positions.iter().take(EVENTS_MAX) {
        match mapper.instrument(&position.symbol) {
            Ok(instrument) => symbols.push(instrument.symbol),
            Err(error) => {
                let note = unmapped(&position.symbol, "margin call", error)?;
                events.push(AccountEvent::Unmapped(note));
            }
        }
    }
    let venue_time = UnixNanos::from_millis(frame.event_time.0)?;
    events.insert(
        0,
        AccountEvent::MarginCall {
            symbols,
            venue_time,
        },
    );
    Ok(events)
}
