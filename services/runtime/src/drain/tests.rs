use super::*;

#[tokio::test]
async fn every_signal_hears_of_the_drain_early_or_late() {
    let drain = Drain::new();
    let early = drain.signal();
    let waiting = tokio::spawn(async move { early.draining().await });
    assert!(!drain.has_begun());
    drain.begin();
    drain.begin();
    waiting.await.unwrap();
    let late = drain.signal();
    late.draining().await;
    assert!(late.is_draining() && drain.has_begun());
}

#[tokio::test]
async fn a_drain_is_complete_when_the_last_hold_is_gone() {
    let drain = Drain::new();
    let (first, second) = (drain.signal().hold(), drain.signal().hold());
    let complete = tokio::spawn({
        let drain = drain.clone();
        async move { drain.complete(Duration::from_secs(60)).await }
    });
    drain.signal().draining().await;
    drop(first);
    assert!(!complete.is_finished());
    drop(second);
    assert_eq!(complete.await.unwrap(), Completion::Finished);
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_at_its_deadline_and_says_what_was_left() {
    let drain = Drain::new();
    let _open = drain.signal().hold();
    let completion = drain.complete(Duration::from_secs(5)).await;
    assert_eq!(completion, Completion::CutOff { remaining: 1 });
}

#[tokio::test(start_paused = true)]
async fn a_signal_without_a_drain_never_tells_of_one() {
    let signal = Signal::never();
    let waited = tokio::time::timeout(Duration::from_secs(3_600), signal.draining()).await;
    assert!(waited.is_err() && !signal.is_draining());
}
