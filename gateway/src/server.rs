//! The start of the edge: everything is compiled and checked, then the port is served until the
//! drain.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chimera_contracts::FILE_DESCRIPTOR_SET;
use chimera_runtime::drain::{Completion, Signal};
use chimera_runtime::listen::{Accept, serve_http};
use chimera_runtime::telemetry::MetricsHandle;
use chimera_runtime::{Channel, Service};
use http::Request;
use hyper::body::Incoming;
use prost_reflect::DescriptorPool;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::body::Body;
use tonic_health::pb::health_server::HealthServer;

use crate::config::{Config, check_loopback};
use crate::edge::Edge;
use crate::error::Error;
use crate::grpc::Forward;
use crate::guard::Guard;
use crate::health::Watchman;
use crate::pages::Pages;
use crate::reflection;
use crate::rest::{BodyLimits, HTTP_EXTENSION, Transcoder};
use crate::routes::Routes;

/// Descriptors of the services that the edge answers by itself.
const OWN_DESCRIPTORS: [&[u8]; 3] = [
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// What the edge stands in front of.
#[derive(Clone, Debug)]
pub struct GatewayDeps {
    /// The public services, by their full names (`chimera.order.v1.OrderService`), and the way to
    /// each. The same way must lead to `grpc.health.v1.Health` of whoever serves it, or it never
    /// counts as ready.
    pub channels: Vec<(String, Channel)>,
    /// What `/metrics` shows; an empty page where several meshes share one process.
    pub metrics: Option<MetricsHandle>,
    /// Tells when to stop.
    pub drain: Signal,
}

/// The edge, serving.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    served: JoinHandle<Completion>,
}

impl Server {
    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the drain has ended and every connection is closed.
    pub async fn ended(self) -> Completion {
        // The task is not cancelled by anyone and catches panics of calls below it.
        self.served
            .await
            .unwrap_or(Completion::CutOff { remaining: 0 })
    }
}

/// Opens the port of `config`, checked first.
pub async fn bind(config: &Config) -> Result<TcpListener, Error> {
    config.validate()?;
    let address = config.listen;
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Bind { address, source })
}

/// Starts the edge on `listener`.
pub async fn start(
    config: Config,
    deps: GatewayDeps,
    listener: TcpListener,
) -> Result<Server, Error> {
    config.validate()?;
    let local = |source: io::Error| Error::Bind {
        address: config.listen,
        source,
    };
    let address = listener.local_addr().map_err(local)?;
    check_loopback(address)?;
    let served = tokio::spawn(serve_over(&config, deps, listener)?);
    tracing::info!(%address, "gateway serves");
    Ok(Server { address, served })
}

/// Returns the edge on whatever connections come from, such as a simulated network; it serves until
/// the drain has ended. Where that is, nobody checks: whoever brings it answers for who reaches it.
pub fn serve_over<A: Accept>(
    config: &Config,
    deps: GatewayDeps,
    listener: A,
) -> Result<impl Future<Output = Completion> + Send + use<A>, Error> {
    config.validate()?;
    let options = config.listen_options();
    let signal = deps.drain.clone();
    let edge = Arc::new(compile(config, deps)?);
    let app = tower::service_fn(move |request: Request<Incoming>| {
        let edge = edge.clone();
        async move { Ok::<_, Infallible>(edge.answer(request.map(Body::new)).await) }
    });
    Ok(serve_http(listener, app, options, signal))
}

/// Compiles the contract for the services at hand.
fn compile(config: &Config, deps: GatewayDeps) -> Result<Edge, Error> {
    let mut pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET)?;
    for own in OWN_DESCRIPTORS {
        pool.decode_file_descriptor_set(own)?;
    }
    let mut routes = Routes::default();
    for (service, channel) in &deps.channels {
        refuse_internal(&pool, service)?;
        routes.mount(&pool, service, channel)?;
    }
    let within = Duration::from_millis(config.health_within_ms);
    let watchman = Watchman::new(deps.channels, within, deps.drain);
    mount_own(&pool, &mut routes, &watchman)?;
    let limits = BodyLimits {
        bytes_max: config.body_bytes_max,
        deadline: Duration::from_millis(config.body_within_ms),
    };
    let rest = Transcoder::new(&pool, &routes, limits)?;
    let pages = Pages::new(&routes, &rest, watchman, deps.metrics);
    let routes = Arc::new(routes);
    let grpc = Forward::new(routes.clone());
    Ok(Edge {
        guard: Guard::new(&config.hosts, &config.origins),
        web: grpc.clone().web(),
        grpc,
        rest,
        pages,
        routes,
        unary_deadline: Duration::from_millis(config.unary_deadline_ms),
    })
}

/// Mounts what the edge answers by itself: health and reflection of what is mounted before.
fn mount_own(pool: &DescriptorPool, routes: &mut Routes, watchman: &Watchman) -> Result<(), Error> {
    let names = [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];
    let described = names
        .iter()
        .filter_map(|name| pool.get_service_by_name(name));
    let described: Vec<_> = routes.services().iter().cloned().chain(described).collect();
    let [v1, v1alpha] = reflection::services(&described)?;
    let health = HealthServer::new(watchman.clone());
    let health = Service::new(health, tonic_health::pb::FILE_DESCRIPTOR_SET)?;
    let channel = Channel::in_process([health, v1, v1alpha]);
    for name in names {
        routes.mount(pool, name, &channel)?;
    }
    Ok(())
}

/// Refuses a service that the contract offers to no client: one without a REST path is internal.
fn refuse_internal(pool: &DescriptorPool, service: &str) -> Result<(), Error> {
    let Some(extension) = pool.get_extension_by_name(HTTP_EXTENSION) else {
        return Ok(());
    };
    let public = pool.get_service_by_name(service).is_none_or(|described| {
        described
            .methods()
            .any(|method| method.options().has_extension(&extension))
    });
    match public {
        true => Ok(()),
        false => Err(Error::Mount(format!(
            "{service} is internal; it has no REST path"
        ))),
    }
}
