use chimera_contracts::market_data::v1::{
    MarketUpdate, MarketUpdates, Trade, WatchResponse, market_update::Update, watch_response::Frame,
};
use prost::Message as _;

use super::{element, frame};

fn trade(id: &str) -> Update {
    Update::Trade(Trade {
        trade_id: id.to_owned(),
        price: "1.5".to_owned(),
        ..Trade::default()
    })
}

#[test]
fn a_frame_of_elements_is_the_message_that_the_contract_describes() {
    let updates = ["1", "2", "3"].map(trade);
    let elements: Vec<_> = updates.iter().cloned().map(element).collect();
    let expected = WatchResponse {
        frame: Some(Frame::Updates(MarketUpdates {
            updates: updates
                .into_iter()
                .map(|update| MarketUpdate {
                    update: Some(update),
                })
                .collect(),
        })),
    };
    assert_eq!(frame(&elements), expected.encode_to_vec());
    assert_eq!(WatchResponse::decode(frame(&elements)).unwrap(), expected);
}
