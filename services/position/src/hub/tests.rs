use std::time::Duration;

use chimera_contracts::position::v1 as pb;

use super::*;

fn account(name: &str) -> Account {
    Account::new(name).unwrap()
}

fn venue() -> Venue {
    Venue::new("binance-usdm").unwrap()
}

fn hub() -> Hub {
    Hub::new(Bounds {
        changes_kept: 4,
        reader_queue: 2,
        readers_max: 2,
    })
}

fn publish(hub: &mut Hub, account_name: &str) {
    let body = Body::Balance(pb::Balance::default());
    hub.publish(account(account_name), venue(), body, Instant::now());
}

fn only(account_name: &str) -> Filter {
    Filter {
        account: Some(account(account_name)),
        venue: None,
    }
}

async fn seqs(reader: &mut Reader) -> Vec<u64> {
    let mut seqs = Vec::new();
    while let Some(item) = reader.next().await {
        if let Item::Change(change) = item {
            seqs.push(change.seq);
        }
    }
    seqs
}

#[tokio::test]
async fn f046_a_reader_gets_the_changes_of_its_filter() {
    let mut hub = hub();
    let mut reader = hub.subscribe(only("main"), Instant::now()).unwrap();
    for name in ["main", "other", "main"] {
        publish(&mut hub, name);
    }
    hub.drain();
    assert_eq!(seqs(&mut reader).await, [1, 3]);
    assert_eq!(reader.end(), End::Draining);
}

/// It gets what fitted, learns why, and nobody else is slowed or harmed.
#[tokio::test]
async fn f128_a_slow_reader_is_ended_and_misses_nothing_before_its_end() {
    let mut hub = hub();
    let mut slow = hub.subscribe(Filter::default(), Instant::now()).unwrap();
    let mut other = hub.subscribe(only("other"), Instant::now()).unwrap();
    for _ in 0..3 {
        publish(&mut hub, "main");
    }
    publish(&mut hub, "other");
    hub.drain();
    assert_eq!(seqs(&mut slow).await, [1, 2]);
    assert_eq!(slow.end(), End::Slow);
    assert_eq!(seqs(&mut other).await, [4]);
    assert_eq!(other.end(), End::Draining);
}

#[tokio::test]
async fn what_was_missed_is_returned_whole_or_not_at_all() {
    let mut hub = hub();
    for name in ["main", "other", "main", "main", "other", "main"] {
        publish(&mut hub, name);
    }
    // Kept are 3 to 6.
    let missed = |seq, filter: Filter| {
        let changes = hub.after(seq, &filter).ok()?;
        Some(changes.iter().map(|change| change.seq).collect::<Vec<_>>())
    };
    assert_eq!(missed(2, Filter::default()), Some(vec![3, 4, 5, 6]));
    assert_eq!(missed(3, only("main")), Some(vec![4, 6]));
    assert_eq!(missed(6, Filter::default()), Some(Vec::new()));
    assert_eq!(missed(1, Filter::default()), None);
    assert_eq!(
        missed(7, Filter::default()),
        None,
        "a place that is not there yet"
    );
}

#[tokio::test]
async fn f127_readers_are_bounded_and_those_that_left_make_room() {
    let mut hub = hub();
    let first = hub.subscribe(Filter::default(), Instant::now()).unwrap();
    let _second = hub.subscribe(Filter::default(), Instant::now()).unwrap();
    let refusal = hub
        .subscribe(Filter::default(), Instant::now())
        .unwrap_err();
    assert!(matches!(
        refusal,
        PositionError::TooManyReaders { limit: 2 }
    ));
    drop(first);
    hub.subscribe(Filter::default(), Instant::now()).unwrap();
}

#[tokio::test]
async fn a_heartbeat_comes_when_nothing_else_did() {
    let mut hub = hub();
    let start = Instant::now();
    let mut reader = hub.subscribe(Filter::default(), start).unwrap();
    let interval = Duration::from_secs(5);
    let age = Some(Duration::from_secs(3));
    hub.beat(start + Duration::from_secs(4), interval, |_| age);
    publish(&mut hub, "main");
    hub.beat(start + Duration::from_secs(60), interval, |_| age);
    assert!(matches!(reader.next().await, Some(Item::Change(_))));
    let Some(Item::Heartbeat { seq, staleness }) = reader.next().await else {
        panic!("a heartbeat follows the change")
    };
    assert_eq!((seq, staleness), (1, age));
}
