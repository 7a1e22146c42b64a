use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::{Driver, Generator, Market, Record, Recording, Replay};
use crate::account::Credentials;
use crate::binance_usdm::instruments;
use crate::engine::{Price, Quantity, SelfTrade, Side, TimeInForce};
use crate::exchange::{Event, Exchange, Kind, NewOrder, OrderStatus};

const BTC: usize = 0;

fn exchange() -> Exchange {
    let mut exchange = Exchange::new(instruments(), 1_000);
    let keys = Credentials {
        key: "k".to_owned(),
        secret: "s".to_owned(),
    };
    exchange.open_account("main", keys, Decimal::from(100_000));
    exchange
}

fn generated(exchange: &Exchange, seed: u64) -> Market {
    let generator = |id| Generator::new(seed, id, exchange.instrument(id), 20);
    Market::new(
        (0..3)
            .map(|id| Driver::Generated(Box::new(generator(id))))
            .collect(),
    )
}

fn order(side: Side, price: Price, quantity: Quantity) -> NewOrder {
    NewOrder {
        account: 0,
        instrument: BTC,
        client_id: "a".to_owned(),
        side,
        kind: Kind::Limit,
        price: Some(price),
        quantity,
        quote_quantity: None,
        time_in_force: TimeInForce::PostOnly,
        reduce_only: false,
        self_trade: SelfTrade::Allow,
        expires_ms: None,
    }
}

fn run(seed: u64, to_ms: u64) -> Vec<Event> {
    let mut exchange = exchange();
    let mut market = generated(&exchange, seed);
    for now_ms in (1_000..to_ms).step_by(25) {
        market.advance(&mut exchange, now_ms);
        exchange.advance(now_ms);
    }
    exchange.take_events()
}

#[test]
fn the_same_seed_gives_the_same_market_and_another_seed_another() {
    let (one, same, other) = (run(7, 20_000), run(7, 20_000), run(8, 20_000));
    assert_eq!(format!("{one:?}"), format!("{same:?}"));
    assert_ne!(format!("{one:?}"), format!("{other:?}"));
}

#[test]
fn the_generated_market_trades_and_quotes_both_sides_deeply() {
    let mut exchange = exchange();
    let mut market = generated(&exchange, 3);
    for now_ms in (1_000..31_000).step_by(25) {
        market.advance(&mut exchange, now_ms);
        exchange.advance(now_ms);
        for id in 0..3 {
            let bids = exchange.book(id).depth(Side::Buy, 100);
            let asks = exchange.book(id).depth(Side::Sell, 100);
            assert!(
                bids.len() >= 20 && asks.len() >= 20,
                "{} levels",
                bids.len()
            );
            assert!(bids[0].0 < asks[0].0);
        }
    }
    for id in 0..3 {
        assert!(exchange.tape(id).trades().count() > 100);
        let prices: Vec<Price> = exchange
            .tape(id)
            .trades()
            .map(|trade| trade.price)
            .collect();
        assert_ne!(prices.iter().min(), prices.iter().max(), "the price moves");
    }
}

/// A passive order at the touch must fill in seconds, or no tracking limit ever ends.
#[test]
fn a_passive_order_at_the_touch_fills_within_seconds() {
    for seed in 0..20 {
        let mut exchange = exchange();
        let mut market = generated(&exchange, seed);
        let mut now_ms = 1_000;
        market.advance(&mut exchange, now_ms);
        let (bid, _) = exchange.book(BTC).best(Side::Buy).unwrap();
        let quantity = Quantity::from_raw(200_000);
        let id = exchange
            .place(now_ms, order(Side::Buy, bid, quantity))
            .unwrap();
        while exchange.order(id).unwrap().status != OrderStatus::Filled {
            now_ms += 25;
            assert!(
                now_ms < 31_000,
                "seed {seed} has not filled the order in 30 s"
            );
            market.advance(&mut exchange, now_ms);
        }
        let fill = exchange.fills().last().unwrap();
        assert!(fill.maker && fill.price == bid);
    }
}

#[test]
fn moving_the_market_trades_through_the_orders_between() {
    let mut exchange = exchange();
    let mut market = generated(&exchange, 1);
    market.advance(&mut exchange, 1_000);
    let (bid, _) = exchange.book(BTC).best(Side::Buy).unwrap();
    let below = bid - Price::from_raw(1_000_000_000);
    let id = exchange
        .place(1_000, order(Side::Buy, below, Quantity::from_raw(200_000)))
        .unwrap();

    market.move_to(
        &mut exchange,
        BTC,
        bid - Price::from_raw(2_000_000_000),
        1_001,
    );

    assert_eq!(exchange.order(id).unwrap().status, OrderStatus::Filled);
    assert_eq!(exchange.fills().last().unwrap().price, below);
}

fn recording(name: &str) -> Option<Recording> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = std::env::var("CHIMERA_SHARED").unwrap_or_else(|_| beside.to_owned());
    let file = PathBuf::from(shared).join("market-data").join(name);
    if !file.exists() {
        println!("skipped: {} is not there", file.display());
        return None;
    }
    Some(Recording::open(&file).unwrap())
}

type Top = (Option<(Price, Quantity)>, Option<(Price, Quantity)>);

fn top(exchange: &Exchange, id: usize) -> Top {
    (
        exchange.book(id).best(Side::Buy),
        exchange.book(id).best(Side::Sell),
    )
}

/// The recorded top of book is a second witness of the recorded changes: wherever both name the
/// same update, the book built of the changes alone must agree with it.
#[test]
fn a_replayed_book_equals_the_recorded_best_prices_of_the_same_update() {
    let files = [
        ("binance_usdm_btcusdt_20240718.ndjson.gz", 0),
        ("binance_usdm_ethusdt_20240718.ndjson.gz", 1),
    ];
    for (file, id) in files {
        let Some(recording) = recording(file) else {
            return;
        };
        let best = |(_, record): &(u64, Record)| match record {
            Record::Best { last, bid, ask } => Some((*last, (Some(*bid), Some(*ask)))),
            _ => None,
        };
        let witnesses: HashMap<u64, Top> = recording.records.iter().filter_map(best).collect();
        let mut exchange = exchange();
        let mut replay = Replay::new(Arc::new(recording.clone()), id, 1000);
        let mut agreed = 0;
        for (at_ms, record) in &recording.records {
            if matches!(record, Record::Best { .. } | Record::Trade { .. }) {
                continue;
            }
            replay.play(&mut exchange, record, *at_ms);
            let sequence = exchange.book(id).sequence();
            if let Some(witness) = witnesses.get(&sequence) {
                assert_eq!(top(&exchange, id), *witness, "{file} at update {sequence}");
                agreed += 1;
            }
        }
        assert!(agreed > 100, "{file}: only {agreed} updates have a witness");
        println!("{file}: {agreed} updates agree");
    }
}

#[test]
fn a_replayed_market_publishes_one_chain_and_goes_on_when_the_recording_repeats() {
    let Some(recording) = recording("binance_usdm_btcusdt_20240718.ndjson.gz") else {
        return;
    };
    let length = recording.records.last().unwrap().0;
    let mut exchange = exchange();
    let replay = Replay::new(Arc::new(recording), BTC, 1000);
    let mut market = Market::new(vec![Driver::Replayed(Box::new(replay))]);
    let (mut last_update, mut prints) = (None, 0);
    for now_ms in (1_000..1_000 + length + 20_000).step_by(100) {
        market.advance(&mut exchange, now_ms);
        for event in exchange.take_events() {
            match event {
                Event::Book { first, last, .. } => {
                    assert!(last_update.is_none_or(|before| first == before + 1));
                    last_update = Some(last);
                }
                Event::Trade(_) => prints += 1,
                _ => {}
            }
        }
        let (bid, ask) = top(&exchange, BTC);
        assert!(bid.unwrap().0 < ask.unwrap().0);
    }
    assert!(
        prints > 974,
        "{prints} prints: the recording holds 974 and has begun again"
    );
}

/// Money is kept exactly through a whole recorded market with orders of ours in its queues.
#[test]
fn orders_in_a_replayed_market_fill_and_the_wallet_adds_up() {
    let Some(recording) = recording("binance_usdm_btcusdt_20240718.ndjson.gz") else {
        return;
    };
    let mut exchange = exchange();
    let replay = Replay::new(Arc::new(recording), BTC, 1000);
    let mut market = Market::new(vec![Driver::Replayed(Box::new(replay))]);
    market.advance(&mut exchange, 1_000);
    for (number, now_ms) in (1_000..170_000).step_by(500).enumerate() {
        market.advance(&mut exchange, now_ms);
        let open: Vec<u64> = exchange.open_orders(0).map(|order| order.id).collect();
        for id in open {
            exchange.cancel(now_ms, 0, id).unwrap();
        }
        let (bid, ask) = top(&exchange, BTC);
        let inside = Quantity::from_raw(200_000 + number as i64 % 7 * 100_000);
        for (side, price) in [(Side::Buy, ask.unwrap().0), (Side::Sell, bid.unwrap().0)] {
            let mut terms = order(side, price, inside);
            terms.client_id = format!("{side:?}-{number}");
            terms.time_in_force = TimeInForce::GoodTillCancelled;
            exchange.place(now_ms, terms).unwrap();
        }
    }
    let account = exchange.account(0);
    let (mut realised, mut fees) = (Decimal::ZERO, Decimal::ZERO);
    for fill in exchange.fills() {
        realised += fill.realised;
        fees += fill.fee;
    }
    assert!(exchange.fills().count() > 300);
    assert_eq!(account.wallet, account.deposited + realised - fees);
    assert_eq!(account.position(BTC).realised, realised);
}
