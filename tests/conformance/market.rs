//! Public market data.

use chimera_contracts::{
    common::v1::{Instrument, InstrumentStatus},
    market_data::v1::{
        Bar, BarInterval, Channel, Freshness, GetInstrumentRequest, GetOrderBookRequest,
        ListBarsRequest, ListInstrumentsRequest, ListTickersRequest, ListTradesRequest,
        Subscription, WatchRequest, market_update::Update, watch_response::Frame,
    },
};
use chimera_model::{Decimal, Rounding};
use chimera_tests::{PATIENCE, eventually};

use crate::desk::{ALIAS, Desk, decimal};

/// Changes of the book followed before the chain counts as proven.
const CHANGES: u32 = 20;

pub async fn instruments_are_listed_page_by_page_with_their_filters(desk: &Desk) {
    let mut listed: Vec<Instrument> = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListInstrumentsRequest {
            venue: desk.venue(),
            page_size: 1,
            page_token,
        };
        let page = desk.house.market_data().list_instruments(request).await;
        let page = page.unwrap().into_inner();
        assert!(page.instruments.len() <= 1);
        listed.extend(page.instruments);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert!(listed.contains(&desk.instrument), "{listed:?}");
    for one in &listed {
        assert_eq!(one.venue, desk.venue());
        for (rule, value) in [("tick", &one.tick_size), ("lot", &one.lot_size)] {
            assert!(decimal(value).is_positive(), "{rule} of {one:?}");
        }
        assert!(
            decimal(&one.min_quantity) <= decimal(&one.max_quantity),
            "{one:?}"
        );
    }
    let traded = &desk.instrument;
    assert_eq!(traded.status(), InstrumentStatus::Trading);
    for symbol in [ALIAS, &traded.symbol, &traded.venue_symbol] {
        let request = GetInstrumentRequest {
            venue: desk.venue(),
            symbol: symbol.to_owned(),
        };
        let found = desk.house.market_data().get_instrument(request).await;
        let found = found.unwrap().into_inner().instrument;
        assert_eq!(found.as_ref(), Some(traded), "{symbol}");
    }
}

pub async fn a_ticker_is_live_and_not_crossed(desk: &Desk) {
    eventually("a live ticker with all its prices", async || {
        let request = ListTickersRequest {
            venue: desk.venue(),
            symbols: vec![ALIAS.to_owned()],
        };
        let answer = desk.house.market_data().list_tickers(request).await;
        let ticker = answer.unwrap().into_inner().tickers.pop()?;
        let priced = [&ticker.bid_price, &ticker.ask_price, &ticker.last_price];
        if priced.iter().any(|price| price.is_empty()) {
            return None;
        }
        assert_eq!(ticker.symbol, desk.symbol());
        assert!(
            decimal(&ticker.bid_price) < decimal(&ticker.ask_price),
            "{ticker:?}"
        );
        for price in priced {
            on_grid(price, &desk.instrument.tick_size);
        }
        assert!(!decimal(&ticker.volume_24h).is_negative());
        (ticker.freshness() == Freshness::Live).then_some(())
    })
    .await;
}

pub async fn a_book_is_live_sorted_and_on_the_grid(desk: &Desk) {
    let request = GetOrderBookRequest {
        venue: desk.venue(),
        symbol: desk.symbol(),
        depth: 5,
        require_live: true,
    };
    let answer = desk.house.market_data().get_order_book(request).await;
    let book = answer.unwrap().into_inner().book.unwrap();
    assert_eq!((book.bid_prices.len(), book.ask_prices.len()), (5, 5));
    assert!(book.bid_prices.is_sorted_by(|above, below| above > below));
    assert!(book.ask_prices.is_sorted_by(|below, above| below < above));
    assert!(
        book.bid_prices[0] < book.ask_prices[0],
        "not crossed: {book:?}"
    );
    let grids = [
        (
            book.price_scale,
            book.bid_prices.iter().chain(&book.ask_prices),
            &desk.instrument.tick_size,
        ),
        (
            book.quantity_scale,
            book.bid_quantities.iter().chain(&book.ask_quantities),
            &desk.instrument.lot_size,
        ),
    ];
    for (scale, values, grid) in grids {
        for value in values {
            let value = Decimal::from_scaled(*value, scale).unwrap();
            assert!(value.is_positive());
            on_grid(&value.to_string(), grid);
        }
    }
}

pub async fn public_trades_are_listed_oldest_first(desk: &Desk) {
    let trades = eventually("public trades", async || {
        let request = ListTradesRequest {
            venue: desk.venue(),
            symbol: desk.symbol(),
            limit: 20,
        };
        let answer = desk.house.market_data().list_trades(request).await;
        let trades = answer.unwrap().into_inner().trades;
        (trades.len() > 1).then_some(trades)
    })
    .await;
    assert!(trades.len() <= 20);
    let times = trades
        .iter()
        .map(|one| one.venue_time.map(|at| (at.seconds, at.nanos)));
    assert!(times.is_sorted(), "{trades:?}");
    for trade in &trades {
        on_grid(&trade.price, &desk.instrument.tick_size);
        on_grid(&trade.quantity, &desk.instrument.lot_size);
        assert_ne!(trade.aggressor, 0, "{trade:?}");
    }
    let mut names: Vec<_> = trades.iter().map(|one| &one.trade_id).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), trades.len(), "each trade once");
}

pub async fn bars_are_aligned_and_hold_their_prices(desk: &Desk) {
    let request = ListBarsRequest {
        venue: desk.venue(),
        symbol: desk.symbol(),
        interval: BarInterval::BarInterval1m.into(),
        limit: 3,
        ..ListBarsRequest::default()
    };
    let answer = desk.house.market_data().list_bars(request).await;
    let bars = answer.unwrap().into_inner().bars;
    assert!((1..=3).contains(&bars.len()), "{bars:?}");
    let opened = |bar: &Bar| bar.open_time.unwrap().seconds;
    assert!(bars.iter().map(opened).is_sorted());
    for bar in &bars {
        assert_eq!(opened(bar) % 60, 0, "{bar:?}");
        let [open, high, low, close] =
            [&bar.open, &bar.high, &bar.low, &bar.close].map(|text| decimal(text));
        assert!(low <= open.min(close) && open.max(close) <= high, "{bar:?}");
    }
}

pub async fn a_watched_market_tells_tickers_trades_bars_and_a_gapless_book(desk: &Desk) {
    let channels = [
        Channel::Ticker,
        Channel::Book,
        Channel::Trades,
        Channel::Bars,
    ];
    let subscriptions = channels.map(|channel| Subscription {
        venue: desk.venue(),
        symbol: ALIAS.to_owned(),
        channel: channel.into(),
        interval: match channel {
            Channel::Bars => BarInterval::BarInterval1m.into(),
            _ => 0,
        },
        ..Subscription::default()
    });
    let request = WatchRequest {
        subscriptions: subscriptions.to_vec(),
    };
    let stream = desk.house.market_data().watch(request).await;
    let mut stream = stream.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap().frame.unwrap();
    let Frame::Ack(ack) = first else {
        panic!("the first frame is the ack, not {first:?}")
    };
    assert!(
        ack.items.len() == 4 && ack.items.iter().all(|item| item.accepted),
        "{ack:?}"
    );

    let following = async {
        let (mut book, mut changes) = (None, 0);
        let (mut ticker, mut trade, mut bar) = (false, false, false);
        while changes < CHANGES || !(ticker && trade && bar) {
            let Frame::Updates(batch) = stream.message().await.unwrap().unwrap().frame.unwrap()
            else {
                continue;
            };
            for update in batch.updates {
                match update.update.unwrap() {
                    Update::BookSnapshot(snapshot) => book = Some(snapshot.seq),
                    Update::BookDelta(delta) => {
                        assert_eq!(Some(delta.prev_seq), book, "no change is missing");
                        book = Some(delta.seq);
                        changes += 1;
                    }
                    Update::Ticker(_) => ticker = true,
                    Update::Trade(_) => trade = true,
                    Update::Bar(_) => bar = true,
                    Update::Freshness(_) => {}
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, following).await.unwrap();
}

/// Refuses a value that is no multiple of its grid.
fn on_grid(value: &str, grid: &str) {
    let (value, grid) = (decimal(value), decimal(grid));
    let steps = value
        .div_exact(grid)
        .unwrap_or_else(|error| panic!("{value} / {grid}: {error}"));
    assert_eq!(
        steps.round(0, Rounding::Down),
        Ok(steps),
        "{value} is off {grid}"
    );
}
