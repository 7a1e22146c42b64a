use super::{Hub, QUEUE_MAX, SocketFate, SocketKind};
use crate::transport::Switch;

fn plain(_: &str, raw: &str) -> String {
    raw.to_owned()
}

#[test]
fn a_reader_that_is_too_slow_is_closed_and_others_go_on() {
    let mut hub = Hub::default();
    let slow = hub.open(SocketKind::Public, false, Switch::default());
    let mut quick = hub.open(SocketKind::Public, false, Switch::default());
    hub.subscribe(slow.id, "s");
    hub.subscribe(quick.id, "s");

    for number in 0..=QUEUE_MAX {
        hub.publish("s", &number.to_string(), plain);
        assert_eq!(quick.queue.try_recv().unwrap().as_str(), number.to_string());
    }

    assert_eq!(*slow.fate.borrow(), SocketFate::Closed { code: 1008 });
    assert_eq!(*quick.fate.borrow(), SocketFate::Open);
    assert_eq!(hub.slow_closed, 1);
}

#[test]
fn a_closed_connection_leaves_nothing_behind() {
    let mut hub = Hub::default();
    let inbox = hub.open(SocketKind::Public, false, Switch::default());
    hub.subscribe(inbox.id, "s");
    assert!(hub.wants("s"));
    hub.close(inbox.id);
    assert!(!hub.wants("s"));
    assert!(hub.list().is_empty());
}
