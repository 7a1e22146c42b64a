//! Sessions against peers that speak the protocol byte by byte. Where time matters there is no
//! socket: both ends of a pipe in memory, under virtual time.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chimera_runtime::clock::Clock;
use futures::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Instant, advance};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};
use url::Url;

use super::{
    FrameKind, Incoming, Outgoing, Pacing, WebSocket, WebSocketError, WebSocketOptions,
    WebSocketRequest,
};

mod dialling;

const SECOND: Duration = Duration::from_secs(1);

fn clock() -> Clock {
    Clock::simulated(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
}

fn request() -> WebSocketRequest {
    WebSocketRequest::new(Url::parse("ws://venue.example/ws").unwrap())
}

/// Returns a session and its peer over a pipe that holds `pipe_bytes` each way.
async fn pair(
    options: WebSocketOptions,
    pipe_bytes: usize,
) -> (WebSocket, WebSocketStream<DuplexStream>) {
    let (ours, theirs) = duplex(pipe_bytes);
    let deadline = Instant::now() + 10 * SECOND;
    let session = WebSocket::over(ours, request(), options, clock(), deadline);
    let (session, peer) = tokio::join!(session, accept_async(theirs));
    (session.unwrap(), peer.unwrap())
}

fn text(incoming: Incoming) -> String {
    let Incoming::Frame(frame) = incoming else {
        panic!("{incoming:?}")
    };
    assert_eq!(frame.kind, FrameKind::Text);
    String::from_utf8(frame.payload.to_vec()).unwrap()
}

/// A frame as a server writes it: unmasked, with the length given and not that of the payload.
fn raw(first: u8, length: u64, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 127];
    frame.extend(length.to_be_bytes());
    frame.extend(payload);
    frame
}

#[tokio::test(start_paused = true)]
async fn messages_come_and_go_with_the_time_they_were_read() {
    let (mut session, mut peer) = pair(WebSocketOptions::default(), 4096).await;
    session
        .send(Outgoing::Text("subscribe".to_owned()))
        .await
        .unwrap();
    assert_eq!(
        peer.next().await.unwrap().unwrap(),
        Message::text("subscribe")
    );

    advance(3 * SECOND).await;
    peer.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    let Incoming::Frame(frame) = session.next().await.unwrap() else {
        panic!()
    };

    assert_eq!(
        (frame.kind, &frame.payload[..]),
        (FrameKind::Binary, &[1, 2, 3][..])
    );
    let since = frame
        .received_time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(since, Duration::from_secs(1_700_000_003));
}

#[tokio::test(start_paused = true)]
async fn f105_a_ping_is_answered_with_its_own_payload() {
    let (mut session, mut peer) = pair(WebSocketOptions::default(), 4096).await;
    let reading = tokio::spawn(async move { session.next().await });

    peer.send(Message::Ping(Bytes::from_static(b"1732190400000")))
        .await
        .unwrap();
    let answer = peer.next().await.unwrap().unwrap();

    assert_eq!(answer, Message::Pong(Bytes::from_static(b"1732190400000")));
    peer.send(Message::text("data")).await.unwrap();
    assert_eq!(text(reading.await.unwrap().unwrap()), "data");
}

#[tokio::test(start_paused = true)]
async fn f105_a_pong_that_cannot_be_written_closes_and_does_not_block_reading() {
    let (mut session, peer) = pair(WebSocketOptions::default(), 256).await;
    // From here on the peer writes and never reads.
    let mut pipe = peer.into_inner();
    let begun = Instant::now();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(SECOND / 10);
        loop {
            tick.tick().await;
            let ping = [&[0x89, 100][..], &[b'p'; 100], &[0x81, 1, b'd']].concat();
            if pipe.write_all(&ping).await.is_err() {
                return;
            }
        }
    });

    let mut messages = 0;
    let error = loop {
        match session.next().await {
            Ok(_) => messages += 1,
            Err(error) => break error,
        }
    };

    assert_eq!(error, WebSocketError::WriteTimeout);
    assert!(messages > 40, "{messages} read while the pong hung");
    let took = begun.elapsed();
    assert!((5 * SECOND..6 * SECOND).contains(&took), "{took:?}");
    assert_eq!(
        session.next().await,
        Err(WebSocketError::WriteTimeout),
        "ended is ended"
    );
    let refused = session.send(Outgoing::Text("late".to_owned())).await;
    assert_eq!(refused, Err(WebSocketError::WriteTimeout));
}

#[tokio::test(start_paused = true)]
async fn f106_a_message_that_the_peer_never_takes_ends_in_bounded_time() {
    let (mut session, peer) = pair(WebSocketOptions::default(), 256).await;
    let begun = Instant::now();

    let error = session
        .send(Outgoing::Text("x".repeat(1024)))
        .await
        .unwrap_err();

    assert_eq!(
        (error, begun.elapsed()),
        (WebSocketError::WriteTimeout, 5 * SECOND)
    );
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn f087_a_peer_that_only_pings_is_silent() {
    let options = WebSocketOptions {
        liveness: Some(10 * SECOND),
        ..WebSocketOptions::default()
    };
    let (mut session, mut peer) = pair(options, 4096).await;
    let begun = Instant::now();
    let pinging = tokio::spawn(async move {
        let mut tick = tokio::time::interval(SECOND);
        for _ in 0..35 {
            tick.tick().await;
            peer.send(Message::Ping(Bytes::new())).await.unwrap();
        }
        peer.send(Message::text("data")).await.unwrap();
        peer
    });

    for seconds in [10, 20] {
        let silence = Duration::from_secs(seconds);
        assert_eq!(session.next().await, Ok(Incoming::Silent { silence }));
        assert_eq!(begun.elapsed(), silence);
    }
    // F88: the session asked elsewhere and knows that the venue merely has nothing to say.
    advance(5 * SECOND).await;
    session.vouch();
    assert_eq!(text(session.next().await.unwrap()), "data");
    assert_eq!(begun.elapsed(), 34 * SECOND);

    let peer = pinging.await.unwrap();
    assert_eq!(
        session.next().await,
        Ok(Incoming::Silent {
            silence: 10 * SECOND
        })
    );
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_late_reader_does_not_take_its_own_delay_for_silence() {
    let options = WebSocketOptions {
        liveness: Some(SECOND),
        ..WebSocketOptions::default()
    };
    let (mut session, mut peer) = pair(options, 4096).await;
    peer.send(Message::text("data")).await.unwrap();

    advance(5 * SECOND).await;

    assert_eq!(text(session.next().await.unwrap()), "data");
}

#[tokio::test]
async fn h56_a_flood_without_a_message_hides_neither_silence_nor_the_end() {
    let liveness = Some(Duration::from_millis(100));
    let options = WebSocketOptions {
        liveness,
        ..WebSocketOptions::default()
    };
    // Pings, pongs, and a message that never ends, one empty frame after another.
    let floods: [(&[u8], &[u8]); 3] = [
        (b"", &[0x89, 0]),
        (b"", &[0x8a, 0]),
        (&[0x01, 0], &[0x00, 0]),
    ];
    for (begin, frame) in floods {
        let (mut session, peer) = pair(options, 1 << 16).await;
        let (begin, flood) = (begin.to_vec(), frame.repeat(10_000));
        let flooding = tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(peer.into_inner());
            let drain = async {
                while matches!(reader.read(&mut [0; 4096]).await, Ok(count) if count > 0) {}
            };
            let pour = async {
                let _ = writer.write_all(&begin).await;
                while writer.write_all(&flood).await.is_ok() {}
            };
            tokio::join!(drain, pour);
        });

        let incoming = tokio::time::timeout(20 * SECOND, session.next())
            .await
            .unwrap();

        assert!(
            matches!(incoming, Ok(Incoming::Silent { .. })),
            "{incoming:?}"
        );
        drop(session);
        flooding.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn h56_a_message_over_the_limit_is_cut() {
    let max_message_bytes = 64 * 1024;
    let options = WebSocketOptions {
        max_message_bytes,
        ..WebSocketOptions::default()
    };
    let hundred_megabytes = raw(0x82, 100 << 20, &[0; 1024]);
    let mut fragments = raw(0x02, 0x4000, &[b'x'; 0x4000]);
    for _ in 0..8 {
        fragments.extend(raw(0x00, 0x4000, &[b'x'; 0x4000]));
    }
    for bytes in [hundred_megabytes, fragments] {
        let (mut session, peer) = pair(options, 1 << 20).await;
        let mut pipe = peer.into_inner();
        pipe.write_all(&bytes).await.unwrap();

        assert_eq!(
            session.next().await,
            Err(WebSocketError::TooLarge { max_message_bytes })
        );
    }
    let (mut session, mut peer) = pair(options, 1 << 20).await;
    peer.send(Message::text("x".repeat(max_message_bytes)))
        .await
        .unwrap();
    assert_eq!(text(session.next().await.unwrap()).len(), max_message_bytes);
}

#[tokio::test(start_paused = true)]
async fn f107_broken_frames_and_ends_are_told_apart() {
    let closed = |code, reason: &str| WebSocketError::Closed {
        code,
        reason: reason.to_owned(),
    };
    let cases: [(&str, &[u8], WebSocketError); 7] = [
        ("not utf-8", &[0x81, 2, 0xff, 0xfe], WebSocketError::NotUtf8),
        (
            "masked",
            &[0x81, 0x81, 1, 2, 3, 4, 5],
            WebSocketError::Protocol {
                what: "frame or handshake",
            },
        ),
        (
            "unknown opcode",
            &[0x83, 0],
            WebSocketError::Protocol {
                what: "frame or handshake",
            },
        ),
        (
            "cut in a frame",
            &[0x81, 10, b'h', b'a', b'l', b'f'],
            WebSocketError::Transport {
                what: "reset without a close frame",
            },
        ),
        (
            "cut between frames",
            &[],
            WebSocketError::Transport {
                what: "reset without a close frame",
            },
        ),
        ("close without a code", &[0x88, 0], closed(1005, "")),
        (
            "close",
            &[0x88, 6, 0x03, 0xe9, b'\r', b'\n', 0x1b, b'x'],
            closed(1001, "\\r\\n\\u{1b}x"),
        ),
    ];
    for (name, bytes, expected) in cases {
        let (mut session, peer) = pair(WebSocketOptions::default(), 4096).await;
        let mut pipe = peer.into_inner();
        pipe.write_all(bytes).await.unwrap();
        drop(pipe);

        assert_eq!(session.next().await, Err(expected.clone()), "{name}");
        assert_eq!(
            session.next().await,
            Err(expected),
            "{name}: ended is ended"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn f102_frames_leave_no_faster_than_the_venue_allows() {
    let pacing = Some(Pacing {
        frames: 10,
        per: SECOND,
    });
    let options = WebSocketOptions {
        pacing,
        ..WebSocketOptions::default()
    };
    let (mut session, mut peer) = pair(options, 1 << 16).await;
    for number in 0..50 {
        session
            .send(Outgoing::Text(number.to_string()))
            .await
            .unwrap();
    }
    let reading = tokio::spawn(async move { session.next().await });

    let mut arrivals = Vec::new();
    for number in 0..50 {
        if number == 20 {
            peer.send(Message::Ping(Bytes::new())).await.unwrap();
        }
        loop {
            let message = peer.next().await.unwrap().unwrap();
            arrivals.push(Instant::now());
            if message == Message::text(number.to_string()) {
                break;
            }
            assert!(message.is_pong(), "{number}: {message}");
        }
    }

    assert_eq!(arrivals.len(), 51, "fifty in order, and one pong between");
    for ten_later in arrivals.windows(11) {
        assert!(ten_later[10] - ten_later[0] > SECOND);
    }
    assert!(
        arrivals[50] - arrivals[0] < 7 * SECOND,
        "and not much slower"
    );
    peer.send(Message::text("end")).await.unwrap();
    assert!(reading.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn f102_pongs_count_against_the_pacing_and_never_wait_for_it() {
    let pacing = Some(Pacing {
        frames: 10,
        per: SECOND,
    });
    let options = WebSocketOptions {
        pacing,
        ..WebSocketOptions::default()
    };
    let (mut session, mut peer) = pair(options, 1 << 16).await;
    for _ in 0..5 {
        peer.send(Message::Ping(Bytes::new())).await.unwrap();
        let reading = session.next();
        tokio::select! {
            incoming = reading => panic!("{incoming:?}"),
            pong = peer.next() => assert!(pong.unwrap().unwrap().is_pong()),
        }
    }
    for _ in 0..9 {
        session
            .send(Outgoing::Text("data".to_owned()))
            .await
            .unwrap();
    }

    let mut at_once = 0;
    while let Some(message) = peer.next().now_or_never() {
        assert!(message.unwrap().unwrap().is_text());
        at_once += 1;
    }

    assert_eq!(at_once, 4, "nine for data, less five pongs");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_wants_to_send_too_much_is_told_and_lives_on() {
    let pacing = Some(Pacing {
        frames: 5,
        per: SECOND,
    });
    let options = WebSocketOptions {
        pacing,
        ..WebSocketOptions::default()
    };
    let (mut session, mut peer) = pair(options, 1 << 16).await;

    let mut sent = 0;
    let full = loop {
        match session.send(Outgoing::Text("more".to_owned())).await {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };

    assert_eq!(
        (sent, full),
        (4 + 256, WebSocketError::OutboxFull { waiting: 256 })
    );
    peer.send(Message::text("data")).await.unwrap();
    assert_eq!(text(session.next().await.unwrap()), "data");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_read_loses_nothing() {
    let (mut session, mut peer) = pair(WebSocketOptions::default(), 64).await;
    let sending = tokio::spawn(async move {
        for number in 0..100 {
            peer.send(Message::text(format!("{number:>40}")))
                .await
                .unwrap();
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        peer
    });

    let mut seen = Vec::new();
    while seen.len() < 100 {
        if let Ok(incoming) = tokio::time::timeout(Duration::from_millis(2), session.next()).await {
            seen.push(text(incoming.unwrap()).trim().parse::<i32>().unwrap());
        }
    }

    assert_eq!(seen, (0..100).collect::<Vec<_>>());
    drop(sending.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_said_and_bounded() {
    let (session, mut peer) = pair(WebSocketOptions::default(), 4096).await;
    let (_, heard) = tokio::join!(session.close(), peer.next());
    assert!(heard.unwrap().unwrap().is_close());

    let (mut stuck, _peer) = pair(WebSocketOptions::default(), 256).await;
    let pending = tokio::time::timeout(SECOND, stuck.send(Outgoing::Text("x".repeat(999)))).await;
    assert!(pending.is_err());
    let begun = Instant::now();
    stuck.close().await;
    assert!(begun.elapsed() <= SECOND);
}
