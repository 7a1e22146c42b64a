use super::*;
use crate::fault::reason_of;

#[tokio::test]
async fn every_reader_gets_every_event_from_its_subscription_on() {
    let fanout = Fanout::new(8, 8);
    let mut early = fanout.subscribe().unwrap();
    fanout.publish(&1);
    let mut late = fanout.subscribe().unwrap();
    fanout.publish(&2);
    assert_eq!(early.next().await, Next::Event(1));
    assert_eq!(early.next().await, Next::Event(2));
    assert_eq!(late.next().await, Next::Event(2));
}

#[tokio::test]
async fn f128_a_reader_that_is_too_slow_is_ended_without_a_gap_and_alone() {
    let fanout = Fanout::new(2, 8);
    let mut slow = fanout.subscribe().unwrap();
    let mut quick = fanout.subscribe().unwrap();
    for event in 1..=4 {
        fanout.publish(&event);
        assert_eq!(quick.next().await, Next::Event(event));
    }
    assert_eq!(fanout.readers(), 1);
    assert_eq!(slow.next().await, Next::Event(1));
    assert_eq!(slow.next().await, Next::Event(2));
    assert_eq!(slow.next().await, Next::End(End::SlowReader));
    assert_eq!(slow.next().await, Next::End(End::SlowReader));
}

#[tokio::test]
async fn the_end_reaches_every_reader_behind_its_last_event() {
    let fanout = Fanout::new(8, 8);
    let mut reader = fanout.subscribe().unwrap();
    fanout.publish(&1);
    fanout.end(End::EpochChanged);
    fanout.end(End::Draining);
    fanout.publish(&2);
    assert_eq!(reader.next().await, Next::Event(1));
    assert_eq!(reader.next().await, Next::End(End::EpochChanged));
    let mut late = fanout.subscribe().unwrap();
    assert_eq!(late.next().await, Next::End(End::EpochChanged));
}

#[tokio::test]
async fn a_reader_whose_publisher_is_gone_ends() {
    let fanout: Fanout<u8> = Fanout::new(8, 8);
    let mut reader = fanout.subscribe().unwrap();
    drop(fanout);
    assert_eq!(reader.next().await, Next::End(End::Draining));
}

#[test]
fn readers_are_bounded_and_one_that_is_gone_makes_room() {
    let fanout: Fanout<u8> = Fanout::new(8, 1);
    let reader = fanout.subscribe().unwrap();
    let refusal = fanout.subscribe().unwrap_err().into_status();
    assert_eq!(reason_of(&refusal).as_deref(), Some("SUBSCRIPTION_LIMIT"));
    drop(reader);
    fanout.subscribe().unwrap();
}

#[test]
fn a_resume_token_leads_back_to_its_sequence() {
    let tokens = ResumeTokens::new(TokenKey::derived(b"secret", "orders"));
    let epoch = Epoch::from_number(7);
    let token = tokens.issue(b"account=main", epoch, 41);
    assert_eq!(tokens.read(b"account=main", epoch, &token), Ok(41));
    assert_eq!(epoch.to_string(), "0000000000000007");
}

#[test]
fn a_resume_token_of_another_epoch_is_expired_and_a_forged_one_invalid() {
    let tokens = ResumeTokens::new(TokenKey::random());
    let epoch = Epoch::random();
    let token = tokens.issue(b"account=main", epoch, 41);
    let expired = tokens
        .read(b"account=main", Epoch::random(), &token)
        .unwrap_err();
    assert_eq!(expired.code(), Code::OutOfRange);
    assert_eq!(expired.reason(), "RESUME_EXPIRED");
    // H31: a token seen elsewhere opens nobody else's stream.
    let foreign = tokens.read(b"account=other", epoch, &token).unwrap_err();
    assert_eq!(foreign.reason(), "INVALID_RESUME_TOKEN");
    for forged in ["", "x", &"A".repeat(43), &token[1..]] {
        assert_eq!(
            tokens.read(b"account=main", epoch, forged),
            Err(ResumeError::Invalid)
        );
    }
}
