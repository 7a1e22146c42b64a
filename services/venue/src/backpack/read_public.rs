//! Frames of the public streams.

use chimera_model::market::BarInterval;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::map_market::natural;
use super::{wire_market as wire, wire_time};
use crate::checked::{level, not_negative, positive, price, taker_side};
use crate::error::{ErrorClass, VenueError};
use crate::levels::RawLevels;
use crate::public::{
    BarFrame, DepthFrame, MarkPriceFrame, PublicFrame, QuoteFrame, TickerFrame, TradeFrame,
};
use crate::wire_value::Number;

/// `{"stream":"depth.SOL_USDC","data":{…}}`, or
/// `{"id":null,"error":{"code":4006,"message":"Invalid stream"}}`.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    stream: Option<&'a str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    id: Option<u64>,
    #[serde(borrow, default)]
    error: Option<FrameError<'a>>,
}

#[derive(Deserialize)]
struct FrameError<'a> {
    #[serde(default)]
    code: i64,
    #[serde(borrow, default)]
    message: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(rename = "e", default)]
    event: Option<&'a str>,
}

/// What a frame is about.
pub(super) enum Opened<'a> {
    /// An event: its stream, its name if it has one, and its text.
    Event {
        stream: &'a str,
        kind: &'a str,
        text: &'a str,
    },
    /// A refusal of a request of ours.
    Refused { id: Option<u64>, error: VenueError },
    /// Neither.
    Nameless,
}

/// Takes the envelope off a frame.
pub(super) fn open(frame: &[u8]) -> Result<Opened<'_>, VenueError> {
    const EVENT: &str = "{\"e\":\"";

    let envelope: Envelope<'_> = serde_json::from_slice(frame)?;
    if let Some(error) = envelope.error {
        let refusal = VenueError::new(ErrorClass::Refused, &error.message);
        return Ok(Opened::Refused {
            id: envelope.id,
            error: refusal.with_code(error.code.to_string()),
        });
    }
    let (Some(stream), Some(data)) = (envelope.stream, envelope.data) else {
        return Ok(Opened::Nameless);
    };
    let text = data.get();
    // The venue writes the name first: nearly no frame is parsed for it. An escape would end the
    // name elsewhere, which is left to the parser.
    let quick = text
        .strip_prefix(EVENT)
        .and_then(|rest| rest.split_once('"'));
    let kind = match quick {
        Some((kind, _)) if !kind.contains('\\') => kind,
        _ => {
            let kind: Kind<'_> = serde_json::from_str(text)?;
            kind.event.unwrap_or_default()
        }
    };
    Ok(Opened::Event { stream, kind, text })
}

/// Reads a frame.
pub(super) fn read(frame: &[u8]) -> Result<PublicFrame<'_>, VenueError> {
    let (stream, kind, text) = match open(frame)? {
        Opened::Event { stream, kind, text } => (stream, kind, text),
        Opened::Refused { id, error } => return Ok(PublicFrame::Refused { id, error }),
        Opened::Nameless => return Ok(PublicFrame::Ignored { kind: "" }),
    };
    match kind {
        "depth" => depth(&serde_json::from_str(text)?),
        "bookTicker" => quote(&serde_json::from_str(text)?),
        "trade" => trade(&serde_json::from_str(text)?),
        "kline" => bar(stream, &serde_json::from_str(text)?),
        "ticker" => ticker(&serde_json::from_str(text)?),
        "markPrice" => mark_price(&serde_json::from_str(text)?),
        kind => Ok(PublicFrame::Ignored { kind }),
    }
}

fn depth<'a>(frame: &wire::DepthFrame<'a>) -> Result<PublicFrame<'a>, VenueError> {
    Ok(PublicFrame::Depth(DepthFrame {
        symbol: frame.symbol,
        first_update_id: natural(frame.first_update_id)?,
        last_update_id: natural(frame.last_update_id)?,
        previous_update_id: None,
        bids: RawLevels(frame.bids.get()),
        asks: RawLevels(frame.asks.get()),
        venue_time: wire_time::micros(frame.time.unwrap_or(frame.event_time))?,
    }))
}

fn quote<'a>(frame: &wire::QuoteFrame<'a>) -> Result<PublicFrame<'a>, VenueError> {
    let side = |price: Option<Number>, quantity: Option<Number>| match price.zip(quantity) {
        Some((price, quantity)) => level(price, quantity),
        None => Ok(None),
    };
    Ok(PublicFrame::Quote(QuoteFrame {
        symbol: frame.symbol,
        update_id: frame.update_id.map(natural).transpose()?,
        bid: side(frame.bid_price, frame.bid_quantity)?,
        ask: side(frame.ask_price, frame.ask_quantity)?,
        venue_time: frame.time.map(wire_time::micros).transpose()?,
    }))
}

/// A trade without an id, or with zero, met outside the book: it belongs to no sequence and is
/// passed over.
fn trade<'a>(frame: &wire::TradeFrame<'a>) -> Result<PublicFrame<'a>, VenueError> {
    let Some(trade_id) = frame.trade_id.filter(|id| *id != 0) else {
        return Ok(PublicFrame::Ignored { kind: "trade" });
    };
    Ok(PublicFrame::Trade(TradeFrame {
        symbol: frame.symbol,
        trade_id,
        price: positive(frame.price.0)?,
        quantity: positive(frame.quantity.0)?,
        taker_side: taker_side(frame.buyer_is_maker),
        venue_time: wire_time::micros(frame.time)?,
        on_book: true,
        aggregate: false,
    }))
}

/// The length of a bar stands in the name of its stream: `kline.1m.SOL_USDC`.
fn bar<'a>(stream: &str, frame: &wire::BarFrame<'a>) -> Result<PublicFrame<'a>, VenueError> {
    let Some(interval) = stream.split('.').nth(1).and_then(BarInterval::parse) else {
        return Ok(PublicFrame::Ignored { kind: "kline" });
    };
    Ok(PublicFrame::Bar(Box::new(BarFrame {
        symbol: frame.symbol,
        interval,
        open_time: wire_time::date(frame.start)?,
        end_time: wire_time::date(frame.end)?,
        open: not_negative(frame.open.0)?,
        high: not_negative(frame.high.0)?,
        low: not_negative(frame.low.0)?,
        close: not_negative(frame.close.0)?,
        volume: not_negative(frame.volume.0)?,
        quote_volume: None,
        trades: frame.trades,
        closed: frame.closed,
        venue_time: wire_time::micros(frame.event_time)?,
    })))
}

fn ticker<'a>(frame: &wire::TickerFrame<'a>) -> Result<PublicFrame<'a>, VenueError> {
    Ok(PublicFrame::Ticker(Box::new(TickerFrame {
        symbol: frame.symbol,
        last: price(frame.last)?,
        open: price(frame.open)?,
        high: price(frame.high)?,
        low: price(frame.low)?,
        volume: not_negative(frame.volume.0)?,
        quote_volume: not_negative(frame.quote_volume.0)?,
        venue_time: wire_time::micros(frame.event_time)?,
    })))
}

fn mark_price<'a>(frame: &wire::MarkPriceFrame<'a>) -> Result<PublicFrame<'a>, VenueError> {
    Ok(PublicFrame::MarkPrice(MarkPriceFrame {
        symbol: frame.symbol,
        mark_price: positive(frame.mark_price.0)?,
        index_price: frame.index_price.map(price).transpose()?.flatten(),
        funding_rate: frame.funding_rate.map(|rate| rate.0),
        next_funding_time: frame
            .next_funding_time
            .filter(|at| at.0 != 0)
            .map(wire_time::millis)
            .transpose()?,
        venue_time: wire_time::micros(frame.event_time)?,
    }))
}
