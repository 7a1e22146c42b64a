//! A gRPC service written out by hand, whose answers show what the stack around it did.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use http::uri::PathAndQuery;
use prost::Message;
use prost_types::{
    FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic::server::{ClientStreamingService, NamedService, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::channel::RemoteOptions;
use crate::deadline::Deadline;
use crate::drain::{Completion, Drain, Signal};
use crate::listen::{self, ListenOptions};
use crate::trace::TraceContext;
use crate::{Channel, Service};

/// The one message of the service, both ways.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Word {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
    #[prost(uint64, tag = "2")]
    pub(crate) number: u64,
    #[prost(message, optional, boxed, tag = "3")]
    pub(crate) inner: Option<Box<Word>>,
}

pub(crate) fn word(text: &str) -> Word {
    Word {
        text: text.into(),
        ..Word::default()
    }
}

/// Does what the text of a request asks for.
#[derive(Clone)]
pub(crate) struct Probe {
    pub(crate) begun: Arc<AtomicUsize>,
    /// Handlers and streams that are running; watched, so that a test waits instead of sleeping.
    pub(crate) running: watch::Sender<usize>,
    pub(crate) signal: Signal,
    pub(crate) next: Option<Channel>,
}

/// Counts as running while it lives.
struct Running(watch::Sender<usize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Probe {
    pub(crate) fn new() -> Self {
        Self {
            begun: Arc::default(),
            running: watch::Sender::new(0),
            signal: Signal::never(),
            next: None,
        }
    }

    pub(crate) fn service(&self) -> Service {
        Service::new(self.clone(), &descriptor_set()).unwrap()
    }

    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// Waits until so many handlers and streams are running.
    pub(crate) async fn until_running(&self, count: usize) {
        let mut running = self.running.subscribe();
        within(running.wait_for(|now| *now == count)).await.unwrap();
    }

    fn run(&self) -> Running {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.running.send_modify(|count| *count += 1);
        Running(self.running.clone())
    }

    async fn echo(self, request: Word) -> Result<Word, Status> {
        let _running = self.run();
        match request.text.as_str() {
            "panic" => panic!("on purpose"),
            "hang" => std::future::pending().await,
            "budget" => Ok(Word {
                number: Deadline::current().map_or(0, |at| at.remaining().as_micros() as u64),
                ..request
            }),
            "trace" => Ok(word(
                &TraceContext::current()
                    .map(|it| it.to_string())
                    .unwrap_or_default(),
            )),
            "log" => {
                tracing::info!(quantity = "0.015", "handled");
                Ok(request)
            }
            "refuse" => Err(Status::failed_precondition("as asked")),
            onward => match (onward.strip_prefix("next "), self.next) {
                (Some(rest), Some(next)) => {
                    // The work of this hop: it takes 20 ms of the caller's budget.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    ProbeClient(next).echo(rest).await
                }
                _ => Ok(request),
            },
        }
    }

    fn watch(self, request: Word) -> BoxStream<'static, Result<Word, Status>> {
        let running = self.run();
        let first = stream::iter([Ok(word("first"))]);
        let rest = match request.text.as_str() {
            "open" => stream::pending().boxed(),
            "endless" => stream::repeat(()).map(|()| Ok(word("more"))).boxed(),
            "panic" => stream::once(async { panic!("on purpose") }).boxed(),
            "trace" => stream::once(async {
                let trace = TraceContext::current().map(|it| it.to_string());
                Ok(word(&trace.unwrap_or_default()))
            })
            .boxed(),
            "goodbye" => stream::once(async move {
                self.signal.draining().await;
                Ok(word("goodbye"))
            })
            .boxed(),
            _ => {
                let text = "x".repeat(33);
                let words = stream::iter(0..request.number).then(move |_| {
                    let word = word(&text);
                    // Pauses, so that each message leaves in a frame of its own: 40 bytes.
                    tokio::task::yield_now().map(|()| Ok(word))
                });
                words.boxed()
            }
        };
        // The closure owns the guard, so that it lives as long as the stream.
        let rest = rest.map(move |item| {
            let _ = &running;
            item
        });
        first.chain(rest).boxed()
    }

    async fn collect(self, mut requests: Streaming<Word>) -> Result<Word, Status> {
        let _running = self.run();
        let mut number = 0;
        while let Some(request) = requests.message().await? {
            number += 1 + request.number;
        }
        Ok(Word {
            number,
            ..Word::default()
        })
    }
}

struct Echo(Probe);
struct Watch(Probe);
struct Collect(Probe);

impl UnaryService<Word> for Echo {
    type Response = Word;
    type Future = BoxFuture<'static, Result<Response<Word>, Status>>;

    fn call(&mut self, request: Request<Word>) -> Self::Future {
        let probe = self.0.clone();
        Box::pin(async move { probe.echo(request.into_inner()).await.map(Response::new) })
    }
}

impl ServerStreamingService<Word> for Watch {
    type Response = Word;
    type ResponseStream = BoxStream<'static, Result<Word, Status>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Word>) -> Self::Future {
        let probe = self.0.clone();
        Box::pin(async move { Ok(Response::new(probe.watch(request.into_inner()))) })
    }
}

impl ClientStreamingService<Word> for Collect {
    type Response = Word;
    type Future = BoxFuture<'static, Result<Response<Word>, Status>>;

    fn call(&mut self, request: Request<Streaming<Word>>) -> Self::Future {
        let probe = self.0.clone();
        Box::pin(async move { probe.collect(request.into_inner()).await.map(Response::new) })
    }
}

impl NamedService for Probe {
    const NAME: &'static str = "probe.v1.ProbeService";
}

impl tower::Service<http::Request<Body>> for Probe {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let probe = self.clone();
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::default());
            Ok(match request.uri().path() {
                "/probe.v1.ProbeService/Echo" => grpc.unary(Echo(probe), request).await,
                "/probe.v1.ProbeService/Watch" => {
                    grpc.server_streaming(Watch(probe), request).await
                }
                "/probe.v1.ProbeService/Collect" => {
                    grpc.client_streaming(Collect(probe), request).await
                }
                other => Status::unimplemented(other.to_owned()).into_http(),
            })
        })
    }
}

pub(crate) fn descriptor_set() -> Vec<u8> {
    let method = |name: &str, client: bool, server: bool| MethodDescriptorProto {
        name: Some(name.into()),
        client_streaming: Some(client),
        server_streaming: Some(server),
        ..MethodDescriptorProto::default()
    };
    let service = ServiceDescriptorProto {
        name: Some("ProbeService".into()),
        method: vec![
            method("Echo", false, false),
            method("Watch", false, true),
            method("Collect", true, false),
        ],
        ..ServiceDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        package: Some("probe.v1".into()),
        service: vec![service],
        ..FileDescriptorProto::default()
    };
    FileDescriptorSet { file: vec![file] }.encode_to_vec()
}

/// Calls a probe.
#[derive(Clone)]
pub(crate) struct ProbeClient(pub(crate) Channel);

impl ProbeClient {
    fn grpc(&self) -> tonic::client::Grpc<Channel> {
        tonic::client::Grpc::new(self.0.clone())
    }

    pub(crate) async fn echo(&self, text: &str) -> Result<Word, Status> {
        self.echo_with(Request::new(word(text))).await
    }

    pub(crate) async fn echo_with(&self, request: Request<Word>) -> Result<Word, Status> {
        let path = PathAndQuery::from_static("/probe.v1.ProbeService/Echo");
        let answer = self
            .grpc()
            .unary(request, path, ProstCodec::default())
            .await;
        answer.map(Response::into_inner)
    }

    pub(crate) async fn watch(&self, text: &str, number: u64) -> Result<Streaming<Word>, Status> {
        let request = Word {
            text: text.into(),
            number,
            inner: None,
        };
        self.watch_with(Request::new(request)).await
    }

    pub(crate) async fn watch_with(
        &self,
        request: Request<Word>,
    ) -> Result<Streaming<Word>, Status> {
        let path = PathAndQuery::from_static("/probe.v1.ProbeService/Watch");
        let answer = self
            .grpc()
            .server_streaming(request, path, ProstCodec::<Word, Word>::default())
            .await;
        answer.map(Response::into_inner)
    }

    pub(crate) async fn collect(&self, words: Vec<Word>) -> Result<Word, Status> {
        let path = PathAndQuery::from_static("/probe.v1.ProbeService/Collect");
        let request = Request::new(stream::iter(words));
        let answer = self
            .grpc()
            .client_streaming(request, path, ProstCodec::default())
            .await;
        answer.map(Response::into_inner)
    }
}

/// A probe behind a listener of its own on loopback.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) drain: Drain,
    pub(crate) served: JoinHandle<Completion>,
}

impl Server {
    pub(crate) async fn start(services: Vec<Service>, options: ListenOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let drain = Drain::new();
        let served = tokio::spawn(listen::serve(listener, services, options, drain.signal()));
        Self {
            address,
            drain,
            served,
        }
    }

    pub(crate) fn channel(&self) -> Channel {
        Channel::remote(&self.address, RemoteOptions::default()).unwrap()
    }
}

/// Waits for something that must happen, at most for a time that only a failure reaches.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("it never happened")
}
