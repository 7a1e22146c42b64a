use chimera_contracts::{
    common::v1::{StreamHeartbeat, StreamLagged},
    market_data::v1::{
        MarketUpdate, MarketUpdates, Ticker, Trade, WatchResponse, market_update::Update,
        watch_response::Frame,
    },
};
use prost::Message as _;

use super::{Seen, look};

fn frame(frame: Frame) -> Vec<u8> {
    let response = WatchResponse { frame: Some(frame) };
    response.encode_to_vec()
}

fn trade(id: u64) -> MarketUpdate {
    let trade = Trade {
        venue: "binance-usdm".to_owned(),
        symbol: "BTC-USDT-PERP".to_owned(),
        trade_id: id.to_string(),
        price: "61800.3".to_owned(),
        replayed: true,
        ..Trade::default()
    };
    MarketUpdate {
        update: Some(Update::Trade(trade)),
    }
}

#[test]
fn trades_are_counted_and_the_first_is_named() {
    let ticker = MarketUpdate {
        update: Some(Update::Ticker(Ticker::default())),
    };
    let updates = vec![trade(9_000_000_000), ticker, trade(9_000_000_001)];
    let seen = look(&frame(Frame::Updates(MarketUpdates { updates }))).unwrap();
    let wanted = Seen {
        trades: 2,
        first: 9_000_000_000,
    };
    assert_eq!(seen, wanted);
}

#[test]
fn other_frames_hold_nothing_and_torn_ones_are_known() {
    let lagged = StreamLagged {
        dropped: 300,
        ..StreamLagged::default()
    };
    for other in [
        Frame::Heartbeat(StreamHeartbeat::default()),
        Frame::Lagged(lagged),
    ] {
        assert_eq!(look(&frame(other)), Some(Seen::default()));
    }
    let whole = frame(Frame::Updates(MarketUpdates {
        updates: vec![trade(1)],
    }));
    assert_eq!(look(&whole[..whole.len() - 3]), None);
}
