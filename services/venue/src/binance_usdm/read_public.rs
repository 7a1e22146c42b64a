//! Frames of the public streams.

use chimera_model::UnixNanos;
use chimera_model::market::BarInterval;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::errors;
use super::wire_market as wire;
use crate::checked::{level, not_negative, positive, price, taker_side};
use crate::error::VenueError;
use crate::levels::RawLevels;
use crate::public::{
    BarFrame, DepthFrame, MarkPriceFrame, PublicFrame, QuoteFrame, TickerFrame, TradeFrame,
};
use crate::request::Operation;

/// A frame of either form, and what is neither: `{"stream":"btcusdt@depth","data":{…}}`,
/// `{"e":"depthUpdate",…}`, `{"result":null,"id":1}`,
/// `{"id":1,"error":{"code":2,"msg":"Invalid request"}}`.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "e", default)]
    event: Option<&'a str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    id: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    result: bool,
    #[serde(default)]
    error: Option<FrameError<'a>>,
    /// Some refusals stand at the top.
    #[serde(default)]
    code: Option<i64>,
    #[serde(borrow, default)]
    msg: Option<std::borrow::Cow<'a, str>>,
}

#[derive(Deserialize)]
struct FrameError<'a> {
    code: i64,
    #[serde(borrow, default)]
    msg: std::borrow::Cow<'a, str>,
}

/// Notes that a field is there, also when it is null.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// What a frame is about: a named event and its text, or an answer to a request of ours.
pub(super) enum Opened<'a> {
    Event {
        kind: &'a str,
        text: &'a str,
    },
    Answer {
        id: Option<u64>,
        error: Option<VenueError>,
    },
    Nameless,
}

/// Takes the envelope off a frame.
pub(super) fn open(frame: &[u8]) -> Result<Opened<'_>, VenueError> {
    let text =
        std::str::from_utf8(frame).map_err(|_| VenueError::unreadable("the frame is not UTF-8"))?;
    match quick(text) {
        Some(opened) => Ok(opened),
        None => careful(text, true),
    }
}

/// Opens the form in which the venue writes nearly every frame, without parsing it twice.
fn quick(text: &str) -> Option<Opened<'_>> {
    const ENVELOPE: &str = "{\"stream\":\"";
    const DATA: &str = "\",\"data\":";
    const EVENT: &str = "{\"e\":\"";

    let text = match text.strip_prefix(ENVELOPE) {
        Some(rest) => {
            let (stream, rest) = rest.split_once('"')?;
            // An escape would end the name elsewhere: leave it to the parser.
            if stream.contains('\\') {
                return None;
            }
            rest.strip_prefix(&DATA[1..])?.strip_suffix('}')?
        }
        None => text,
    };
    let (kind, _) = text.strip_prefix(EVENT)?.split_once('"')?;
    (!kind.contains('\\')).then_some(Opened::Event { kind, text })
}

fn careful(text: &str, envelope: bool) -> Result<Opened<'_>, VenueError> {
    let head: Head<'_> = serde_json::from_str(text)?;
    if let Some(kind) = head.event {
        return Ok(Opened::Event { kind, text });
    }
    if let (Some(data), true) = (head.data, envelope) {
        return careful(data.get(), false);
    }
    let failure = match (head.error, head.code) {
        (Some(error), _) => Some((error.code, error.msg)),
        (None, Some(code)) => Some((code, head.msg.unwrap_or_default())),
        (None, None) => None,
    };
    if let Some((code, message)) = failure {
        let error = errors::of_code(Operation::Query, code, &message);
        return Ok(Opened::Answer {
            id: head.id,
            error: Some(error),
        });
    }
    Ok(match (head.id, head.result) {
        (Some(id), true) => Opened::Answer {
            id: Some(id),
            error: None,
        },
        _ => Opened::Nameless,
    })
}

/// Refuses a frame of which only the beginning was looked at, unless all of it is JSON.
pub(super) fn whole(text: &str) -> Result<(), VenueError> {
    serde_json::from_str::<serde::de::IgnoredAny>(text)?;
    Ok(())
}

/// Reads a frame.
pub(super) fn read(frame: &[u8]) -> Result<PublicFrame<'_>, VenueError> {
    let (kind, text) = match open(frame)? {
        Opened::Event { kind, text } => (kind, text),
        Opened::Answer {
            id: Some(id),
            error: None,
        } => return Ok(PublicFrame::Confirmed { id }),
        Opened::Answer {
            id,
            error: Some(error),
        } => return Ok(PublicFrame::Refused { id, error }),
        Opened::Answer {
            id: None,
            error: None,
        }
        | Opened::Nameless => {
            return Ok(PublicFrame::Ignored { kind: "" });
        }
    };
    match kind {
        "depthUpdate" => depth(serde_json::from_str(text)?),
        "bookTicker" => quote(serde_json::from_str(text)?),
        "trade" => trade(serde_json::from_str(text)?),
        "aggTrade" => aggregate(serde_json::from_str(text)?),
        "kline" => bar(serde_json::from_str(text)?),
        "24hrTicker" | "24hrMiniTicker" => ticker(serde_json::from_str(text)?),
        "markPriceUpdate" => mark_price(serde_json::from_str(text)?),
        "serverShutdown" => whole(text).map(|()| PublicFrame::Shutdown),
        kind => whole(text).map(|()| PublicFrame::Ignored { kind }),
    }
}

fn time(millis: i64) -> Result<UnixNanos, VenueError> {
    Ok(UnixNanos::from_millis_any_age(millis)?)
}

fn depth(frame: wire::DepthFrame<'_>) -> Result<PublicFrame<'_>, VenueError> {
    Ok(PublicFrame::Depth(DepthFrame {
        symbol: frame.symbol,
        first_update_id: frame.first_update_id,
        last_update_id: frame.last_update_id,
        previous_update_id: frame.previous_update_id,
        bids: RawLevels(frame.bids.get()),
        asks: RawLevels(frame.asks.get()),
        venue_time: time(frame.time.unwrap_or(frame.event_time))?,
    }))
}

fn quote(frame: wire::QuoteFrame<'_>) -> Result<PublicFrame<'_>, VenueError> {
    Ok(PublicFrame::Quote(QuoteFrame {
        symbol: frame.symbol,
        update_id: frame.update_id,
        bid: level(frame.bid_price, frame.bid_quantity)?,
        ask: level(frame.ask_price, frame.ask_quantity)?,
        venue_time: frame.time.map(time).transpose()?,
    }))
}

fn trade(frame: wire::TradeFrame<'_>) -> Result<PublicFrame<'_>, VenueError> {
    Ok(PublicFrame::Trade(TradeFrame {
        symbol: frame.symbol,
        trade_id: frame.trade_id,
        price: positive(frame.price.0)?,
        quantity: positive(frame.quantity.0)?,
        taker_side: taker_side(frame.buyer_is_maker),
        venue_time: time(frame.time)?,
        on_book: frame.kind.is_none_or(|kind| kind == "MARKET"),
        aggregate: false,
    }))
}

fn aggregate(frame: wire::AggregateFrame<'_>) -> Result<PublicFrame<'_>, VenueError> {
    Ok(PublicFrame::Trade(TradeFrame {
        symbol: frame.symbol,
        trade_id: frame.aggregate_id.unwrap_or(frame.last_trade_id),
        price: positive(frame.price.0)?,
        quantity: positive(frame.quantity.0)?,
        taker_side: taker_side(frame.buyer_is_maker),
        venue_time: time(frame.time)?,
        on_book: true,
        aggregate: true,
    }))
}

fn bar(frame: wire::BarFrame<'_>) -> Result<PublicFrame<'_>, VenueError> {
    let bar = &frame.bar;
    let Some(interval) = BarInterval::parse(bar.interval) else {
        return Ok(PublicFrame::Ignored { kind: "kline" });
    };
    let open_time = time(bar.open_time)?;
    Ok(PublicFrame::Bar(Box::new(BarFrame {
        symbol: frame.symbol,
        interval,
        open_time,
        end_time: open_time.saturating_add(std::time::Duration::from_secs(interval.seconds())),
        open: not_negative(bar.open.0)?,
        high: not_negative(bar.high.0)?,
        low: not_negative(bar.low.0)?,
        close: not_negative(bar.close.0)?,
        volume: not_negative(bar.volume.0)?,
        quote_volume: Some(not_negative(bar.quote_volume.0)?),
        trades: bar.trades,
        closed: bar.closed,
        venue_time: time(frame.event_time)?,
    })))
}

fn ticker(frame: wire::TickerFrame<'_>) -> Result<PublicFrame<'_>, VenueError> {
    Ok(PublicFrame::Ticker(Box::new(TickerFrame {
        symbol: frame.symbol,
        last: price(frame.last)?,
        open: price(frame.open)?,
        high: price(frame.high)?,
        low: price(frame.low)?,
        volume: not_negative(frame.volume.0)?,
        quote_volume: not_negative(frame.quote_volume.0)?,
        venue_time: time(frame.event_time)?,
    })))
}

fn mark_price(frame: wire::MarkPriceFrame<'_>) -> Result<PublicFrame<'_>, VenueError> {
    let rate = frame
        .funding_rate
        .as_deref()
        .filter(|rate| !rate.is_empty());
    let rate = rate.map(chimera_model::Decimal::parse_venue).transpose();
    Ok(PublicFrame::MarkPrice(MarkPriceFrame {
        symbol: frame.symbol,
        mark_price: positive(frame.mark_price.0)?,
        index_price: frame.index_price.map(price).transpose()?.flatten(),
        funding_rate: rate.map_err(|error| VenueError::unreadable(error.to_string()))?,
        next_funding_time: frame
            .next_funding_time
            .filter(|at| *at != 0)
            .map(time)
            .transpose()?,
        venue_time: time(frame.event_time)?,
    }))
}
