//! The generated server, but for `Watch`, whose frames are encoded already.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use bytes::Bytes;
use chimera_contracts::market_data::v1::{
    WatchRequest, market_data_service_server::MarketDataServiceServer,
};
use futures::{FutureExt as _, future::BoxFuture, stream::BoxStream};
use http::{Request, Response};
use tonic::{
    Status,
    body::Body,
    server::{Grpc, NamedService, ServerStreamingService},
};

use super::MarketDataApi;
use crate::codec::RawCodec;

const WATCH: &str = "/chimera.market_data.v1.MarketDataService/Watch";

/// The service as it is mounted.
#[derive(Clone)]
pub struct MarketDataServer {
    generated: MarketDataServiceServer<MarketDataApi>,
    api: MarketDataApi,
}

impl MarketDataServer {
    /// Returns the server of these handlers.
    pub fn new(api: MarketDataApi) -> Self {
        Self {
            generated: MarketDataServiceServer::new(api.clone()),
            api,
        }
    }
}

impl NamedService for MarketDataServer {
    const NAME: &'static str = <MarketDataServiceServer<MarketDataApi> as NamedService>::NAME;
}

impl tower::Service<Request<Body>> for MarketDataServer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path() == WATCH {
            let watch = Watch(self.api.clone());
            return async move { Ok(Grpc::new(RawCodec).server_streaming(watch, request).await) }
                .boxed();
        }
        self.generated.call(request).boxed()
    }
}

struct Watch(MarketDataApi);

impl ServerStreamingService<WatchRequest> for Watch {
    type Response = Bytes;
    type ResponseStream = BoxStream<'static, Result<Bytes, Status>>;
    type Future = BoxFuture<'static, Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: tonic::Request<WatchRequest>) -> Self::Future {
        let frames = self.0.frames(request.into_inner());
        async move { frames.map(tonic::Response::new) }.boxed()
    }
}
