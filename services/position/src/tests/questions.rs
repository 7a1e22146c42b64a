//! Unary calls, their answers and their refusals.

use chimera_contracts::connector::v1 as connector;
use chimera_contracts::connector::v1::account_event::Event;
use chimera_contracts::order::v1 as order;
use chimera_contracts::position::v1 as pb;
use chimera_contracts::position::v1::PositionCheck;
use chimera_contracts::position::v1::position_change::Change;
use chimera_runtime::fault::{facts_of, fields_of, reason_of};
use tonic::Code;

use super::fake_connector::{FakeConnector, VENUE};
use super::fake_order::FakeOrder;
use super::mesh::{Mesh, SOL, Watch, buy, held, quick, sell, time};
use crate::{Config, StartError};

fn margin(wallet_balance: &str, second: i64) -> connector::MarginReport {
    connector::MarginReport {
        venue: VENUE.to_owned(),
        account: "main".to_owned(),
        asset: "USDT".to_owned(),
        wallet_balance: wallet_balance.to_owned(),
        margin_balance: wallet_balance.to_owned(),
        available: "50".to_owned(),
        initial_margin: "10".to_owned(),
        maintenance_margin: "5".to_owned(),
        unrealized_pnl: "-1.5".to_owned(),
        venue_time: time(second),
        received_time: time(second),
    }
}

fn balance(asset: &str, total: &str, second: i64) -> connector::BalanceReport {
    connector::BalanceReport {
        asset: asset.to_owned(),
        total: total.to_owned(),
        available: String::new(),
        venue_time: time(second),
        received_time: time(second),
    }
}

async fn until_margin(watch: &mut Watch, wallet_balance: &str) {
    loop {
        if let Some(Change::Margin(margin)) = watch.change().await.change
            && margin.wallet_balance == wallet_balance
        {
            return;
        }
    }
}

#[tokio::test]
async fn profit_is_totalled_by_asset() {
    let mesh = Mesh::ready().await;
    let fee = |amount: &str, asset: &str| {
        let (asset, amount) = (asset.to_owned(), amount.to_owned());
        Some(chimera_contracts::common::v1::Fee { asset, amount })
    };
    mesh.order.conclude(order::Fill {
        fee: fee("0.08", "USDT"),
        ..buy(1, "2", "100")
    });
    mesh.order.conclude(order::Fill {
        fee: fee("-0.01", "USDT"),
        ..sell(2, "1", "105")
    });
    mesh.order.conclude(order::Fill {
        fee: fee("0.001", "BNB"),
        ..sell(3, "0.5", "105")
    });
    mesh.connector.state(held("0.5", "100", 3));
    mesh.until("main", SOL, |position| {
        position.check() == PositionCheck::Agrees
    })
    .await;

    let request = pb::GetPnlRequest {
        account: "main".to_owned(),
        venue: String::new(),
    };
    let pnl = mesh
        .client
        .clone()
        .get_pnl(request)
        .await
        .unwrap()
        .into_inner();

    assert_eq!(pnl.positions.len(), 1);
    let [bnb, usdt] = &pnl.totals[..] else {
        panic!("{:?}", pnl.totals)
    };
    assert_eq!((bnb.asset.as_str(), bnb.fees.as_str()), ("BNB", "0.001"));
    assert_eq!(bnb.net_pnl, "-0.001");
    assert_eq!(usdt.asset, "USDT");
    assert_eq!(usdt.realized_pnl, "7.5");
    assert_eq!(usdt.unrealized_pnl, "5");
    assert_eq!(usdt.fees, "0.07");
    assert_eq!(usdt.net_pnl, "12.43");
    assert_eq!(
        (usdt.gross_exposure.as_str(), usdt.net_exposure.as_str()),
        ("55", "55")
    );
}

#[tokio::test]
async fn positions_are_listed_in_order_and_by_filter() {
    let mesh = Mesh::ready().await;
    let of = |account: &str, symbol: &str| order::Fill {
        account: account.to_owned(),
        symbol: symbol.to_owned(),
        ..buy(1, "1", "100")
    };
    for (account, symbol) in [
        ("other", SOL),
        ("main", SOL),
        ("main", "BTC-USDT-PERP"),
        ("main", "SOL-USDT"),
    ] {
        mesh.order.conclude(of(account, symbol));
    }
    mesh.until("main", "SOL-USDT", |position| position.quantity == "1")
        .await;
    let list = |account: &str, venue: &str, symbol: &str| {
        let request = pb::ListPositionsRequest {
            account: account.to_owned(),
            venue: venue.to_owned(),
            symbol: symbol.to_owned(),
        };
        let mut client = mesh.client.clone();
        async move {
            let positions = client
                .list_positions(request)
                .await
                .unwrap()
                .into_inner()
                .positions;
            let names = positions
                .into_iter()
                .map(|held| format!("{} {}", held.account, held.symbol));
            names.collect::<Vec<_>>()
        }
    };
    assert_eq!(
        list("", "", "").await,
        [
            "main BTC-USDT-PERP",
            "main SOL-USDT",
            "main SOL-USDT-PERP",
            "other SOL-USDT-PERP"
        ]
    );
    assert_eq!(
        list("", VENUE, SOL).await,
        ["main SOL-USDT-PERP", "other SOL-USDT-PERP"]
    );
    assert_eq!(list("other", "", "BTC-USDT-PERP").await, [""; 0]);
}

#[tokio::test]
async fn margin_and_balances_are_the_venues_newest_word_with_a_history() {
    let connector = FakeConnector::new(&["main"]);
    connector.set_margin(margin("100", 1));
    connector.set_balances(&[balance("USDT", "100", 1), balance("BNB", "2", 1)]);
    let mesh = Mesh::start(FakeOrder::default(), connector).await;
    mesh.is_ready().await;
    let mut watch = mesh.watch("main", "").await.unwrap();
    if watch.snapshot().await.margins.is_empty() {
        until_margin(&mut watch, "100").await;
    }
    for (wallet_balance, second) in [("101", 2), ("102", 3)] {
        mesh.connector.set_margin(margin(wallet_balance, second));
        until_margin(&mut watch, wallet_balance).await;
    }
    let get = |history_limit| {
        let (account, venue) = ("main".to_owned(), VENUE.to_owned());
        let request = pb::GetMarginRequest {
            account,
            venue,
            history_limit,
        };
        let mut client = mesh.client.clone();
        async move { client.get_margin(request).await.unwrap().into_inner() }
    };
    let answer = get(10).await;
    assert_eq!(answer.margin.as_ref().unwrap().wallet_balance, "102");
    assert_eq!(answer.margin.unwrap().unrealized_pnl, "-1.5");
    let history: Vec<_> = answer
        .history
        .iter()
        .map(|margin| margin.wallet_balance.as_str())
        .collect();
    assert_eq!(history, ["100", "101"]);
    assert_eq!(get(0).await.history, []);

    let account = "main".to_owned();
    mesh.connector
        .tell("main", Event::Balance(balance("USDT", "102", 9)));
    loop {
        if let Some(Change::Balance(balance)) = watch.change().await.change
            && balance.total == "102"
        {
            break;
        }
    }
    let request = pb::ListBalancesRequest {
        account,
        venue: String::new(),
    };
    let balances = mesh
        .client
        .clone()
        .list_balances(request)
        .await
        .unwrap()
        .into_inner()
        .balances;
    let balances: Vec<_> = balances
        .iter()
        .map(|held| (held.asset.as_str(), held.total.as_str()))
        .collect();
    assert_eq!(balances, [("BNB", "2"), ("USDT", "102")]);
}

#[tokio::test]
async fn margin_that_cannot_be_told_is_refused_by_reason() {
    let mesh = Mesh::ready().await;
    super::mesh::until_at_least(1, || mesh.connector.looks()).await;
    let refusal = |account: &str, venue: &str, history_limit| {
        let (account, venue) = (account.to_owned(), venue.to_owned());
        let request = pb::GetMarginRequest {
            account,
            venue,
            history_limit,
        };
        let mut client = mesh.client.clone();
        async move { client.get_margin(request).await.unwrap_err() }
    };
    let unknown = refusal("main", "nowhere", 0).await;
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(reason_of(&unknown).as_deref(), Some("UNKNOWN_VENUE"));
    assert_eq!(facts_of(&unknown)["known"], VENUE);
    let unknown = refusal("nobody", VENUE, 0).await;
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(reason_of(&unknown).as_deref(), Some("UNKNOWN_ACCOUNT"));
    let silent = refusal("main", VENUE, 0).await;
    assert_eq!(silent.code(), Code::Unavailable);
    assert_eq!(reason_of(&silent).as_deref(), Some("VENUE_NOT_READY"));
    for (account, venue, limit, field) in [
        ("", VENUE, 0, "account"),
        ("main", "", 0, "venue"),
        ("main", VENUE, -1, "history_limit"),
        ("main", VENUE, 1_001, "history_limit"),
    ] {
        let invalid = refusal(account, venue, limit).await;
        assert_eq!(reason_of(&invalid).as_deref(), Some("INVALID_FIELD"));
        assert_eq!(fields_of(&invalid)[0].field, field);
    }
}

#[tokio::test]
async fn h045_a_name_that_is_none_is_refused_by_field() {
    let mesh = Mesh::ready().await;
    let hostile = [
        "../main",
        "Main",
        "ma in",
        "main\0",
        "\u{202e}niam",
        &"m".repeat(10_000),
        "*",
    ];
    for name in hostile {
        for (field, request) in [
            (
                "account",
                pb::ListPositionsRequest {
                    account: name.into(),
                    ..Default::default()
                },
            ),
            (
                "venue",
                pb::ListPositionsRequest {
                    venue: name.into(),
                    ..Default::default()
                },
            ),
            (
                "symbol",
                pb::ListPositionsRequest {
                    symbol: name.into(),
                    ..Default::default()
                },
            ),
        ] {
            let refusal = mesh
                .client
                .clone()
                .list_positions(request)
                .await
                .unwrap_err();
            assert_eq!(refusal.code(), Code::InvalidArgument);
            assert_eq!(fields_of(&refusal)[0].field, field);
        }
        let refusal = mesh.watch(name, "").await.err().unwrap();
        assert_eq!(fields_of(&refusal)[0].field, "account");
    }
}

#[tokio::test]
async fn a_setting_out_of_range_is_refused_by_name() {
    let bad = [
        (
            "settle_ms",
            Config {
                settle_ms: 0,
                ..quick()
            },
        ),
        (
            "heartbeat_ms",
            Config {
                heartbeat_ms: u64::MAX,
                ..quick()
            },
        ),
        (
            "changes_kept",
            Config {
                changes_kept: 0,
                ..quick()
            },
        ),
        (
            "reader_queue",
            Config {
                reader_queue: 0,
                ..quick()
            },
        ),
        (
            "margin_history",
            Config {
                margin_history: 1_001,
                ..quick()
            },
        ),
    ];
    for (name, config) in bad {
        match config.check() {
            Err(StartError::Config { field, .. }) => assert_eq!(field, name),
            other => panic!("{other:?}"),
        }
    }
}
