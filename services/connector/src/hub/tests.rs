use chimera_contracts::connector::v1 as pb;

use super::*;

fn event(asset: &str) -> Event {
    Event::Balance(pb::BalanceReport {
        asset: asset.into(),
        ..Default::default()
    })
}

#[tokio::test]
async fn a_reader_gets_everything_after_its_snapshot_in_order() {
    let hub = Hub::default();
    hub.publish(event("A"));
    let (seq, snapshot, mut reader) = hub.subscribe(|| "snapshot").unwrap();
    assert_eq!((seq, snapshot), (1, "snapshot"));
    hub.publish(event("B"));
    hub.publish(event("C"));
    let got = [reader.next().await.unwrap(), reader.next().await.unwrap()];
    assert_eq!([got[0].seq, got[1].seq], [2, 3]);
    assert_eq!(got[1].event, event("C"));
}

#[tokio::test]
async fn f090_publishing_never_waits_and_a_slow_reader_is_ended_after_what_it_has() {
    let hub = Hub::default();
    let (_, (), mut slow) = hub.subscribe(|| ()).unwrap();
    for _ in 0..QUEUE_MAX {
        hub.publish(event("A"));
    }
    let (_, (), mut other) = hub.subscribe(|| ()).unwrap();
    hub.publish(event("B"));
    for seq in 1..=QUEUE_MAX as u64 {
        assert_eq!(slow.next().await.unwrap().seq, seq);
    }
    assert_eq!(slow.next().await.unwrap_err(), End::Slow);
    assert_eq!(other.next().await.unwrap().seq, QUEUE_MAX as u64 + 1);
}

#[tokio::test]
async fn a_closed_hub_ends_its_readers_and_takes_no_new_ones_alive() {
    let hub = Hub::default();
    let (_, (), mut reader) = hub.subscribe(|| ()).unwrap();
    hub.publish(event("A"));
    hub.close();
    assert!(reader.next().await.is_ok());
    assert_eq!(reader.next().await.unwrap_err(), End::Closed);
    let (_, (), mut late) = hub.subscribe(|| ()).unwrap();
    assert_eq!(late.next().await.unwrap_err(), End::Closed);
}

#[tokio::test]
async fn readers_are_bounded_and_gone_readers_make_room() {
    let hub = Hub::default();
    let readers: Vec<_> = (0..READERS_MAX)
        .map(|_| hub.subscribe(|| ()).unwrap())
        .collect();
    assert_eq!(hub.subscribe(|| ()).unwrap_err(), TooManyReaders);
    drop(readers);
    assert!(hub.subscribe(|| ()).is_ok());
}

#[tokio::test]
async fn f103_events_of_an_older_connection_never_pass() {
    let hub = Hub::default();
    let (_, (), mut reader) = hub.subscribe(|| ()).unwrap();
    hub.advance(1);
    assert!(hub.publish_from(1, event("A")));
    hub.advance(2);
    assert!(!hub.publish_from(1, event("B")));
    assert!(hub.publish_from(2, event("C")));
    assert_eq!(reader.next().await.unwrap().event, event("A"));
    assert_eq!(reader.next().await.unwrap().event, event("C"));
}
