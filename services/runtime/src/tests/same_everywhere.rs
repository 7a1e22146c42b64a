//! Every behaviour here is run twice: in process and over a socket.

use std::time::Duration;

use tonic::{Code, Request};

use super::probe::{Probe, ProbeClient, Server, within, word};
use crate::Channel;
use crate::context::CallContext;
use crate::deadline::Deadline;
use crate::fault::reason_of;
use crate::listen::ListenOptions;
use crate::server::Policy;
use crate::trace::TraceContext;

/// One way to a probe.
struct Way {
    name: &'static str,
    client: ProbeClient,
    probe: Probe,
    _server: Option<Server>,
}

async fn ways_under(policy: Policy, next: bool) -> Vec<Way> {
    let mut ways = Vec::new();
    for name in ["in process", "over a socket"] {
        let mut probe = Probe::new();
        if next {
            probe.next = Some(lead(name, &Probe::new(), Policy::default()).await.0);
        }
        let (channel, server) = lead(name, &probe, policy).await;
        ways.push(Way {
            name,
            client: ProbeClient(channel),
            probe,
            _server: server,
        });
    }
    ways
}

async fn lead(name: &str, probe: &Probe, policy: Policy) -> (Channel, Option<Server>) {
    let service = probe.service().with_policy(policy);
    if name == "in process" {
        return (Channel::in_process([service]), None);
    }
    let server = Server::start(vec![service], ListenOptions::default()).await;
    (server.channel(), Some(server))
}

async fn ways() -> Vec<Way> {
    ways_under(Policy::default(), false).await
}

fn timed(text: &str, budget: Duration) -> Request<super::probe::Word> {
    let mut request = Request::new(word(text));
    request.set_timeout(budget);
    request
}

#[tokio::test]
async fn all_kinds_of_calls_are_answered() {
    for way in ways().await {
        assert_eq!(
            way.client.echo("hello").await.unwrap().text,
            "hello",
            "{}",
            way.name
        );
        let mut words = way.client.watch("count", 3).await.unwrap();
        let mut count = 0;
        while words.message().await.unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 4, "{}", way.name);
        let sum = way
            .client
            .collect(vec![word("a"), word("b")])
            .await
            .unwrap();
        assert_eq!(sum.number, 2, "{}", way.name);
        let refusal = way.client.echo("refuse").await.unwrap_err();
        assert_eq!(refusal.code(), Code::FailedPrecondition, "{}", way.name);
    }
}

#[tokio::test]
async fn a_handler_that_hangs_answers_deadline_exceeded_and_is_dropped() {
    for way in ways().await {
        let call = way
            .client
            .echo_with(timed("hang", Duration::from_millis(80)));
        let late = within(call).await.unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded, "{}", way.name);
        assert_eq!(
            reason_of(&late).as_deref(),
            Some("DEADLINE_EXCEEDED"),
            "{}",
            way.name
        );
        way.probe.until_running(0).await;
        assert_eq!(way.probe.begun(), 1, "{}", way.name);
    }
}

#[tokio::test]
async fn a_deadline_covers_the_body_of_a_stream() {
    for way in ways().await {
        let request = timed("open", Duration::from_millis(80));
        let mut words = way.client.watch_with(request).await.unwrap();
        assert_eq!(words.message().await.unwrap().unwrap().text, "first");
        let end = within(words.message()).await.unwrap_err();
        assert_eq!(end.code(), Code::DeadlineExceeded, "{}", way.name);
        way.probe.until_running(0).await;
    }
}

#[tokio::test]
async fn a_stream_without_a_deadline_outlives_the_longest_unary_call() {
    let policy = Policy {
        unary_deadline_max: Duration::from_millis(50),
        ..Policy::default()
    };
    for way in ways_under(policy, false).await {
        let mut words = way.client.watch("open", 0).await.unwrap();
        words.message().await.unwrap();
        // A unary call that hangs ends by policy; the stream is older than that and still open.
        let late = within(way.client.echo("hang")).await.unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded, "{}", way.name);
        way.probe.until_running(1).await;
    }
}

#[tokio::test]
async fn h14_a_budget_above_policy_is_clamped() {
    let policy = Policy {
        unary_deadline_max: Duration::from_secs(2),
        ..Policy::default()
    };
    for way in ways_under(policy, false).await {
        let answer = way
            .client
            .echo_with(timed("budget", Duration::from_secs(3_600)))
            .await;
        let micros = answer.unwrap().number;
        assert!((1..=2_000_000).contains(&micros), "{}: {micros}", way.name);
    }
}

#[tokio::test]
async fn a_budget_shrinks_by_what_each_hop_used() {
    for way in ways_under(Policy::default(), true).await {
        let answer = way
            .client
            .echo_with(timed("next budget", Duration::from_secs(10)))
            .await;
        let micros = answer.unwrap().number;
        // The first hop slept for 20 ms of the ten seconds.
        assert!((1..=9_980_000).contains(&micros), "{}: {micros}", way.name);
    }
}

#[tokio::test]
async fn a_call_within_a_call_takes_the_earlier_deadline() {
    for way in ways().await {
        let outer = Deadline::after(Duration::from_secs(1));
        let call = way
            .client
            .echo_with(timed("budget", Duration::from_secs(20)));
        let micros = outer.scope(call).await.unwrap().number;
        assert!((1..=1_000_000).contains(&micros), "{}: {micros}", way.name);
    }
}

#[tokio::test]
async fn h14_a_passed_deadline_never_reaches_the_handler() {
    for way in ways().await {
        let passed = Deadline::after(Duration::ZERO);
        let refusal = passed.scope(way.client.echo("hello")).await.unwrap_err();
        assert_eq!(refusal.code(), Code::DeadlineExceeded, "{}", way.name);
        assert_eq!(way.probe.begun(), 0, "{}", way.name);
    }
}

#[tokio::test]
async fn a_trace_goes_on_across_hops_and_into_stream_bodies() {
    for way in ways_under(Policy::default(), true).await {
        let trace = TraceContext::root();
        let context = CallContext {
            deadline: None,
            trace: Some(trace),
        };
        let id = format!("{:032x}", trace.trace_id());
        let far = context
            .scope(way.client.echo("next trace"))
            .await
            .unwrap()
            .text;
        assert!(far.contains(&id), "{}: {far}", way.name);
        assert_ne!(
            far,
            trace.to_string(),
            "{}: a hop is a span of its own",
            way.name
        );
        let mut words = context.scope(way.client.watch("trace", 0)).await.unwrap();
        words.message().await.unwrap();
        let streamed = words.message().await.unwrap().unwrap().text;
        assert!(streamed.contains(&id), "{}: {streamed}", way.name);
    }
}

#[tokio::test]
async fn a_call_without_a_trace_begins_one() {
    for way in ways().await {
        let text = way.client.echo("trace").await.unwrap().text;
        assert!(
            TraceContext::parse(&text.parse().unwrap()).is_some(),
            "{}: {text}",
            way.name
        );
    }
}

#[tokio::test]
async fn a_panic_fails_its_own_call_and_no_other() {
    for way in ways().await {
        let mut open = way.client.watch("open", 0).await.unwrap();
        open.message().await.unwrap();
        let failure = way.client.echo("panic").await.unwrap_err();
        assert_eq!(failure.code(), Code::Internal, "{}", way.name);
        assert!(
            !failure.message().contains("on purpose"),
            "{}: panic text leaks",
            way.name
        );
        let mut words = way.client.watch("panic", 0).await.unwrap();
        assert_eq!(
            words.message().await.unwrap_err().code(),
            Code::Internal,
            "{}",
            way.name
        );
        way.client.echo("still here").await.unwrap();
        way.probe.until_running(1).await;
    }
}

#[tokio::test]
async fn a_call_too_many_is_shed_and_told_when_to_come_back() {
    let policy = Policy {
        calls_max: 1,
        streams_max: 1,
        ..Policy::default()
    };
    for way in ways_under(policy, false).await {
        let hanging = tokio::spawn({
            let client = way.client.clone();
            async move { client.echo("hang").await }
        });
        way.probe.until_running(1).await;
        let shed = way.client.echo("hello").await.unwrap_err();
        assert_eq!(shed.code(), Code::ResourceExhausted, "{}", way.name);
        assert_eq!(
            reason_of(&shed).as_deref(),
            Some("OVERLOADED"),
            "{}",
            way.name
        );
        assert_eq!(
            crate::fault::retry_after_of(&shed),
            Some(policy.retry_after),
            "{}",
            way.name
        );
        // Streams have places of their own, held until their last byte.
        let mut open = way.client.watch("open", 0).await.unwrap();
        open.message().await.unwrap();
        let shed = way.client.watch("open", 0).await.unwrap_err();
        assert_eq!(
            reason_of(&shed).as_deref(),
            Some("OVERLOADED"),
            "{}",
            way.name
        );
        hanging.abort();
        drop(open);
        way.probe.until_running(0).await;
        within(until_admitted(&way.client)).await;
    }
}

/// A place is free a moment after its handler is gone.
async fn until_admitted(client: &ProbeClient) {
    while client.echo("hello").await.is_err() {
        tokio::task::yield_now().await;
    }
}
