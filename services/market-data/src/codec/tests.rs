use bytes::Bytes;
use chimera_contracts::market_data::v1::{
    MarketUpdate, MarketUpdates, Trade, WatchResponse, market_update::Update, watch_response::Frame,
};
use chimera_egress::{Egress, EgressPolicy};
use chimera_runtime::{Channel, clock::Clock, drain::Drain, fault::reason_of, tasks::Tasks};
use http::uri::PathAndQuery;
use prost::Message as _;
use tonic::{Code, Request, client::Grpc};

use super::{RawCodec, element, frame};
use crate::{Config, Dependencies, start};

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

/// `Watch` reads its requests by a decoder of its own.
#[tokio::test]
async fn h13_a_watch_request_that_cannot_be_decoded_is_refused_like_any_other() {
    let clock = Clock::system();
    let dependencies = Dependencies {
        adapters: Vec::new(),
        egress: Egress::over_sockets(EgressPolicy::default(), None, clock.clone()).unwrap(),
        clock,
        drain: Drain::new().signal(),
        tasks: Tasks::new(),
    };
    let server = start(Config::default(), dependencies).unwrap();
    let mut grpc = Grpc::new(Channel::in_process(server.routes()));
    let Ok(()) = grpc.ready().await;
    let path = PathAndQuery::from_static("/chimera.market_data.v1.MarketDataService/Watch");
    let no_such_field = Bytes::from_static(b"\x0a\x02\x00\x00");

    let answer = grpc.server_streaming(Request::new(no_such_field), path, RawCodec);
    let status = answer.await.unwrap_err();

    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(reason_of(&status).as_deref(), Some("MALFORMED_REQUEST"));
}
