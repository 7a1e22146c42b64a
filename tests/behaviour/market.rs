//! Public market data, over real sockets.

use chimera_contracts::market_data::v1::{
    BarInterval, Channel, Freshness, GetOrderBookRequest, ListBarsRequest, ListInstrumentsRequest,
    ListTickersRequest, Subscription, WatchRequest, market_update::Update, watch_response::Frame,
};

use chimera_tests::{PATIENCE, eventually};

use crate::scene::Scene;

/// Changes followed before the chain counts as proven.
const CHANGES: u32 = 20;

pub async fn a_watched_book_is_a_gapless_chain_from_its_snapshot(house: &Scene) {
    let subscription = Subscription {
        venue: house.ground.venue.to_owned(),
        symbol: "SOL".to_owned(),
        channel: Channel::Book.into(),
        depth: 1_000,
        ..Subscription::default()
    };
    let request = WatchRequest {
        subscriptions: vec![subscription],
    };
    let mut stream = house
        .market_data()
        .watch(request)
        .await
        .unwrap()
        .into_inner();
    let first = stream.message().await.unwrap().unwrap().frame.unwrap();
    let Frame::Ack(ack) = first else {
        panic!("the first frame is the ack, not {first:?}")
    };
    assert_eq!(
        ack.items[0].item,
        format!("{}/{}/book", house.ground.venue, house.ground.symbol)
    );
    let following = async {
        let (mut seq, mut followed) = (None, 0);
        while followed < CHANGES {
            let Frame::Updates(batch) = stream.message().await.unwrap().unwrap().frame.unwrap()
            else {
                continue;
            };
            for update in batch.updates {
                match update.update.unwrap() {
                    Update::BookSnapshot(book) => {
                        assert!(!book.bid_prices.is_empty() && !book.ask_prices.is_empty());
                        assert!(book.bid_prices[0] < book.ask_prices[0], "not crossed");
                        seq = Some(book.seq);
                    }
                    Update::BookDelta(delta) => {
                        assert_eq!(Some(delta.prev_seq), seq, "no change is missing");
                        seq = Some(delta.seq);
                        followed += 1;
                    }
                    other => panic!("not of a book: {other:?}"),
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, following).await.unwrap();
}

pub async fn tickers_bars_and_instruments_answer(house: &Scene) {
    let venue = || house.ground.venue.to_owned();
    let mut client = house.market_data();
    let listed = eventually("instruments are listed", async || {
        let request = ListInstrumentsRequest {
            venue: venue(),
            ..Default::default()
        };
        let found = house
            .market_data()
            .list_instruments(request)
            .await
            .ok()?
            .into_inner();
        (!found.instruments.is_empty()).then_some(found.instruments)
    })
    .await;
    assert!(
        listed
            .iter()
            .any(|instrument| instrument.symbol == house.ground.symbol)
    );

    let request = ListTickersRequest {
        venue: venue(),
        symbols: vec!["SOL".to_owned()],
    };
    let tickers = client
        .list_tickers(request)
        .await
        .unwrap()
        .into_inner()
        .tickers;
    assert!(
        !tickers[0].bid_price.is_empty() && !tickers[0].ask_price.is_empty(),
        "{tickers:?}"
    );

    let request = GetOrderBookRequest {
        venue: venue(),
        symbol: house.ground.venue_symbol.to_owned(),
        depth: 5,
        require_live: true,
    };
    let book = client
        .get_order_book(request)
        .await
        .unwrap()
        .into_inner()
        .book
        .unwrap();
    assert_eq!(
        (book.bid_prices.len(), book.freshness()),
        (5, Freshness::Live)
    );

    let request = ListBarsRequest {
        venue: venue(),
        symbol: house.ground.symbol.to_owned(),
        interval: BarInterval::BarInterval1m.into(),
        limit: 3,
        ..ListBarsRequest::default()
    };
    let bars = client.list_bars(request).await.unwrap().into_inner().bars;
    assert!(!bars.is_empty() && bars.len() <= 3, "{bars:?}");
}
