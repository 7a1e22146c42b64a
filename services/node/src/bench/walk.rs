//! A cheap look into `WatchResponse`: counts updates and reads trade ids, decodes nothing else, so
//! that readers are not what is measured.

#[cfg(test)]
mod tests;

/// `WatchResponse.updates`, length-delimited.
const UPDATES_KEY: u8 = 0x12;
/// `MarketUpdates.updates`.
const ELEMENT_KEY: u8 = 0x0a;
/// `MarketUpdate.trade`.
const TRADE_KEY: u8 = 0x22;
/// `Trade.trade_id`, a string.
const TRADE_ID_KEY: u8 = 0x1a;

/// What one frame holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Trades in it.
    pub trades: u64,
    /// The first one's id; the others follow it, one by one.
    pub first: u64,
}

/// Looks into a frame; `None` when it is no `WatchResponse`.
pub fn look(frame: &[u8]) -> Option<Seen> {
    let mut seen = Seen::default();
    let Some((&key, rest)) = frame.split_first() else {
        return Some(seen);
    };
    let (mut rest, _) = delimited(rest)?;
    if key != UPDATES_KEY {
        return Some(seen);
    }
    while let Some((&key, after)) = rest.split_first() {
        let (element, next) = delimited(after)?;
        if key == ELEMENT_KEY && element.first() == Some(&TRADE_KEY) {
            if seen.trades == 0 {
                seen.first = trade_id(element)?;
            }
            seen.trades += 1;
        }
        rest = next;
    }
    Some(seen)
}

/// Returns the id of the trade that an element holds.
fn trade_id(element: &[u8]) -> Option<u64> {
    let (mut trade, _) = delimited(&element[1..])?;
    while let Some((&key, after)) = trade.split_first() {
        // Venue, symbol and id come first, all of them strings.
        let (text, next) = delimited(after)?;
        if key == TRADE_ID_KEY {
            return std::str::from_utf8(text).ok()?.parse().ok();
        }
        trade = next;
    }
    None
}

fn delimited(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}
