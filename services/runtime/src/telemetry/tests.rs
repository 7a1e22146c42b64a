use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use prost_types::{MethodDescriptorProto, ServiceDescriptorProto};
use serde_json::Value;
use tokio::sync::mpsc;
use tonic::body::Body;

use super::*;
use crate::context::CallContext;
use crate::listen::ListenOptions;
use crate::tests::probe::{Probe, ProbeClient, Server, within};
use crate::trace::TraceContext;
use crate::{Channel, Service};

/// What was written, shared by all writers.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn records(&self) -> Vec<Value> {
        self.text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

fn config(format: LogFormat) -> TelemetryConfig {
    TelemetryConfig {
        format,
        filter: "info".into(),
        ..TelemetryConfig::default()
    }
}

/// Returns what `work` logs.
fn logged(format: LogFormat, work: impl FnOnce()) -> Output {
    let output = Output::default();
    let writer = output.clone();
    let (subscriber, _) = subscriber(&config(format), move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, work);
    output
}

/// Everything that could end a line, drive a terminal or pass for another field.
const HOSTILE: &str =
    "a\nb\r\x1b[31mred\x1b[0m\" , \"level\":\"ERROR\" \u{9b}2J \u{202e}x\u{2028}y\0";

#[test]
fn h60_a_record_is_one_line_whatever_its_text_holds() {
    let output = logged(LogFormat::Json, || {
        tracing::info!(text = HOSTILE, shown = %HOSTILE, debug = ?HOSTILE, "{HOSTILE}");
    });
    let text = output.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.trim_end().chars().any(char::is_control), "{text:?}");
    assert!(
        !text.contains('\u{202e}') && !text.contains('\u{2028}'),
        "{text:?}"
    );
    let record = &output.records()[0];
    assert_eq!(record["level"], "INFO");
    assert!(
        record["text"]
            .as_str()
            .unwrap()
            .starts_with("a\nb\r\\u{1b}[31mred"),
        "{record}"
    );
}

#[test]
fn h60_a_record_for_people_is_one_line_too() {
    let output = logged(LogFormat::Human, || {
        tracing::warn!(text = HOSTILE, "{HOSTILE}")
    });
    let text = output.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.trim_end().chars().any(char::is_control), "{text:?}");
    assert!(text.contains(" WARN "), "{text}");
}

#[test]
fn h54_a_text_without_end_is_cut() {
    let output = logged(LogFormat::Json, || {
        tracing::info!(text = "é".repeat(1 << 20), "long")
    });
    let records = output.records();
    let text = records[0]["text"].as_str().unwrap();
    assert!(text.len() < 5_000 && text.ends_with('…'));
}

#[test]
fn a_record_has_the_fields_of_the_spans_around_it() {
    let output = logged(LogFormat::Json, || {
        let outer = tracing::info_span!("outer", account = "main", seq = 1);
        let inner = outer.in_scope(|| tracing::info_span!("inner", seq = 2, venue = "none yet"));
        inner.record("venue", "okx");
        inner.in_scope(|| tracing::info!(price = 1.5, good = true, level = "mine", "filled"));
    });
    let record = &output.records()[0];
    assert_eq!(record["account"], "main");
    assert_eq!(
        (&record["seq"], &record["venue"]),
        (&2.into(), &"okx".into())
    );
    assert_eq!(
        (&record["price"], &record["good"]),
        (&1.5.into(), &true.into())
    );
    assert_eq!(
        (&record["level"], &record["field_level"]),
        (&"INFO".into(), &"mine".into())
    );
    assert_eq!(record["message"], "filled");
    assert!(record["timestamp"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn what_a_handler_logs_names_the_callers_trace() {
    let output = Output::default();
    let writer = output.clone();
    let (subscriber, _) = subscriber(&config(LogFormat::Json), move || writer.clone()).unwrap();
    let _logging = tracing::subscriber::set_default(subscriber);
    let trace = TraceContext::root();
    let context = CallContext {
        deadline: None,
        trace: Some(trace),
    };
    let client = ProbeClient(Channel::in_process([Probe::new().service()]));
    context.scope(client.echo("log")).await.unwrap();
    let record = &output.records()[0];
    assert_eq!(record["trace_id"], format!("{:032x}", trace.trace_id()));
    assert_eq!(record["method"], "probe.v1.ProbeService/Echo");
    assert_eq!(record["quantity"], "0.015");
}

#[test]
fn a_filter_that_cannot_be_read_is_named() {
    let config = TelemetryConfig {
        filter: "a=b=c".into(),
        ..TelemetryConfig::default()
    };
    let error = subscriber(&config, io::sink).err().unwrap();
    assert!(matches!(&error, TelemetryError::Filter { filter, .. } if filter == "a=b=c"));
}

#[tokio::test]
async fn h64_metric_labels_are_methods_that_exist_or_other() {
    let quiet = TelemetryConfig {
        filter: "off".into(),
        ..TelemetryConfig::default()
    };
    let telemetry = init(&quiet).unwrap();
    init(&quiet).expect("a second call returns the first one's");
    let channel = Channel::in_process([Probe::new().service()]);
    let client = ProbeClient(channel.clone());
    client.echo("hello").await.unwrap();
    client.echo("refuse").await.unwrap_err();
    for path in [
        "/x/hostile-1",
        "/probe.v1.ProbeService/hostile-2",
        "/hostile-3",
    ] {
        let request = http::Request::post(path).body(Body::empty()).unwrap();
        tower::ServiceExt::oneshot(channel.clone(), request)
            .await
            .unwrap();
    }
    let text = telemetry.metrics().render();
    assert!(text.contains(r#"code="FAILED_PRECONDITION"} 1"#), "{text}");
    let seconds =
        r#"grpc_server_handling_seconds_bucket{method="probe.v1.ProbeService/Echo",le="30"}"#;
    assert!(text.contains(seconds), "{text}");
    assert!(
        text.contains(r#"method="other",code="UNIMPLEMENTED"}"#),
        "{text}"
    );
    assert!(!text.contains("hostile"), "{text}");
}

/// A collector that keeps the bytes of every export.
#[derive(Clone)]
struct Collector(mpsc::UnboundedSender<Bytes>);

impl tonic::server::NamedService for Collector {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl tower::Service<http::Request<Body>> for Collector {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = futures::future::BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let exports = self.0.clone();
        Box::pin(async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            exports.send(body).unwrap();
            Ok(tonic::Status::ok("").into_http())
        })
    }
}

fn collector(exports: mpsc::UnboundedSender<Bytes>) -> Service {
    let method = MethodDescriptorProto {
        name: Some("Export".into()),
        ..MethodDescriptorProto::default()
    };
    let service = ServiceDescriptorProto {
        name: Some("TraceService".into()),
        method: vec![method],
        ..ServiceDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        package: Some("opentelemetry.proto.collector.trace.v1".into()),
        service: vec![service],
        ..FileDescriptorProto::default()
    };
    let set = FileDescriptorSet { file: vec![file] }.encode_to_vec();
    Service::new(Collector(exports), &set).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exported_spans_belong_to_the_trace_that_logs_and_headers_name() {
    let (exports, mut exported) = mpsc::unbounded_channel();
    let server = Server::start(vec![collector(exports)], ListenOptions::default()).await;
    let mut config = config(LogFormat::Json);
    config.filter = "off,chimera_runtime=info".into();
    config.otlp_endpoint = Some(format!("http://{}", server.address));
    let (subscriber, traces) = subscriber(&config, io::sink).unwrap();
    let logging = tracing::subscriber::set_default(subscriber);

    let caller = TraceContext::root();
    let context = CallContext {
        deadline: None,
        trace: Some(caller),
    };
    let client = ProbeClient(Channel::in_process([Probe::new().service()]));
    let header = context.scope(client.echo("trace")).await.unwrap().text;
    let own = TraceContext::parse(&header.parse().unwrap()).unwrap();
    let rootless = client.echo("trace").await.unwrap().text;
    let rootless = TraceContext::parse(&rootless.parse().unwrap()).unwrap();
    drop(logging);
    let traces = traces.unwrap();
    tokio::task::spawn_blocking(move || traces.shutdown())
        .await
        .unwrap()
        .unwrap();

    let export = within(exported.recv()).await.unwrap();
    let holds = |id: &[u8]| export.windows(id.len()).any(|window| window == id);
    assert_eq!(own.trace_id(), caller.trace_id());
    assert!(
        holds(&caller.trace_id().to_be_bytes()),
        "the caller's trace"
    );
    assert!(
        holds(&caller.span_id().to_be_bytes()),
        "the caller's span, as the parent"
    );
    assert!(
        holds(&own.span_id().to_be_bytes()),
        "the span that the handler saw"
    );
    assert!(
        holds(&rootless.trace_id().to_be_bytes()),
        "a trace that began here"
    );
    assert!(holds(b"chimera"), "the name of the process");
}
