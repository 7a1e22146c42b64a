//! Listen keys and the life of private streams.

use serde_json::json;

use crate::support::World;

const PATH: &str = "/fapi/v1/listenKey";

#[tokio::test]
async fn an_account_has_one_listen_key_that_lives_until_it_is_closed() {
    let world = World::quiet().await;
    let key = Some(world.key.as_str());
    let extend = || async { world.raw("PUT", PATH, key, "").await };
    assert_eq!(extend().await.code(), -1125, "there is none yet");

    let first = world.listen_key().await;
    assert_eq!(first.len(), 64);
    assert_eq!(world.listen_key().await, first);
    assert_eq!(extend().await.json(), json!({ "listenKey": first }));
    let other = world
        .raw("PUT", &format!("{PATH}?listenKey=other"), key, "")
        .await;
    assert_eq!(other.code(), -1125);

    assert_eq!(world.raw("DELETE", PATH, key, "").await.text, "{}");
    assert_eq!(extend().await.code(), -1125);
    assert_ne!(world.listen_key().await, first);
}

#[tokio::test]
async fn listen_keys_need_a_key_and_no_signature() {
    let world = World::quiet().await;
    assert_eq!(world.raw("POST", PATH, None, "").await.code(), -2014);
    assert_eq!(
        world.raw("POST", PATH, Some("nobody"), "").await.code(),
        -2015
    );
}

#[tokio::test]
async fn an_expired_listen_key_is_announced_and_then_silent() {
    let world = World::quiet().await;
    let mut stream = world.private().await;
    let key = world.listen_key().await;
    world.resting("before").await;
    assert_eq!(stream.order().await["o"]["c"], "before");

    let ended = world
        .control("POST", "sessions/expire", &json!({ "account": "main" }))
        .await;
    assert_eq!(ended, json!({ "sessions": 1 }));
    let expired = stream.until(|value| value["e"] == "listenKeyExpired").await;
    assert_eq!(expired["listenKey"], key.as_str());

    // A new key is a new stream: the old socket hears nothing of what follows.
    let mut renewed = world.private().await;
    world.resting("after").await;
    assert_eq!(renewed.order().await["o"]["c"], "after");
    assert!(
        stream
            .is_silent(std::time::Duration::from_millis(200))
            .await
    );
    assert_eq!(
        world.raw("PUT", PATH, Some(&world.key), "").await.status,
        200
    );
}

#[tokio::test]
async fn a_session_ends_by_itself_when_nobody_keeps_it_alive() {
    let world = World::quiet().await;
    let mut stream = world.private().await;
    let hour_ms = 60 * 60 * 1000 + 1;
    world
        .control("POST", "clock", &json!({ "skew_ms": hour_ms }))
        .await;
    stream.until(|value| value["e"] == "listenKeyExpired").await;
    assert_eq!(
        world.raw("PUT", PATH, Some(&world.key), "").await.code(),
        -1125
    );
}

#[tokio::test]
async fn a_private_stream_tells_only_the_events_that_were_asked_for() {
    let world = World::quiet().await;
    let key = world.listen_key().await;
    let path = format!("/private/stream?listenKey={key}&events=ACCOUNT_UPDATE");
    let mut balances = world.socket(&path).await;
    let mut all = world.socket(&format!("/private/ws/{key}")).await;
    world.resting("quiet").await;
    world.buy_market("loud", "0.002").await;

    assert_eq!(all.order().await["o"]["c"], "quiet");
    let first = balances.next().await.unwrap();
    assert_eq!(first["stream"], format!("{key}@ACCOUNT_UPDATE"));
    assert_eq!(first["data"]["e"], "ACCOUNT_UPDATE");
}

/// The venue's documented order: acceptance, then balance and trade, one transaction time.
#[tokio::test]
async fn a_fill_tells_balance_position_and_order() {
    let world = World::quiet().await;
    let mut stream = world.private().await;
    let order = world.buy_market("fill", "0.002").await;

    let taken = stream.order().await;
    assert_eq!(
        (&taken["o"]["x"], &taken["o"]["X"]),
        (&json!("NEW"), &json!("NEW"))
    );
    let account = stream.until(|value| value["e"] == "ACCOUNT_UPDATE").await;
    assert_eq!(account["a"]["m"], "ORDER");
    assert_eq!(account["a"]["P"][0]["pa"], "0.002");
    let lite = stream.until(|value| value["e"] == "TRADE_LITE").await;
    let trade = stream.order().await;
    assert_eq!(
        (&trade["o"]["x"], &trade["o"]["X"]),
        (&json!("TRADE"), &json!("FILLED"))
    );
    assert_eq!(trade["o"]["i"], order["orderId"]);
    assert_eq!(trade["o"]["t"], lite["t"]);
    assert_eq!(trade["T"], account["T"]);

    let trades = world
        .signed("GET", "/fapi/v1/userTrades", &[("symbol", "BTCUSDT")])
        .await
        .json();
    assert_eq!(trades[0]["id"], trade["o"]["t"]);
    assert_eq!(trades[0]["commission"], trade["o"]["n"]);
}

#[tokio::test]
async fn leverage_changes_are_told() {
    let world = World::quiet().await;
    let mut stream = world.private().await;
    let set = [("symbol", "BTCUSDT"), ("leverage", "7")];
    world.signed("POST", "/fapi/v1/leverage", &set).await;
    let told = stream
        .until(|value| value["e"] == "ACCOUNT_CONFIG_UPDATE")
        .await;
    assert_eq!(told["ac"], json!({ "s": "BTCUSDT", "l": 7 }));
}
