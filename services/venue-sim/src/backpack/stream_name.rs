//! What a subscription names.

use super::market_data::interval;
use crate::exchange::{Exchange, InstrumentId};
use crate::intervals::Interval;

/// Windows over which book changes are gathered; zero sends each at once.
pub(super) const WINDOWS_MS: [u64; 4] = [0, 200, 600, 1000];

/// What a public stream is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// Changes of the book.
    Depth,
    /// The best bid and ask.
    BookTicker,
    /// Trades.
    Trade,
    /// The last day.
    Ticker,
    /// Bars.
    Kline(Interval),
    /// The mark price.
    MarkPrice,
    /// Open interest.
    OpenInterest,
}

/// A public stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub topic: Topic,
    pub instrument: InstrumentId,
}

/// Why a name is refused; unknown markets are not, they stay silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameError {
    /// No stream is called so.
    Stream,
    /// Book changes are not gathered over this window.
    Window,
}

/// Private streams, which may be narrowed to a market by its symbol at the end. Balances and
/// requests for quotes are streamed too, though the venue's older documentation lacks them.
pub(super) const PRIVATE: [&str; 4] = [
    "account.orderUpdate",
    "account.positionUpdate",
    "account.balanceUpdate",
    "account.rfqUpdate",
];

/// Whether a private stream is called so.
pub(super) fn is_private(name: &str) -> bool {
    PRIVATE.iter().any(|known| {
        let rest = name.strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Reads the name of a public stream; nothing where the market is none that is listed.
pub(super) fn read(exchange: &Exchange, name: &str) -> Result<Option<Stream>, NameError> {
    if name == "liquidation" {
        return Ok(None);
    }
    let (kind, rest) = name.split_once('.').ok_or(NameError::Stream)?;
    let (topic, symbol) = match kind {
        "depth" => (Topic::Depth, depth_symbol(rest)?),
        "bookTicker" => (Topic::BookTicker, rest),
        "trade" => (Topic::Trade, rest),
        "ticker" => (Topic::Ticker, rest),
        "markPrice" => (Topic::MarkPrice, rest),
        "openInterest" => (Topic::OpenInterest, rest),
        "kline" => {
            let (length, symbol) = rest.split_once('.').ok_or(NameError::Stream)?;
            let length = interval(length).ok_or(NameError::Stream)?;
            (Topic::Kline(length), symbol)
        }
        _ => return Err(NameError::Stream),
    };
    let instrument = exchange.find(symbol);
    Ok(instrument.map(|instrument| Stream { topic, instrument }))
}

fn depth_symbol(rest: &str) -> Result<&str, NameError> {
    let Some((window, symbol)) = rest.split_once("ms.") else {
        return Ok(rest);
    };
    let known = |known: &u64| *known > 0 && known.to_string() == window;
    if WINDOWS_MS.iter().any(known) {
        Ok(symbol)
    } else {
        Err(NameError::Window)
    }
}
